/** How a field of two entries of the same bucket becomes one. */
export type Merge = 'max' | 'sum';

/**
 * Rows of numbers by time, one a bucket, the newest `capacity` of them. Buckets in which nothing happened take no room,
 * and room is taken only as it is needed.
 */
export class TimeRing {
  readonly bucketMs: number;
  readonly #capacity: number;
  readonly #merges: readonly Merge[];
  readonly #width: number;
  #rows: Float64Array;
  #first = 0;
  #count = 0;
  /** Whether older buckets than those kept have been dropped. */
  hasDropped = false;

  /**
   * @param bucketMs - how long a bucket is
   * @param capacity - how many are kept
   * @param merges - one for each field
   */
  constructor(bucketMs: number, capacity: number, merges: readonly Merge[]) {
    this.bucketMs = bucketMs;
    this.#capacity = capacity;
    this.#merges = merges;
    this.#width = merges.length + 1;
    this.#rows = new Float64Array(Math.min(capacity, FIRST_ROOM) * this.#width);
  }

  /** Bytes that its rows take. */
  get byteLength(): number {
    return this.#rows.byteLength;
  }

  /** Adds to the bucket of `atMs`, which must not be before the last one that was added to. */
  add(atMs: number, values: readonly number[]): void {
    const bucket = Math.floor(atMs / this.bucketMs);
    const last = this.#at(this.#count - 1);
    const isKnown = this.#count > 0 && bucket <= (this.#rows[last] ?? 0);
    const row = isKnown ? last : this.#append(bucket);
    for (let field = 0; field < this.#merges.length; field++) {
      const before = isKnown ? (this.#rows[row + 1 + field] ?? 0) : 0;
      const value = values[field] ?? 0;
      this.#rows[row + 1 + field] =
        this.#merges[field] === 'sum' ? before + value : Math.max(before, value);
    }
  }

  /** @returns the start of each bucket, in ms, and its fields, from the oldest that begins at `sinceMs` or later. */
  *rows(sinceMs = -Infinity): IterableIterator<{ fromMs: number; values: readonly number[] }> {
    for (let index = 0; index < this.#count; index++) {
      const row = this.#at(index);
      const fromMs = (this.#rows[row] ?? 0) * this.bucketMs;
      if (fromMs < sinceMs) continue;
      yield {
        fromMs,
        values: [...this.#rows.subarray(row + 1, row + this.#width)],
      };
    }
  }

  #append(bucket: number): number {
    const room = this.#rows.length / this.#width;
    if (this.#count === room && room < this.#capacity)
      this.#grow(Math.min(room * 2, this.#capacity));
    else if (this.#count === room) {
      this.#first = (this.#first + 1) % room;
      this.#count--;
      this.hasDropped = true;
    }
    this.#count++;
    const row = this.#at(this.#count - 1);
    this.#rows[row] = bucket;
    return row;
  }

  #grow(room: number): void {
    const rows = new Float64Array(room * this.#width);
    for (let index = 0; index < this.#count; index++) {
      const row = this.#at(index);
      rows.set(this.#rows.subarray(row, row + this.#width), index * this.#width);
    }
    this.#rows = rows;
    this.#first = 0;
  }

  /** Where the row of an index begins. */
  #at(index: number): number {
    return ((this.#first + index) % (this.#rows.length / this.#width)) * this.#width;
  }
}

const FIRST_ROOM = 16;
