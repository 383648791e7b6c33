/** What guards a value of the near map, and what the store said of it. */
export interface NearEntry<V> {
  readonly uri: string;
  /** The cell that counts its hits, and the place of its row. */
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
}

/** Words of a row, which a hit reads: four entries share a cache line. */
export const NearRow = { stripe: 0, version: 1, reading: 2, trustedMs: 3, sizeLog: 2 } as const;

/** What one entry may take of the room in bytes. */
const ENTRY_SHARE = 1 / 8;

const FEWEST_CELLS = 64;

/**
 * What this thread has decoded of a store, bounded in entries and bytes.
 *
 * Who leaves is found by a hand that goes around the cells and passes by those with hits since it last
 * came (CLOCK; Corbató 1968).
 *
 * Entries are rows of one typed array and places of a few plain ones, by cell: as objects of their own, a
 * thousand entries were 112 kB that hits had to go through (figures: ARCHITECTURE.md).
 */
export class NearMap<V> {
  /** Rows (`NearRow`) by cell; another array after growth. */
  rows = new Int32Array(FEWEST_CELLS << NearRow.sizeLog);
  /** By cell; `undefined` where the cell is empty, or its value has to be read by `read`. */
  readonly values: (V | undefined)[] = [];
  readonly #cells = new Map<string, number>();
  /** By cell; `undefined` where it is empty. */
  readonly #uris: (string | undefined)[] = [];
  readonly #readers: ((() => V) | undefined)[] = [];
  readonly #sizes: number[] = [];
  readonly #deadlines: number[] = [];
  /** Hits when the hand last passed. */
  readonly #seen: number[] = [];
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
    return this.#cells.size;
  }

  /** @returns the cell of an entry */
  find(uri: string): number | undefined {
    return this.#cells.get(uri);
  }

  /** The value of a cell that has none among `values`, for one caller. */
  read(cell: number): V | undefined {
    return this.#readers[cell]?.();
  }

  deadlineOf(cell: number): number {
    return this.#deadlines[cell]!;
  }

  /** @returns the cell that an entry of this URI would get; its occupant stays until `put`. */
  cellFor(uri: string): number {
    const own = this.#cells.get(uri);
    if (own !== undefined) return own;
    if (this.#uris.length < this.#maxEntries) return this.#uris.length;
    // Twice around: by then everybody was passed by once.
    for (let step = 0; step < 2 * this.#maxEntries; step++) {
      const hits = this.#hitsOf(this.#hand);
      if (this.#uris[this.#hand] === undefined || this.#seen[this.#hand] === hits) break;
      this.#seen[this.#hand] = hits;
      this.#turn();
    }
    return this.#hand;
  }

  /** Whether a value of so many bytes is worth its room. */
  takes(bytes: number): boolean {
    return this.#maxEntries > 0 && bytes <= this.#maxBytes * ENTRY_SHARE;
  }

  put(entry: NearEntry<V>): void {
    const { uri, cell } = entry;
    this.vacate(cell);
    this.#write(entry);
    this.#cells.set(uri, cell);
    this.#bytes += entry.bytes;
    if (cell === this.#hand) this.#turn();
    this.#trim(cell);
  }

  /** Takes another bound of bytes. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#trim(undefined);
  }

  delete(uri: string): void {
    const cell = this.#cells.get(uri);
    if (cell !== undefined) this.vacate(cell);
  }

  /** Whoever is in the cell leaves. */
  vacate(cell: number): void {
    const uri = this.#uris[cell];
    if (uri === undefined) return;
    this.#uris[cell] = undefined;
    this.values[cell] = undefined;
    this.#readers[cell] = undefined;
    this.#cells.delete(uri);
    this.#bytes -= this.#sizes[cell]!;
  }

  clear(): void {
    this.#cells.clear();
    this.#uris.fill(undefined);
    this.values.fill(undefined);
    this.#readers.fill(undefined);
    this.#bytes = 0;
  }

  #write(entry: NearEntry<V>): void {
    const { cell } = entry;
    const at = cell << NearRow.sizeLog;
    if (at >= this.rows.length) this.#grow();
    this.rows[at + NearRow.stripe] = entry.stripe;
    this.rows[at + NearRow.version] = entry.version;
    this.rows[at + NearRow.reading] = entry.reading;
    this.rows[at + NearRow.trustedMs] = entry.trustedMs;
    this.#uris[cell] = entry.uri;
    this.values[cell] = entry.value;
    this.#readers[cell] = entry.read;
    this.#sizes[cell] = entry.bytes;
    this.#deadlines[cell] = entry.deadline;
    this.#seen[cell] = this.#hitsOf(cell);
  }

  #trim(newcomer: number | undefined): void {
    while (this.#bytes > this.#maxBytes) {
      if (this.#hand !== newcomer) this.vacate(this.#hand);
      this.#turn();
    }
  }

  #turn(): void {
    this.#hand = (this.#hand + 1) % this.#maxEntries;
  }

  #grow(): void {
    const former = this.rows;
    this.rows = new Int32Array(2 * former.length);
    this.rows.set(former);
  }
}
