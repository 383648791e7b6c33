const FIRST_ROOM = 32;

/** How a series is kept. */
export interface UsageSeriesSettings {
  /** Width of a bin at first, in ms. */
  readonly binMs: number;
  /** Bins are not made wider than this, in ms: then the oldest go. */
  readonly widestBinMs: number;
  /** How many bins are kept at most; even. */
  readonly capacity: number;
}

/** What a series is made of, as it is saved. */
export interface UsageSeriesState {
  readonly binMs: number;
  readonly firstBin: number;
  /** `null` where nothing was seen. */
  readonly peaks: readonly (number | null)[];
}

/**
 * The highest use of each bin of time, evenly spaced, in bounded memory: when all room is taken, two bins become one,
 * so that the series always begins where use did, until bins are as wide as they may be.
 *
 * 8 bytes a bin, taken as needed; adding is O(1) amortised.
 */
export class UsageSeries {
  readonly #settings: UsageSeriesSettings;
  #binMs: number;
  #firstBin = 0;
  #count = 0;
  #peaks = new Float64Array(FIRST_ROOM);
  /** Bins that were begun since `take` was called last. */
  fresh = 0;

  constructor(settings: UsageSeriesSettings) {
    this.#settings = settings;
    this.#binMs = settings.binMs;
  }

  get binMs(): number {
    return this.#binMs;
  }

  /** Start of the first bin, in ms of the clock of the samples. */
  get startMs(): number {
    return this.#firstBin * this.#binMs;
  }

  get length(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#peaks.byteLength;
  }

  /** @param atMs - what is before the newest bin counts for that */
  add(value: number, atMs: number): void {
    let place = Math.floor(atMs / this.#binMs) - this.#firstBin;
    if (this.#count === 0) {
      this.#firstBin += place;
      place = 0;
    }
    while (place >= this.#settings.capacity && this.#binMs < this.#settings.widestBinMs) {
      this.#widen();
      place = Math.floor(atMs / this.#binMs) - this.#firstBin;
    }
    if (place >= this.#settings.capacity) place = this.#drop(place);
    if (place < this.#count) {
      const at = this.#count - 1;
      const peak = this.#peaks[at]!;
      if (!(peak >= value)) this.#peaks[at] = value;
      return;
    }
    this.#grow(place + 1);
    this.#peaks.fill(Number.NaN, this.#count, place);
    this.#peaks[place] = value;
    this.fresh += place + 1 - this.#count;
    this.#count = place + 1;
  }

  /** @returns a copy, `NaN` where nothing was seen; the newest bin is left out while it may still rise. */
  take(): Float64Array {
    this.fresh = 0;
    return this.#peaks.slice(0, Math.max(0, this.#count - 1));
  }

  state(): UsageSeriesState {
    const peaks = Array.from(this.#peaks.subarray(0, this.#count), (peak) =>
      Number.isNaN(peak) ? null : Number(peak.toPrecision(6)),
    );
    return { binMs: this.#binMs, firstBin: this.#firstBin, peaks };
  }

  /** Goes on from what was saved; what does not fit these settings is not taken. */
  restore({ binMs, firstBin, peaks }: UsageSeriesState): void {
    const { binMs: least, widestBinMs, capacity } = this.#settings;
    const fits =
      binMs >= least && binMs <= widestBinMs && Number.isInteger(Math.log2(binMs / least));
    if (!fits || peaks.length > capacity || !Number.isSafeInteger(firstBin)) return;
    this.#binMs = binMs;
    this.#firstBin = firstBin;
    this.#count = peaks.length;
    this.#peaks = Float64Array.from(peaks, (peak) => peak ?? Number.NaN);
    this.#grow(FIRST_ROOM);
    this.fresh = this.#count;
  }

  /** Makes one bin of two. */
  #widen(): void {
    const first = Math.floor(this.#firstBin / 2);
    let count = 0;
    for (let place = 0; place < this.#count; place++) {
      const to = Math.floor((this.#firstBin + place) / 2) - first;
      const [peak, known] = [this.#peaks[place]!, to < count ? this.#peaks[to]! : Number.NaN];
      this.#peaks[to] = known >= peak || Number.isNaN(peak) ? known : peak;
      count = to + 1;
    }
    this.#firstBin = first;
    this.#count = count;
    this.#binMs *= 2;
  }

  /** Lets a quarter of the bins go, or as many as it takes. */
  #drop(place: number): number {
    const { capacity } = this.#settings;
    const gone = Math.max(capacity / 4, place + 1 - capacity);
    this.#peaks.copyWithin(0, Math.min(gone, this.#count), this.#count);
    this.#count = Math.max(0, this.#count - gone);
    this.#firstBin += gone;
    return place - gone;
  }

  #grow(needed: number): void {
    if (needed <= this.#peaks.length) return;
    const room = Math.min(this.#settings.capacity, Math.max(needed, 2 * this.#peaks.length));
    const peaks = new Float64Array(room);
    peaks.set(this.#peaks.subarray(0, this.#count));
    this.#peaks = peaks;
  }
}
