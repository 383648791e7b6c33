/** What a ring is made of, as it is saved: the bins from the oldest, `null` where none holds a sample. */
export interface PeakRingState {
  readonly from: number;
  readonly peaks: readonly (number | null)[];
}

/**
 * The highest use of each bin of time over a fixed span: all that a limit remembers of the past, in
 * memory that does not grow with the samples.
 *
 * @remarks 8 bytes a bin; adding is O(1), a look back O(bins looked at)
 */
export class PeakRing {
  readonly binMs: number;
  readonly #peaks: Float64Array;
  #newest = Number.NaN;
  #first = Number.NaN;

  /**
   * @param binMs - width of a bin
   * @param bins - how many are kept
   */
  constructor(binMs: number, bins: number) {
    this.binMs = binMs;
    this.#peaks = new Float64Array(bins).fill(Number.NaN);
  }

  binOf(atMs: number): number {
    return Math.floor(atMs / this.binMs);
  }

  /** Takes a sample; one older than the ring is left out. */
  add(value: number, atMs: number): void {
    const bin = this.binOf(atMs);
    const length = this.#peaks.length;
    if (Number.isNaN(this.#newest)) {
      this.#first = bin;
      this.#newest = bin;
    }
    if (bin <= this.#newest - length) return;
    for (let next = Math.max(this.#newest + 1, bin - length + 1); next <= bin; next++) {
      this.#peaks[this.#slot(next)] = Number.NaN;
    }
    this.#newest = Math.max(this.#newest, bin);
    const slot = this.#slot(bin);
    const peak = this.#peaks[slot]!;
    if (!(peak >= value)) this.#peaks[slot] = value;
  }

  state(): PeakRingState | undefined {
    if (Number.isNaN(this.#newest)) return undefined;
    const from = Math.max(this.#first, this.#newest - this.#peaks.length + 1);
    const peaks = Array.from({ length: this.#newest - from + 1 }, (_, at) => {
      const peak = this.#peaks[this.#slot(from + at)]!;
      return Number.isNaN(peak) ? null : peak;
    });
    return { from, peaks };
  }

  /** Goes on from what was saved of a ring of the same bins. */
  restore({ from, peaks }: PeakRingState): void {
    peaks.forEach((peak, at) => {
      if (peak !== null) this.add(peak, (from + at) * this.binMs);
    });
  }

  /** @returns the peak of the bins `first` to `last`, both included; -Infinity where none holds a sample */
  peak(first: number, last: number): number {
    let peak = -Infinity;
    const from = Math.max(first, this.#newest - this.#peaks.length + 1, this.#first);
    for (let bin = from; bin <= Math.min(last, this.#newest); bin++) {
      const value = this.#peaks[this.#slot(bin)]!;
      if (value > peak) peak = value;
    }
    return peak;
  }

  #slot(bin: number): number {
    const length = this.#peaks.length;
    return ((bin % length) + length) % length;
  }
}
