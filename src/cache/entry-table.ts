import type { Revalidation } from './validator.ts';

/** Lifetimes and tags that differ from the ordinary; most entries have none. */
export interface EntryExtras {
  /** ms after the last access at which the entry expires; 0 = off. */
  readonly idleTtlMs: number;
  readonly tags: readonly string[];
  readonly revalidation?: Revalidation | undefined;
}

/** What a hit reads and writes of an entry, by place: 16 bytes, of which a cache line holds four. */
export const HitWord = {
  /** Up to this reading of the clock a hit needs no further check; `STALE` sends every hit the slow way. */
  freshUntil: 0,
  /** The epoch in which a use was last told to the order; another one in the same is not. */
  toldIn: 1,
  /** Less what `Row.earlierCount` holds. */
  accessCount: 2,
  /** With a clock that ticks by itself. */
  accessedAt: 3,
  size: 4,
} as const;

/** What else is known of an entry, by place in rows of the table's own. */
const Row = {
  /** When the value was set, on the store's clock. */
  born: 0,
  /** Time to live in ms; 0 = never expires. */
  ttlMs: 1,
  /** Bytes; while nobody has counted them, the complement (`~`) of so many at the most. */
  weight: 2,
  /** Accesses that `HitWord.accessCount` has no room for. */
  earlierCount: 3,
  /** With a clock of the user's, whose readings may be fractions. */
  accessedAt: 4,
  size: 5,
} as const;

/** Earlier than any reading. */
const STALE = -(2 ** 31);

/** What `HitWord.accessCount` may hold. */
export const MOST_COUNTED = 2 ** 30;

/** For `freshMs`: no hit of the entry is to go the fast way. */
export const NEVER_FRESH = -1;

const FEWEST_SLOTS = 64;

// A constant of the module itself is part of the compiled code; one that is imported, or in an object, is
// loaded at each use.
const FRESH_UNTIL = HitWord.freshUntil;
const TOLD_IN = HitWord.toldIn;
const ACCESS_COUNT = HitWord.accessCount;
const ACCESSED_AT = HitWord.accessedAt;
const WORDS = HitWord.size;
const BORN = Row.born;
const TTL_MS = Row.ttlMs;
const WEIGHT = Row.weight;
const EARLIER_COUNT = Row.earlierCount;
const ROW_SIZE = Row.size;

/**
 * The entries of a heap store, by slot: small integers, reused last freed first.
 *
 * Numbers stand in typed arrays, those of hits as small integers apart from the rest; keys and values in
 * one array each. An object for each entry costs a set three times as much: the collector has to move it,
 * and to look through it ever after (figures in ARCHITECTURE.md).
 *
 * A slot without a value keeps its key: an order may remember who was there.
 */
export class EntryTable<V> {
  /** `HitWord.size` numbers for each slot; another array after growth. */
  words = new Int32Array(FEWEST_SLOTS * WORDS);
  readonly keys: string[] = [];
  readonly values: (V | undefined)[] = [];
  /** `Row.size` numbers for each slot. */
  #rows = new Float64Array(FEWEST_SLOTS * ROW_SIZE);
  readonly #extras = new Map<number, EntryExtras>();
  readonly #free: number[] = [];
  /** Whether readings of the clock are small integers. */
  readonly #isTicking: boolean;

  constructor(isTicking: boolean) {
    this.#isTicking = isTicking;
  }

  /** A slot whose life is yet to begin. */
  take(key: string): number {
    const slot = this.#free.pop() ?? this.keys.length;
    this.keys[slot] = key;
    if (slot === this.values.length) {
      this.values.push(undefined);
      if ((slot + 1) * WORDS > this.words.length) this.#grow();
    }
    return slot;
  }

  /**
   * The life of a value begins.
   *
   * @param weight bytes, or the complement of an upper bound of them
   * @param freshMs up to this age a hit needs no further check, or `NEVER_FRESH`
   * @param toldIn the epoch of the order in which the set counts as a use, or -1
   */
  begin(
    slot: number,
    value: V,
    weight: number,
    now: number,
    freshMs: number,
    ttlMs: number,
    toldIn: number,
  ): void {
    const { words } = this;
    const rows = this.#rows;
    const at = slot * WORDS;
    const row = slot * ROW_SIZE;
    this.values[slot] = value;
    words[at + FRESH_UNTIL] = freshMs === NEVER_FRESH ? STALE : now + freshMs;
    words[at + TOLD_IN] = toldIn;
    words[at + ACCESS_COUNT] = 0;
    words[at + ACCESSED_AT] = now;
    rows[row + BORN] = now;
    rows[row + TTL_MS] = ttlMs;
    rows[row + WEIGHT] = weight;
    rows[row + EARLIER_COUNT] = 0;
    if (!this.#isTicking) rows[row + Row.accessedAt] = now;
  }

  /** An entry that had a life before. */
  resume(slot: number, accessedAt: number, accessCount: number): void {
    const at = slot * WORDS;
    const row = slot * ROW_SIZE;
    this.words[at + ACCESSED_AT] = accessedAt;
    this.#rows[row + Row.accessedAt] = accessedAt;
    this.words[at + ACCESS_COUNT] = 0;
    this.#rows[row + EARLIER_COUNT] = accessCount;
  }

  /** An access at a time that the words of hits may have no room for. */
  use(slot: number, now: number): void {
    this.#rows[slot * ROW_SIZE + Row.accessedAt] = now;
  }

  /** `HitWord.accessCount` begins anew. */
  carryCount(slot: number): void {
    const at = slot * WORDS + ACCESS_COUNT;
    this.#rows[slot * ROW_SIZE + EARLIER_COUNT]! += this.words[at]!;
    this.words[at] = 0;
  }

  accessCountOf(slot: number): number {
    const counted = this.words[slot * WORDS + ACCESS_COUNT]!;
    return this.#rows[slot * ROW_SIZE + EARLIER_COUNT]! + counted;
  }

  bornOf(slot: number): number {
    return this.#rows[slot * ROW_SIZE + BORN]!;
  }

  toldIn(slot: number): number {
    return this.words[slot * WORDS + TOLD_IN]!;
  }

  setToldIn(slot: number, epoch: number): void {
    this.words[slot * WORDS + TOLD_IN] = epoch;
  }

  isUnweighed(slot: number): boolean {
    return this.#rows[slot * ROW_SIZE + WEIGHT]! < 0;
  }

  /** Bytes that were counted. */
  setWeight(slot: number, weight: number): void {
    this.#rows[slot * ROW_SIZE + WEIGHT] = weight;
  }

  /** Bytes, or so many at the most. */
  weightOf(slot: number): number {
    const weight = this.#rows[slot * ROW_SIZE + WEIGHT]!;
    // Not by `~`: weights may have more than 32 bits.
    return weight < 0 ? -1 - weight : weight;
  }

  ttlMsOf(slot: number): number {
    return this.#rows[slot * ROW_SIZE + TTL_MS]!;
  }

  accessedAtOf(slot: number): number {
    return this.#isTicking
      ? this.words[slot * WORDS + ACCESSED_AT]!
      : this.#rows[slot * ROW_SIZE + Row.accessedAt]!;
  }

  /** Whether any entry has some. */
  get hasExtras(): boolean {
    return this.#extras.size > 0;
  }

  extrasOf(slot: number): EntryExtras | undefined {
    return this.#extras.size === 0 ? undefined : this.#extras.get(slot);
  }

  setExtras(slot: number, extras: EntryExtras | undefined): void {
    if (extras !== undefined) this.#extras.set(slot, extras);
    else if (this.#extras.size > 0) this.#extras.delete(slot);
  }

  /** The reading of the clock up to which the entry lives, inclusive; Infinity = for ever. */
  deadlineOf(slot: number): number {
    const rows = this.#rows;
    const row = slot * ROW_SIZE;
    const ttlMs = rows[row + TTL_MS]!;
    const byAge = ttlMs === 0 ? Infinity : rows[row + BORN]! + ttlMs;
    const idleTtlMs = this.extrasOf(slot)?.idleTtlMs ?? 0;
    return idleTtlMs === 0 ? byAge : Math.min(byAge, this.accessedAtOf(slot) + idleTtlMs);
  }

  /** The value leaves; slot and key stay. @returns the weight that it had */
  empty(slot: number): number {
    const weight = this.weightOf(slot);
    this.values[slot] = undefined;
    this.words[slot * WORDS + FRESH_UNTIL] = STALE;
    this.#rows[slot * ROW_SIZE + WEIGHT] = 0;
    return weight;
  }

  /** An empty slot is for another key from now on. */
  release(slot: number): void {
    this.keys[slot] = '';
    this.#free.push(slot);
  }

  /** The clock's origin has moved by `delta` ms; it is one that ticks by itself. */
  rebase(delta: number): void {
    const { words } = this;
    for (let at = 0; at < words.length; at += WORDS) {
      words[at + FRESH_UNTIL] = Math.max(STALE, words[at + FRESH_UNTIL]! - delta);
      words[at + ACCESSED_AT] = Math.max(STALE, words[at + ACCESSED_AT]! - delta);
    }
    for (let row = BORN; row < this.#rows.length; row += ROW_SIZE) this.#rows[row]! -= delta;
  }

  clear(): void {
    this.words = new Int32Array(FEWEST_SLOTS * WORDS);
    this.#rows = new Float64Array(FEWEST_SLOTS * ROW_SIZE);
    this.keys.length = 0;
    this.values.length = 0;
    this.#extras.clear();
    this.#free.length = 0;
  }

  #grow(): void {
    const words = new Int32Array(2 * this.words.length);
    words.set(this.words);
    this.words = words;
    const rows = new Float64Array(2 * this.#rows.length);
    rows.set(this.#rows);
    this.#rows = rows;
  }
}
