import { tagAt, type SegmentedQueue } from './segmented-queue.ts';

const MOST = 15;

/** A tag is a count in its lowest bits, a mark, and the age in which the count was right. */
const COUNT_BITS = 4;
const MARK = 1 << COUNT_BITS;
const AGE_AT = COUNT_BITS + 1;
const AGE_MASK = 2 ** 26 - 1;

/** All counts are halved after this many uses for each entry, so that they follow the present. */
const PERIOD_PER_ENTRY = 10;

/**
 * How often entries and ghosts of a queue were used of late: up to 15, halved now and then (TinyLFU;
 * Einziger, Friedman and Manes, ACM TOS 2017). Each has a counter of its own, in its tag, which a key
 * keeps as long as it has its node: so nothing is hashed, and no key passes for another.
 *
 * Halving is a new age; a count is brought up to it when it is looked at. Besides, a tag has one bit for
 * whoever samples keys, as it is at hand wherever a use is counted.
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
    const halvings = (this.#age - (tag >> AGE_AT)) & AGE_MASK;
    // A shift by 32 would be one by 0.
    return halvings > COUNT_BITS ? 0 : (tag & MOST) >> halvings;
  }

  /** The first use of a node that nothing is known of. */
  begin(node: number, isMarked: boolean): void {
    this.#set(tagAt(node), isMarked ? MARK | 1 : 1);
  }

  /** Another use. @returns whether the node is marked */
  count(node: number): boolean {
    const count = this.countOf(node);
    const at = tagAt(node);
    const mark = this.#queue.words[at]! & MARK;
    if (count < MOST) this.#set(at, mark | (count + 1));
    return mark !== 0;
  }

  isMarked(node: number): boolean {
    return (this.#queue.words[tagAt(node)]! & MARK) !== 0;
  }

  mark(node: number, isMarked: boolean): void {
    const at = tagAt(node);
    const tag = this.#queue.words[at]!;
    this.#queue.words[at] = isMarked ? tag | MARK : tag & ~MARK;
  }

  clear(): void {
    this.#uses = 0;
  }

  /** @param count with the mark */
  #set(at: number, count: number): void {
    this.#queue.words[at] = (this.#age << AGE_AT) | count;
    if (++this.#uses < this.#period) return;
    this.#age = (this.#age + 1) & AGE_MASK;
    this.#uses >>>= 1;
  }
}
