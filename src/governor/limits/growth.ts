const KEPT = 16;
/** Mann–Kendall, two-sided 1 %. */
const SIGNIFICANT = 2.576;

/** A steady rise of the last samples. */
export interface Growth {
  /** Median slope of all pairs (Theil–Sen), a ms. */
  readonly perMs: number;
  /** Median time between two samples. */
  readonly intervalMs: number;
}

/**
 * Tells whether the last 16 samples grow: Theil–Sen for how fast, Mann–Kendall for whether at all. One
 * outlier moves neither. O(1) to add, O(16²) to ask.
 */
export class GrowthWindow {
  readonly #values: number[] = [];
  readonly #timesMs: number[] = [];

  add(value: number, atMs: number): void {
    this.#values.push(value);
    this.#timesMs.push(atMs);
    if (this.#values.length > KEPT) {
      this.#values.shift();
      this.#timesMs.shift();
    }
  }

  /** @returns `undefined` where the rise may be chance */
  growth(): Growth | undefined {
    const n = this.#values.length;
    if (n < KEPT) return undefined;
    const slopes: number[] = [];
    let concordance = 0;
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        const rise = this.#values[j]! - this.#values[i]!;
        const spanMs = this.#timesMs[j]! - this.#timesMs[i]!;
        concordance += Math.sign(rise);
        if (spanMs > 0) slopes.push(rise / spanMs);
      }
    }
    const deviation = Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
    const perMs = middle(slopes);
    if (concordance - 1 < SIGNIFICANT * deviation || !(perMs > 0)) return undefined;
    return { perMs, intervalMs: (this.#timesMs[n - 1]! - this.#timesMs[0]!) / (n - 1) };
  }
}

function middle(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? Number.NaN;
}
