/** Lifetimes and tags that differ from the ordinary; most entries have none. */
export interface EntryExtras {
  /** ms after the last access at which the entry expires; 0 = off. */
  readonly idleTtlMs: number;
  readonly tags: readonly string[];
}

/** What a row of an `EntryTable` holds, by place; what a hit reads and writes comes first. */
export const Row = {
  /**
   * Up to this reading of the clock a hit needs no further check; -Infinity sends every hit to the slow
   * path, and stands in all rows without a value.
   */
  freshUntil: 0,
  /** The epoch in which a use was last told to the order; another one in the same is not. */
  toldIn: 1,
  accessCount: 2,
  accessedAt: 3,
  /** When the value was set, on the store's clock. */
  born: 4,
  /** Time to live in ms; 0 = never expires. */
  ttlMs: 5,
  /** Bytes; as long as it is not weighed, so many at the most. */
  weight: 6,
  /** 1 while nobody has counted its bytes. */
  isUnweighed: 7,
  size: 8,
} as const;

/** What sets have in common, by place in a typed array. */
export const Terms = {
  /** Up to this age a hit needs no further check; -Infinity = always. */
  freshMs: 0,
  ttlMs: 1,
  size: 2,
} as const;

const FEWEST_SLOTS = 64;

// A constant of the module itself is part of the compiled code; one that is imported, or in an object, is
// loaded at each use.
const FRESH_UNTIL = Row.freshUntil;
const TOLD_IN = Row.toldIn;
const ACCESS_COUNT = Row.accessCount;
const ACCESSED_AT = Row.accessedAt;
const BORN = Row.born;
const TTL_MS = Row.ttlMs;
const WEIGHT = Row.weight;
const IS_UNWEIGHED = Row.isUnweighed;
const ROW_SIZE = Row.size;
const FRESH_MS = Terms.freshMs;
const TERMS_TTL_MS = Terms.ttlMs;

/**
 * The entries of a heap store, by slot: small integers, reused last freed first.
 *
 * Numbers stand in one typed array, 64 bytes an entry, keys and values in one array each. An object for
 * each entry costs a set three times as much: the collector has to move it, and to look through it ever
 * after (figures in ARCHITECTURE.md).
 *
 * A slot without a value keeps its key: an order may remember who was there.
 */
export class EntryTable<V> {
  /** `Row.size` numbers for each slot; another array after growth. */
  rows = new Float64Array(FEWEST_SLOTS * ROW_SIZE);
  readonly keys: string[] = [];
  readonly values: (V | undefined)[] = [];
  readonly #extras = new Map<number, EntryExtras>();
  readonly #free: number[] = [];

  /** A slot whose life is yet to begin. */
  take(key: string): number {
    const slot = this.#free.pop() ?? this.keys.length;
    this.keys[slot] = key;
    if (slot === this.values.length) {
      this.values.push(undefined);
      if ((slot + 1) * ROW_SIZE > this.rows.length) this.#grow();
    }
    return slot;
  }

  /**
   * The life of a value begins.
   *
   * @param weight bytes, or the complement of an upper bound of them
   * @param terms in a typed array, as a call boxes a number that may be a fraction
   * @param toldIn the epoch of the order in which the set counts as a use, or -1
   */
  begin(
    slot: number,
    value: V,
    weight: number,
    now: number,
    terms: Float64Array,
    toldIn: number,
  ): void {
    const { rows } = this;
    const row = slot * ROW_SIZE;
    this.values[slot] = value;
    rows[row + FRESH_UNTIL] = now + terms[FRESH_MS]!;
    rows[row + TOLD_IN] = toldIn;
    rows[row + ACCESS_COUNT] = 0;
    rows[row + ACCESSED_AT] = now;
    rows[row + BORN] = now;
    rows[row + TTL_MS] = terms[TERMS_TTL_MS]!;
    rows[row + WEIGHT] = weight < 0 ? ~weight : weight;
    rows[row + IS_UNWEIGHED] = weight < 0 ? 1 : 0;
  }

  /** An entry that had a life before. */
  resume(slot: number, accessedAt: number, accessCount: number): void {
    const row = slot * ROW_SIZE;
    this.rows[row + ACCESSED_AT] = accessedAt;
    this.rows[row + ACCESS_COUNT] = accessCount;
  }

  toldIn(slot: number): number {
    return this.rows[slot * ROW_SIZE + TOLD_IN]!;
  }

  setToldIn(slot: number, epoch: number): void {
    this.rows[slot * ROW_SIZE + TOLD_IN] = epoch;
  }

  isUnweighed(slot: number): boolean {
    return this.rows[slot * ROW_SIZE + IS_UNWEIGHED] === 1;
  }

  /** Bytes that were counted. */
  setWeight(slot: number, weight: number): void {
    const row = slot * ROW_SIZE;
    this.rows[row + WEIGHT] = weight;
    this.rows[row + IS_UNWEIGHED] = 0;
  }

  weightOf(slot: number): number {
    return this.rows[slot * ROW_SIZE + WEIGHT]!;
  }

  ttlMsOf(slot: number): number {
    return this.rows[slot * ROW_SIZE + TTL_MS]!;
  }

  accessedAtOf(slot: number): number {
    return this.rows[slot * ROW_SIZE + ACCESSED_AT]!;
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
    const { rows } = this;
    const row = slot * ROW_SIZE;
    const ttlMs = rows[row + TTL_MS]!;
    const byAge = ttlMs === 0 ? Infinity : rows[row + BORN]! + ttlMs;
    const idleTtlMs = this.extrasOf(slot)?.idleTtlMs ?? 0;
    return idleTtlMs === 0 ? byAge : Math.min(byAge, rows[row + ACCESSED_AT]! + idleTtlMs);
  }

  /** The value leaves; slot and key stay. @returns the weight that it had */
  empty(slot: number): number {
    const { rows } = this;
    const row = slot * ROW_SIZE;
    this.values[slot] = undefined;
    rows[row + FRESH_UNTIL] = -Infinity;
    rows[row + IS_UNWEIGHED] = 0;
    return rows[row + WEIGHT]!;
  }

  /** An empty slot is for another key from now on. */
  release(slot: number): void {
    this.keys[slot] = '';
    this.#free.push(slot);
  }

  /** The clock's origin has moved by `delta` ms. */
  rebase(delta: number): void {
    const { rows } = this;
    for (let row = 0; row < rows.length; row += ROW_SIZE) {
      for (const at of [FRESH_UNTIL, BORN, ACCESSED_AT]) rows[row + at]! -= delta;
    }
  }

  clear(): void {
    this.rows = new Float64Array(FEWEST_SLOTS * ROW_SIZE);
    this.keys.length = 0;
    this.values.length = 0;
    this.#extras.clear();
    this.#free.length = 0;
  }

  #grow(): void {
    const rows = new Float64Array(2 * this.rows.length);
    rows.set(this.rows);
    this.rows = rows;
  }
}
