import type { Timers } from '../../src/manager/resource-watcher.ts';

interface Pending {
  readonly callback: () => void;
  readonly delayMs: number;
}

/** Timers that fire when a test says so. */
export class ManualTimers implements Timers {
  readonly #pending = new Set<Pending>();

  setTimeout(callback: () => void, delayMs: number): unknown {
    const pending = { callback, delayMs };
    this.#pending.add(pending);
    return pending;
  }

  clearTimeout(handle: unknown): void {
    this.#pending.delete(handle as Pending);
  }

  /** Delays of what is set, in the order of setting. */
  get delays(): number[] {
    return [...this.#pending].map(({ delayMs }) => delayMs);
  }

  /** Fires all that is set now. @returns how many */
  fire(): number {
    const due = [...this.#pending];
    this.#pending.clear();
    for (const { callback } of due) callback();
    return due.length;
  }
}
