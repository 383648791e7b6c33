/** Whatever is in a list at a time, and knows where. */
export interface Placed {
  /** Index in the list that it is in; -1 where it is in none. */
  place: number;
}

/**
 * What runs at the moment, in no order. Many thousands come and go in a second: neither costs a hash or an allocation.
 */
export class RunningList<T extends Placed> implements Iterable<T> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    item.place = this.#items.push(item) - 1;
  }

  /** @returns whether it was in the list; the last takes its place. */
  delete(item: T): boolean {
    if (this.#items[item.place] !== item) return false;
    const last = this.#items.pop() as T;
    if (last !== item) {
      this.#items[item.place] = last;
      last.place = item.place;
    }
    item.place = -1;
    return true;
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items[Symbol.iterator]();
  }
}
