import type { HeapClock as NativeHeapClock } from '../../crates/binding/binding.cjs';
import { callNative, loadAddon } from './addon.ts';
import { mapBlock } from './heap-block.ts';

/** The clock of one heap store, ticked by the native thread, and the memory shared with it. */
export class HeapClock {
  readonly words: Int32Array;
  readonly #clock: NativeHeapClock;

  /** @param startMs what the clock reads at first; tests start near its limits */
  constructor(startMs = 0) {
    const addon = loadAddon();
    this.#clock = callNative(() => new addon.HeapClock(startMs));
    this.words = callNative(() => mapBlock(this.#clock));
  }

  /** @returns the reading now; the native thread ticks from here on. */
  wake(): number {
    return callNative(() => this.#clock.wake());
  }

  /** What read `t` reads `t - deltaMs` from here on. */
  rebase(deltaMs: number): void {
    callNative(() => this.#clock.rebase(deltaMs));
  }

  close(): void {
    this.#clock.close();
  }
}
