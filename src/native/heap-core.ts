import type { HeapCore as NativeHeapCore, MainBounds } from '../../crates/binding/binding.cjs';
import { callNative, loadAddon } from './addon.ts';
import { mapBlock } from './heap-block.ts';

export type { MainBounds };

/** How a core is made. */
export interface HeapCoreOptions {
  /** Left out where the store keeps its own order and needs the clock only. */
  readonly main?: MainBounds;
  /** Whether the native thread ticks the clock and works for this store. */
  readonly background: boolean;
  /** What the clock reads at first, in ms; tests start near its limits. */
  readonly startMs?: number;
}

/** Clock, rings and admission policy of one heap store, and the memory shared with them. */
export class HeapCore {
  readonly words: Int32Array;
  readonly #core: NativeHeapCore;

  constructor(options: HeapCoreOptions) {
    const addon = loadAddon();
    this.#core = callNative(() => new addon.HeapCore({ startMs: 0, ...options }));
    this.words = callNative(() => mapBlock(this.#core));
  }

  /** @returns the reading now; the native thread ticks from here on. */
  wake(): number {
    return callNative(() => this.#core.wake());
  }

  /** What read `t` reads `t - deltaMs` from here on. */
  rebase(deltaMs: number): void {
    callNative(() => this.#core.rebase(deltaMs));
  }

  /**
   * Does all work that waits in the rings; `finish` ends a rebuild too.
   *
   * @returns whether notices wait for room: take those of the ring and call again.
   * @throws `ERR_GRANARY_INTERNAL` after a panic, in this call or in the background since the last;
   * the policy has then started afresh from its records.
   */
  settle(finish: boolean): boolean {
    return callNative(() => this.#core.settle(finish));
  }

  clear(): void {
    callNative(() => this.#core.clear());
  }

  /** @returns as `settle`. */
  resize(bounds: MainBounds, mainBytes: number, maxEntryBytes: number): boolean {
    return callNative(() => this.#core.resize(bounds, mainBytes, maxEntryBytes));
  }

  close(): void {
    this.#core.close();
  }
}
