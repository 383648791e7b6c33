/** A value of the store as this thread has decoded it. */
export interface NearEntry<V> {
  readonly uri: string;
  /** The cell that counts its hits. */
  readonly cell: number;
  /** Gives each caller what he may have; `undefined` where all may have `value`. */
  readonly read: (() => V) | undefined;
  readonly value: V | undefined;
  /** Bytes of the value in the store. */
  readonly bytes: number;
  /** Which version word guards it, and what that was. */
  readonly stripe: number;
  readonly version: number;
  /** The clock when it came, and for how many ms it may be trusted. */
  readonly reading: number;
  readonly trustedMs: number;
  /** Where time is the user's: up to when it lives. */
  readonly deadline: number;
  /** Hits when the hand last passed. */
  seen: number;
}

/** What one entry may take of the room in bytes. */
const ENTRY_SHARE = 1 / 8;

/**
 * What this thread has decoded of a store, bounded in entries and bytes.
 *
 * Who leaves is found by a hand that goes around the cells and passes by those with hits since it last
 * came (CLOCK; Corbató 1968).
 */
export class NearMap<V> {
  readonly #entries = new Map<string, NearEntry<V>>();
  readonly #cells: (NearEntry<V> | undefined)[] = [];
  readonly #maxEntries: number;
  #maxBytes: number;
  readonly #hitsOf: (cell: number) => number;
  #bytes = 0;
  #hand = 0;

  /** @param hitsOf reads how many hits a cell has counted */
  constructor(maxEntries: number, maxBytes: number, hitsOf: (cell: number) => number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    this.#hitsOf = hitsOf;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(uri: string): NearEntry<V> | undefined {
    return this.#entries.get(uri);
  }

  /** @returns the cell that an entry of this URI would get; its occupant stays until `put`. */
  cellFor(uri: string): number {
    const own = this.#entries.get(uri);
    if (own !== undefined) return own.cell;
    if (this.#cells.length < this.#maxEntries) return this.#cells.length;
    // Twice around: by then everybody was passed by once.
    for (let step = 0; step < 2 * this.#maxEntries; step++) {
      const occupant = this.#cells[this.#hand];
      if (occupant === undefined || occupant.seen === this.#hitsOf(this.#hand)) break;
      occupant.seen = this.#hitsOf(this.#hand);
      this.#turn();
    }
    return this.#hand;
  }

  /** Whether a value of so many bytes is worth its room. */
  takes(bytes: number): boolean {
    return this.#maxEntries > 0 && bytes <= this.#maxBytes * ENTRY_SHARE;
  }

  put(entry: NearEntry<V>): void {
    this.vacate(entry.cell);
    this.#cells[entry.cell] = entry;
    this.#entries.set(entry.uri, entry);
    this.#bytes += entry.bytes;
    if (entry.cell === this.#hand) this.#turn();
    this.#trim(entry);
  }

  /** Takes another bound of bytes. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#trim(undefined);
  }

  delete(uri: string): void {
    const entry = this.#entries.get(uri);
    if (entry !== undefined) this.#drop(entry);
  }

  /** Whoever is in the cell leaves. */
  vacate(cell: number): void {
    const occupant = this.#cells[cell];
    if (occupant !== undefined) this.#drop(occupant);
  }

  clear(): void {
    this.#entries.clear();
    this.#cells.fill(undefined);
    this.#bytes = 0;
  }

  #drop(entry: NearEntry<V>): void {
    this.#cells[entry.cell] = undefined;
    this.#entries.delete(entry.uri);
    this.#bytes -= entry.bytes;
  }

  #trim(newcomer: NearEntry<V> | undefined): void {
    while (this.#bytes > this.#maxBytes) {
      const next = this.#cells[this.#hand];
      if (next !== undefined && next !== newcomer) this.#drop(next);
      this.#turn();
    }
  }

  #turn(): void {
    this.#hand = (this.#hand + 1) % this.#maxEntries;
  }
}
