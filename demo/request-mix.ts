/** Numbers from 0 up to, not including, 1, the same for the same seed: mulberry32 by Tommy Ettinger. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}

/**
 * A skewed sequence of requests: the item of rank r is asked for in proportion to 1 / r^exponent
 * (Zipf's law, as measured of many caches), and chance decides which item has which rank.
 */
export class RequestMix<T> {
  readonly #ranked: readonly T[];
  readonly #cumulative: Float64Array;
  readonly #random: () => number;

  constructor(items: readonly T[], exponent: number, seed: number) {
    this.#random = randomFrom(seed);
    this.#ranked = shuffled(items, this.#random);
    this.#cumulative = new Float64Array(items.length);
    let sum = 0;
    for (let rank = 0; rank < items.length; rank++) {
      sum += 1 / (rank + 1) ** exponent;
      this.#cumulative[rank] = sum;
    }
  }

  /** The next requests of the sequence. */
  take(count: number): T[] {
    return Array.from({ length: count }, () => this.#next());
  }

  #next(): T {
    const total = this.#cumulative.at(-1) ?? 0;
    const wanted = this.#random() * total;
    let low = 0;
    let high = this.#cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cumulative[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return this.#ranked[low] as T;
  }
}
