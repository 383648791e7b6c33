const integer = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const significant = new Intl.NumberFormat('en', {
  minimumSignificantDigits: 3,
  maximumSignificantDigits: 3,
});

export function count(value: number): string {
  return integer.format(value);
}

/** Durations: three digits, so that 0.123 and 12.3 are as exact as each other. */
export function milliseconds(value: number): string {
  return `${significant.format(value)} ms`;
}

export function bytes(value: number): string {
  return value < 1_000 ? `${value} B` : `${count(value / 1_000)} kB`;
}

export function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

export function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}

/** The value that a share of the sorted values does not exceed (nearest rank). */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function quantiles(values: Float64Array, shares: readonly number[]): readonly number[] {
  const sorted = values.toSorted();
  return shares.map((share) => quantile(sorted, share));
}

/** Of an even number of values the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
