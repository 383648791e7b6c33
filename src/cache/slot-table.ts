import type { Entry } from './entry.ts';

/** Which entry stands in which slot of main; slots are small integers, reused last freed first. */
export class SlotTable<V> {
  readonly #entries: (Entry<V> | undefined)[] = [];
  #free: number[] = [];

  take(entry: Entry<V>): number {
    const slot = this.#free.pop() ?? this.#entries.length;
    this.#entries[slot] = entry;
    entry.slot = slot;
    return slot;
  }

  at(slot: number): Entry<V> | undefined {
    return this.#entries[slot];
  }

  /** Any entry; for when none is better than another. */
  first(): Entry<V> | undefined {
    return this.#entries.find((entry) => entry !== undefined);
  }

  *[Symbol.iterator](): Generator<Entry<V>> {
    for (const entry of this.#entries) {
      if (entry !== undefined) yield entry;
    }
  }

  release(slot: number): void {
    this.#entries[slot] = undefined;
    this.#free.push(slot);
  }

  clear(): void {
    this.#entries.length = 0;
    this.#free = [];
  }
}
