/** A line through points, and how surely it rises. */
export interface Line {
  readonly slope: number;
  readonly intercept: number;
  /** Spearman's rank correlation, -1 to 1. */
  readonly correlation: number;
}

/** Student's t of a rank correlation: 1 % by chance of five points, one-sided to a tenth of a percent of many. */
const SIGNIFICANT = 3.5;
const LEAST = 5;

/**
 * Theil–Sen through points: the median of the slopes of all pairs, and the median of what it leaves. A quarter of the
 * points may be anything. O(n²).
 *
 * @param xs - of one length with `ys`
 * @returns `undefined` where it does not rise, or may rise by chance
 */
export function risingLine(xs: readonly number[], ys: readonly number[]): Line | undefined {
  const n = xs.length;
  const correlation = rankCorrelation(xs, ys);
  if (n < LEAST || !(correlation > 0)) return undefined;
  if (correlation * Math.sqrt(n - 2) < SIGNIFICANT * Math.sqrt(1 - correlation ** 2))
    return undefined;
  const slopes: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const run = xs[j]! - xs[i]!;
      if (run !== 0) slopes.push((ys[j]! - ys[i]!) / run);
    }
  }
  const slope = median(slopes);
  if (!(slope > 0)) return undefined;
  const intercept = median(ys.map((y, index) => y - slope * xs[index]!));
  return { slope, intercept, correlation };
}

/** @returns Spearman's rank correlation, ties at their mean rank; NaN where one side is all the same. */
function rankCorrelation(xs: readonly number[], ys: readonly number[]): number {
  const a = ranks(xs);
  const b = ranks(ys);
  const mean = (xs.length - 1) / 2;
  let [both, ofA, ofB] = [0, 0, 0];
  for (let index = 0; index < a.length; index++) {
    const [da, db] = [a[index]! - mean, b[index]! - mean];
    both += da * db;
    ofA += da * da;
    ofB += db * db;
  }
  return both / Math.sqrt(ofA * ofB);
}

function ranks(values: readonly number[]): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!);
  const ranked = new Float64Array(values.length);
  for (let first = 0; first < order.length;) {
    let end = first + 1;
    while (end < order.length && values[order[end]!] === values[order[first]!]) end++;
    for (let at = first; at < end; at++) ranked[order[at]!] = (first + end - 1) / 2;
    first = end;
  }
  return ranked;
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + sorted[(sorted.length >> 1) - 1]!) / 2;
}
