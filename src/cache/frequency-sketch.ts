/** Rows of counters, each with a hash of its own. */
const ROWS = 4;

/** Counters of a row for each entry: with fewer, keys that collide pass for popular ones. */
const COUNTERS_PER_ENTRY = 4;

/** Counters of 4 bits in one word. */
const PER_WORD = 8;

const MOST = 15;

/** All counts are halved after this many increments for each entry, so that they follow the present. */
const PERIOD_PER_ENTRY = 10;

const SMALLEST_WIDTH = 256;

/**
 * How often keys were used of late: a count-min sketch (Cormode and Muthukrishnan, 2005) of 4-bit
 * counters that are halved now and then (TinyLFU; Einziger, Friedman and Manes, ACM TOS 2017).
 * 8 bytes an entry.
 *
 * It grows with what the cache holds, and counts survive that: a row of twice the width has each
 * counter twice.
 */
export class FrequencySketch {
  #words: Int32Array;
  /** Counters of a row, a power of two. */
  #width: number;
  #increments = 0;
  #period: number;

  /** @param entries how many the cache holds, or is about to */
  constructor(entries: number) {
    this.#width = widthFor(entries);
    this.#words = new Int32Array((ROWS * this.#width) / PER_WORD);
    this.#period = PERIOD_PER_ENTRY * entries;
  }

  /** Fits it to a cache that holds `entries`; it never shrinks. */
  fit(entries: number): void {
    this.#period = PERIOD_PER_ENTRY * entries;
    while (this.#width < widthFor(entries)) this.#double();
  }

  /** @param hash 32 well-mixed bits */
  increment(hash: number): void {
    const words = this.#words;
    const width = this.#width;
    const step = stepOf(hash);
    let isCounted = false;
    for (let row = 0, lane = hash; row < ROWS; row++, lane = (lane + step) | 0) {
      const counter = row * width + ((lane ^ (lane >>> 15)) & (width - 1));
      const word = words[counter >>> 3]!;
      const shift = (counter & 7) << 2;
      if (((word >>> shift) & MOST) < MOST) {
        words[counter >>> 3] = word + (1 << shift);
        isCounted = true;
      }
    }
    if (isCounted && ++this.#increments >= this.#period) this.#halve();
  }

  /** @returns 0 to 15; more often than in truth where keys collide, never less */
  frequency(hash: number): number {
    const words = this.#words;
    const width = this.#width;
    const step = stepOf(hash);
    let least = MOST;
    for (let row = 0, lane = hash; row < ROWS; row++, lane = (lane + step) | 0) {
      const counter = row * width + ((lane ^ (lane >>> 15)) & (width - 1));
      const count = (words[counter >>> 3]! >>> ((counter & 7) << 2)) & MOST;
      if (count < least) least = count;
    }
    return least;
  }

  clear(): void {
    this.#words.fill(0);
    this.#increments = 0;
  }

  #halve(): void {
    const words = this.#words;
    for (let at = 0; at < words.length; at++) words[at] = (words[at]! >>> 1) & 0x7777_7777;
    this.#increments >>>= 1;
  }

  #double(): void {
    const rowWords = this.#width / PER_WORD;
    const words = new Int32Array(2 * this.#words.length);
    for (let row = 0; row < ROWS; row++) {
      const counts = this.#words.subarray(row * rowWords, (row + 1) * rowWords);
      words.set(counts, 2 * row * rowWords);
      words.set(counts, (2 * row + 1) * rowWords);
    }
    this.#words = words;
    this.#width *= 2;
  }
}

function widthFor(entries: number): number {
  return Math.max(SMALLEST_WIDTH, 2 ** Math.ceil(Math.log2(COUNTERS_PER_ENTRY * entries)));
}

/** The way from one row's place to the next one's (double hashing). */
function stepOf(hash: number): number {
  return Math.imul(hash, 0x9e37_79b1) ^ (hash >>> 13);
}
