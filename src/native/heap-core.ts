import type { HeapCore as NativeHeapCore, MainBounds } from '../../crates/binding/binding.cjs';
import { GranaryError } from '../errors.ts';
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
  #fault: GranaryError | undefined;

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
   */
  settle(finish: boolean): boolean {
    return this.#attempt(() => this.#core.settle(finish));
  }

  clear(): void {
    this.#attempt(() => {
      this.#core.clear();
      return false;
    });
  }

  /** @returns as `settle`. */
  resize(bounds: MainBounds, mainBytes: number, maxEntryBytes: number): boolean {
    return this.#attempt(() => this.#core.resize(bounds, mainBytes, maxEntryBytes));
  }

  /**
   * The first fault (`ERR_GRANARY_INTERNAL`) since the last call, in a call or in the background; the
   * policy has started afresh from its records. It is kept until somebody asks, so that it stops
   * nothing half-way and never comes out of a timer.
   */
  takeFault(): GranaryError | undefined {
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }

  close(): void {
    this.#core.close();
  }

  /** @returns what `call` does; where it throws, whether to try once more */
  #attempt(call: () => boolean): boolean {
    try {
      return callNative(call);
    } catch (fault) {
      if (!(fault instanceof GranaryError)) throw fault;
      const isFirst = this.#fault === undefined;
      this.#fault ??= fault;
      return isFirst;
    }
  }
}
