import { tagAt, type SegmentedQueue } from './segmented-queue.ts';

const MOST = 15;

/** A tag is a count in its lowest bits, and the age in which that was right. */
const COUNT_BITS = 4;
const AGE_MASK = 2 ** 27 - 1;

/** All counts are halved after this many uses for each entry, so that they follow the present. */
const PERIOD_PER_ENTRY = 10;

/**
 * How often entries and ghosts of a queue were used of late: up to 15, halved now and then (TinyLFU;
 * Einziger, Friedman and Manes, ACM TOS 2017). Each has a counter of its own, in its tag, which a key
 * keeps as long as it has its node: so nothing is hashed, and no key passes for another.
 *
 * Halving is a new age; a count is brought up to it when it is looked at.
 */
export class UseCounts {
  readonly #queue: SegmentedQueue;
  #age = 0;
  #uses = 0;
  #period = PERIOD_PER_ENTRY;

  constructor(queue: SegmentedQueue) {
    this.#queue = queue;
  }

  /** Fits the time after which counts are halved to a cache that holds `entries`. */
  fit(entries: number): void {
    this.#period = PERIOD_PER_ENTRY * Math.max(1, entries);
  }

  /** @returns 0 to 15 */
  countOf(node: number): number {
    const tag = this.#queue.words[tagAt(node)]!;
    const halvings = (this.#age - (tag >> COUNT_BITS)) & AGE_MASK;
    // A shift by 32 would be one by 0.
    return halvings > COUNT_BITS ? 0 : (tag & MOST) >> halvings;
  }

  /** The first use of a node that nothing is known of. */
  begin(node: number): void {
    this.#set(tagAt(node), 1);
  }

  /** Another use. */
  count(node: number): void {
    const count = this.countOf(node);
    if (count < MOST) this.#set(tagAt(node), count + 1);
  }

  clear(): void {
    this.#uses = 0;
  }

  #set(at: number, count: number): void {
    this.#queue.words[at] = (this.#age << COUNT_BITS) | count;
    if (++this.#uses < this.#period) return;
    this.#age = (this.#age + 1) & AGE_MASK;
    this.#uses >>>= 1;
  }
}
