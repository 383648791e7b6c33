import type { Clock } from '../../src/clock.ts';

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number;

  /** @param start ms */
  constructor(start = 1_000_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** @param ms may be negative or a fraction */
  advance(ms: number): void {
    this.#now += ms;
  }
}
