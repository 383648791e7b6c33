import type { Revalidation } from './validator.ts';

/** Lifetimes and tags that differ from the ordinary; most entries have none. */
export interface EntryExtras {
  /** ms after the last access at which the entry expires; 0 = off. */
  readonly idleTtlMs: number;
  readonly tags: readonly string[];
  readonly revalidation?: Revalidation | undefined;
}

/**
 * What is known of an entry, by place in its row of 32 bytes, of which a cache line holds two: integers,
 * then the weight as a float64. A hit reads and writes the first four.
 */
export const RowWord = {
  /** Up to this reading of the clock a hit needs no further check; `STALE` sends every hit the slow way. */
  freshUntil: 0,
  /** The epoch in which a use was last told to the order; another one in the same is not. */
  toldIn: 1,
  /** Less what `carryCount` has taken out. */
  accessCount: 2,
  /** With a clock that ticks by itself. */
  accessedAt: 3,
  /** When the value was set, with a clock that ticks by itself; `STALE`: see `Odd.born`. */
  born: 4,
  /**
   * Time to live in ms; 0 = never expires, `ODD` = see `Odd.ttlMs`. A slot without an entry keeps that of
   * the last, and is still scheduled for it.
   */
  ttlMs: 5,
  sizeLog: 3,
} as const;

/**
 * Where a row's weight stands among float64s: bytes; while nobody has counted them, the complement (`~`)
 * of so many at the most.
 */
const WEIGHT = 3;

/** Earlier than any reading. */
const STALE = -(2 ** 31);

/** For `RowWord.ttlMs`. */
const ODD = -1;

/** What `RowWord.accessCount` may hold. */
export const MOST_COUNTED = 2 ** 30;

/** For `freshMs`: no hit of the entry is to go the fast way. */
export const NEVER_FRESH = -1;

const FEWEST_SLOTS = 64;

// A constant of the module itself is part of the compiled code; one that is imported, or in an object, is
// loaded at each use.
const FRESH_UNTIL = RowWord.freshUntil;
const TOLD_IN = RowWord.toldIn;
const ACCESS_COUNT = RowWord.accessCount;
const ACCESSED_AT = RowWord.accessedAt;
const BORN = RowWord.born;
const TTL_MS = RowWord.ttlMs;
const ROW_LOG = RowWord.sizeLog;
/** Float64s of a row. */
const HALF_ROW_LOG = ROW_LOG - 1;

/** What a row has no room for. */
interface Odd {
  /** No integer of 32 bits. */
  ttlMs?: number;
  /** Accesses before `RowWord.accessCount` began anew. */
  carried?: number;
  /** No later than `STALE`, or by a clock whose readings may be fractions. */
  born?: number;
  /** By such a clock. */
  accessedAt?: number;
}

/**
 * The entries of a heap store, by slot: small integers, reused last freed first.
 *
 * Numbers stand in one typed array, each entry's side by side; keys and values in one array each. An object
 * for each entry costs a set three times as much: the collector has to move it, and to look through it
 * ever after (figures in ARCHITECTURE.md).
 *
 * A slot without a value keeps its key: an order may remember who was there.
 */
export class EntryTable<V> {
  /** A use of an entry is told to the order once in each. */
  epoch = 0;
  /** What `RowWord.toldIn` becomes with a use: the epoch, or another where each use is to be told. */
  toldMark = 0;
  /** A row for each slot; another array after growth. */
  words = new Int32Array(FEWEST_SLOTS << ROW_LOG);
  /** The same memory. */
  #doubles = new Float64Array(this.words.buffer);
  readonly keys: string[] = [];
  readonly values: (V | undefined)[] = [];
  readonly #extras = new Map<number, EntryExtras>();
  readonly #odd = new Map<number, Odd>();
  /** Whether no entry is odd or has extras. */
  #arePlain = true;
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
      if ((slot + 1) << ROW_LOG > this.words.length) this.#grow();
    }
    return slot;
  }

  /**
   * The life of a value begins.
   *
   * @param weight bytes, or the complement of an upper bound of them
   * @param freshMs up to this age a hit needs no further check, or `NEVER_FRESH`
   * @param toldIn the epoch of the order in which the set counts as a use, or -1
   * @returns whether the slot is scheduled already, as the last entry that it had lived as long
   */
  begin(
    slot: number,
    value: V,
    weight: number,
    now: number,
    freshMs: number,
    ttlMs: number,
    toldIn: number,
  ): boolean {
    const { words } = this;
    const at = slot << ROW_LOG;
    this.values[slot] = value;
    words[at | FRESH_UNTIL] = freshMs === NEVER_FRESH ? STALE : now + freshMs;
    words[at | TOLD_IN] = toldIn;
    words[at | ACCESS_COUNT] = 0;
    words[at | ACCESSED_AT] = now;
    words[at | BORN] = now;
    this.#doubles[(slot << HALF_ROW_LOG) | WEIGHT] = weight;
    if (!this.#arePlain) this.#forgetOdd(slot);
    if (this.#isTicking && ttlMs === words[at | TTL_MS]) return true;
    this.#beginOther(slot, now, ttlMs);
    return false;
  }

  /**
   * As `begin` of an entry that lives, has the same lifetime and weight, and no extras, as the next has
   * none: what nearly every set over an entry comes to.
   *
   * @returns whether it was one
   */
  renew(
    slot: number,
    value: V,
    weight: number,
    now: number,
    freshMs: number,
    ttlMs: number,
  ): boolean {
    const { words } = this;
    const at = slot << ROW_LOG;
    if (
      now > words[at | FRESH_UNTIL]! ||
      ttlMs !== words[at | TTL_MS] ||
      weight !== this.#doubles[(slot << HALF_ROW_LOG) | WEIGHT] ||
      !this.#arePlain
    ) {
      return false;
    }
    this.values[slot] = value;
    words[at | FRESH_UNTIL] = now + freshMs;
    words[at | ACCESS_COUNT] = 0;
    words[at | ACCESSED_AT] = now;
    words[at | BORN] = now;
    return true;
  }

  /** Another time to live than before, or a clock that may go back. */
  #beginOther(slot: number, now: number, ttlMs: number): void {
    const isOdd = (ttlMs | 0) !== ttlMs;
    this.words[(slot << ROW_LOG) | TTL_MS] = isOdd ? ODD : ttlMs;
    if (isOdd) this.#oddOf(slot).ttlMs = ttlMs;
    if (!this.#isTicking) Object.assign(this.#oddOf(slot), { born: now, accessedAt: now });
  }

  #forgetOdd(slot: number): void {
    this.#odd.delete(slot);
    this.#arePlain = this.#odd.size === 0 && this.#extras.size === 0;
  }

  #oddOf(slot: number): Odd {
    let odd = this.#odd.get(slot);
    if (odd === undefined) this.#odd.set(slot, (odd = {}));
    this.#arePlain = false;
    return odd;
  }

  /** The slot is not scheduled any more. */
  endSchedule(slot: number): void {
    this.words[(slot << ROW_LOG) | TTL_MS] = 0;
  }

  /** An entry that had a life before; it has begun with the time at which it was born. */
  resume(slot: number, born: number, accessedAt: number, accessCount: number): void {
    const at = slot << ROW_LOG;
    if (born <= STALE) this.#bearEarlier(slot, born);
    this.words[at | ACCESSED_AT] = Math.max(STALE, accessedAt);
    this.use(slot, accessedAt);
    const isSmall = accessCount < MOST_COUNTED;
    this.words[at | ACCESS_COUNT] = isSmall ? accessCount : 0;
    if (!isSmall) this.#oddOf(slot).carried = accessCount;
  }

  /** A row has no room for the time. */
  #bearEarlier(slot: number, born: number): void {
    this.#oddOf(slot).born = born;
    this.words[(slot << ROW_LOG) | BORN] = STALE;
    this.words[(slot << ROW_LOG) | FRESH_UNTIL] = STALE;
  }

  /** An access at a time that the row may have no room for. */
  use(slot: number, now: number): void {
    if (!this.#isTicking) this.#oddOf(slot).accessedAt = now;
  }

  /** `RowWord.accessCount` begins anew. */
  carryCount(slot: number): void {
    this.#oddOf(slot).carried = this.accessCountOf(slot);
    this.words[(slot << ROW_LOG) | ACCESS_COUNT] = 0;
  }

  accessCountOf(slot: number): number {
    return this.words[(slot << ROW_LOG) | ACCESS_COUNT]! + (this.#odd.get(slot)?.carried ?? 0);
  }

  bornOf(slot: number): number {
    return this.#odd.get(slot)?.born ?? this.words[(slot << ROW_LOG) | BORN]!;
  }

  toldIn(slot: number): number {
    return this.words[(slot << ROW_LOG) | TOLD_IN]!;
  }

  setToldIn(slot: number, epoch: number): void {
    this.words[(slot << ROW_LOG) | TOLD_IN] = epoch;
  }

  isUnweighed(slot: number): boolean {
    return this.#doubles[(slot << HALF_ROW_LOG) | WEIGHT]! < 0;
  }

  /** Bytes that were counted. */
  setWeight(slot: number, weight: number): void {
    this.#doubles[(slot << HALF_ROW_LOG) | WEIGHT] = weight;
  }

  /** Bytes, or so many at the most. */
  weightOf(slot: number): number {
    const weight = this.#doubles[(slot << HALF_ROW_LOG) | WEIGHT]!;
    // Not by `~`: weights may have more than 32 bits.
    return weight < 0 ? -1 - weight : weight;
  }

  ttlMsOf(slot: number): number {
    const ttlMs = this.words[(slot << ROW_LOG) | TTL_MS]!;
    return ttlMs === ODD ? this.#odd.get(slot)!.ttlMs! : ttlMs;
  }

  accessedAtOf(slot: number): number {
    return this.#odd.get(slot)?.accessedAt ?? this.words[(slot << ROW_LOG) | ACCESSED_AT]!;
  }

  extrasOf(slot: number): EntryExtras | undefined {
    return this.#arePlain ? undefined : this.#extras.get(slot);
  }

  setExtras(slot: number, extras: EntryExtras | undefined): void {
    if (extras !== undefined) this.#extras.set(slot, extras);
    else this.#extras.delete(slot);
    this.#arePlain = this.#odd.size === 0 && this.#extras.size === 0;
  }

  /** The reading of the clock up to which the entry lives, inclusive; Infinity = for ever. */
  deadlineOf(slot: number): number {
    const ttlMs = this.ttlMsOf(slot);
    const byAge = ttlMs === 0 ? Infinity : this.bornOf(slot) + ttlMs;
    const idleTtlMs = this.extrasOf(slot)?.idleTtlMs ?? 0;
    return idleTtlMs === 0 ? byAge : Math.min(byAge, this.accessedAtOf(slot) + idleTtlMs);
  }

  /** The value leaves; slot and key stay. @returns the weight that it had */
  empty(slot: number): number {
    const weight = this.weightOf(slot);
    this.values[slot] = undefined;
    this.words[(slot << ROW_LOG) | FRESH_UNTIL] = STALE;
    this.#doubles[(slot << HALF_ROW_LOG) | WEIGHT] = 0;
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
    for (const odd of this.#odd.values()) if (odd.born !== undefined) odd.born -= delta;
    for (let slot = 0; slot < this.values.length; slot++) {
      const at = slot << ROW_LOG;
      words[at | FRESH_UNTIL] = Math.max(STALE, words[at | FRESH_UNTIL]! - delta);
      words[at | ACCESSED_AT] = Math.max(STALE, words[at | ACCESSED_AT]! - delta);
      const born = words[at | BORN]!;
      if (born === STALE) continue;
      if (born - delta <= STALE) this.#bearEarlier(slot, born - delta);
      else words[at | BORN] = born - delta;
    }
  }

  clear(): void {
    this.words = new Int32Array(FEWEST_SLOTS << ROW_LOG);
    this.#doubles = new Float64Array(this.words.buffer);
    this.keys.length = 0;
    this.values.length = 0;
    this.#extras.clear();
    this.#odd.clear();
    this.#arePlain = true;
    this.#free.length = 0;
  }

  #grow(): void {
    const words = new Int32Array(2 * this.words.length);
    words.set(this.words);
    this.words = words;
    this.#doubles = new Float64Array(words.buffer);
  }
}
