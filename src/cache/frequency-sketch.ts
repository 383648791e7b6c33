/** Words of a block: one cache line. */
const BLOCK_WORDS_LOG = 4;

/** The counters of a block are in so many rows, and a key has one in each. */
const ROWS = 4;

/** Counters for each entry: with fewer, keys that collide pass for popular ones. */
const COUNTERS_PER_ENTRY = 16;

/** Counters of 4 bits in one word. */
const PER_WORD = 8;

const MOST = 15;

/** All counts are halved after this many increments for each entry, so that they follow the present. */
const PERIOD_PER_ENTRY = 10;

/**
 * How often keys were used of late: a count-min sketch (Cormode and Muthukrishnan, 2005) of 4-bit
 * counters that are halved now and then (TinyLFU; Einziger, Friedman and Manes, ACM TOS 2017), all
 * those of one key in one cache line. 8 to 16 bytes an entry.
 *
 * It grows with what the cache holds, and counts survive that: with twice the blocks, each stands
 * there twice.
 */
export class FrequencySketch {
  #words: Int32Array;
  /** Blocks less one; their number is a power of two. */
  #blockMask: number;
  #increments = 0;
  #period: number;

  /** @param entries how many the cache holds, or is about to */
  constructor(entries: number) {
    const blocks = blocksFor(entries);
    this.#blockMask = blocks - 1;
    this.#words = new Int32Array(blocks << BLOCK_WORDS_LOG);
    this.#period = PERIOD_PER_ENTRY * entries;
  }

  /** Fits it to a cache that holds `entries`; it never shrinks. */
  fit(entries: number): void {
    this.#period = PERIOD_PER_ENTRY * entries;
    const blocks = blocksFor(entries);
    while (this.#blockMask + 1 < blocks) this.#double();
  }

  /** @param hash 32 well-mixed bits */
  increment(hash: number): void {
    const words = this.#words;
    const block = (hash & this.#blockMask) << BLOCK_WORDS_LOG;
    const places = placesOf(hash);
    let isCounted = false;
    for (let row = 0; row < ROWS; row++) {
      const place = places >>> (row << 3);
      const at = block + (row << 2) + ((place >>> 3) & 3);
      const shift = (place & 7) << 2;
      const word = words[at]!;
      if (((word >>> shift) & MOST) < MOST) {
        words[at] = word + (1 << shift);
        isCounted = true;
      }
    }
    if (isCounted && ++this.#increments >= this.#period) this.#halve();
  }

  /** @returns 0 to 15; more often than in truth where keys collide, never less */
  frequency(hash: number): number {
    const words = this.#words;
    const block = (hash & this.#blockMask) << BLOCK_WORDS_LOG;
    const places = placesOf(hash);
    let least = MOST;
    for (let row = 0; row < ROWS; row++) {
      const place = places >>> (row << 3);
      const word = words[block + (row << 2) + ((place >>> 3) & 3)]!;
      const count = (word >>> ((place & 7) << 2)) & MOST;
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
    const words = new Int32Array(2 * this.#words.length);
    words.set(this.#words);
    words.set(this.#words, this.#words.length);
    this.#words = words;
    this.#blockMask = 2 * this.#blockMask + 1;
  }
}

function blocksFor(entries: number): number {
  const blocks = (entries * COUNTERS_PER_ENTRY) / (PER_WORD << BLOCK_WORDS_LOG);
  return 2 ** Math.ceil(Math.log2(Math.max(1, blocks)));
}

/** A byte for each row, of which 5 bits name the counter. */
function placesOf(hash: number): number {
  const mixed = Math.imul(hash, 0x9e37_79b1);
  return mixed ^ (mixed >>> 15);
}
