import type { Clock } from '../clock.ts';
import { Word } from '../native/heap-block.ts';
import type { HeapClock } from '../native/heap-clock.ts';
import { badOption, callGiven } from '../options.ts';

/**
 * What the clock word holds while nobody ticks it. It is larger than every reading, so the age of
 * an entry with a deadline passes its `fastTtl` and the hit takes the slow path, which reads the
 * real time and wakes the ticker: no extra test on the fast path.
 */
export const ASLEEP = 0x7fff_ffff;

/**
 * From here on (12.4 days) the origin is moved up, so that readings stay small integers. One
 * comparison with it also catches `ASLEEP`.
 */
export const REBASE_AT = 2 ** 30;

/** Longest age that the fast path can judge: what was born last before a rebase is older while asleep. */
export const MAX_FAST_TTL_MS = REBASE_AT - 1;

/** Time as a store reads it: ms since an origin of the store's own. */
export interface StoreClock {
  /**
   * Whether time passes by itself. A manual clock does no background work: no ticker, no timer.
   */
  readonly ticking: boolean;
  /**
   * `[Word.clock]`: the current reading, or `ASLEEP`. `[Word.usedAt]`: the store writes the reading at
   * which it last used the clock.
   */
  readonly words: Int32Array;
  /** The time now; wakes the ticker. */
  read(): number;
  /** @returns `reading` in ms since 1970, or as the injected clock counts. */
  toWallMs(reading: number): number;
  /**
   * What a reading of now is behind the wall clock of now. That may have been set since `toWallMs`
   * was fixed: what outlives the process goes by this, so that ages are right.
   */
  wallOffsetMs(): number;
  /** Moves the origin of a ticking clock by `delta` ms. */
  rebase(delta: number): void;
}

/** A `Clock` that the user moves. */
export class ManualClock implements StoreClock {
  readonly ticking = false;
  readonly words = new Int32Array(Word.end);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.words[Word.clock] = ASLEEP;
    this.read();
  }

  read(): number {
    const now: unknown = callGiven('clock.now()', () => this.#clock.now());
    if (typeof now !== 'number' || !Number.isFinite(now)) {
      badOption('the result of clock.now()', now, 'a finite number of ms');
    }
    return now;
  }

  toWallMs(reading: number): number {
    return reading;
  }

  wallOffsetMs(): number {
    return 0;
  }

  rebase(): void {
    // Its readings are the user's own, and no fast path looks at them.
  }
}

/** The clock that the native thread ticks while the store is in use. */
export class NativeClock implements StoreClock {
  readonly ticking = true;
  readonly words: Int32Array;
  readonly #native: HeapClock;
  /** Reading 0 in ms since 1970. */
  #originMs: number;

  constructor(native: HeapClock) {
    this.#native = native;
    this.words = native.words;
    this.#originMs = Date.now() - native.wake();
  }

  read(): number {
    const reading = this.words[Word.clock]!;
    return reading === ASLEEP ? this.#native.wake() : reading;
  }

  toWallMs(reading: number): number {
    return this.#originMs + reading;
  }

  wallOffsetMs(): number {
    return Date.now() - this.read();
  }

  rebase(delta: number): void {
    this.#native.rebase(delta);
    this.#originMs += delta;
  }
}
