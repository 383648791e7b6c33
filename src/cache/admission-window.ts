import type { Entry } from './entry.ts';

const SMALLEST = 64;

/**
 * Newcomers, oldest first: a circular array in which an entry that leaves early leaves a hole.
 *
 * A new entry costs one array store. An entry knows its place by the complement of its position, so
 * that one field tells window from main.
 */
export class AdmissionWindow<V> {
  size = 0;
  weightBytes = 0;
  #places: (Entry<V> | undefined)[] = emptyPlaces(SMALLEST);
  /** Places ever used and ever left behind; they wrap, their difference is the span. */
  #head = 0;
  #tail = 0;

  push(entry: Entry<V>): void {
    if (((this.#head - this.#tail) | 0) === this.#places.length) this.#makeRoom();
    this.#place(entry);
    this.size++;
    this.weightBytes += entry.weight;
  }

  /** The entry that leaves next, which stays until it is removed; holes before it go. */
  oldest(): Entry<V> | undefined {
    const mask = this.#places.length - 1;
    while (this.#tail !== this.#head) {
      const entry = this.#places[this.#tail & mask];
      if (entry !== undefined) return entry;
      this.#tail = (this.#tail + 1) | 0;
    }
    return undefined;
  }

  remove(entry: Entry<V>): void {
    this.#places[~entry.slot] = undefined;
    this.size--;
    this.weightBytes -= entry.weight;
  }

  *[Symbol.iterator](): Generator<Entry<V>> {
    const mask = this.#places.length - 1;
    for (let at = this.#tail; at !== this.#head; at = (at + 1) | 0) {
      const entry = this.#places[at & mask];
      if (entry !== undefined) yield entry;
    }
  }

  clear(): void {
    this.#places = emptyPlaces(SMALLEST);
    this.#head = 0;
    this.#tail = 0;
    this.size = 0;
    this.weightBytes = 0;
  }

  #place(entry: Entry<V>): void {
    const position = this.#head & (this.#places.length - 1);
    this.#places[position] = entry;
    entry.slot = ~position;
    this.#head = (this.#head + 1) | 0;
  }

  /** Closes the holes; doubles the array where that leaves it more than half full. */
  #makeRoom(): void {
    const entries = [...this];
    const length = this.#places.length;
    this.#places = emptyPlaces(entries.length > length / 2 ? length * 2 : length);
    this.#head = 0;
    this.#tail = 0;
    for (const entry of entries) this.#place(entry);
  }
}

function emptyPlaces<V>(length: number): (Entry<V> | undefined)[] {
  return Array.from<Entry<V> | undefined>({ length });
}
