const SHORTEST = 4;
const LONGEST = 600;
const LOOKED_AT = 2_048;
/** Autocorrelation below it is no season, one above it is no new one before it was below. */
const STRONG = 0.3;
const WEAK = 0.2;

/**
 * The lag of the highest peak of the autocorrelation of the newest 2,048 samples, at most a third of them:
 * behind where it first fell, so that what merely moves slowly is no season. A longer one has to be a
 * twentieth stronger than a shorter.
 */
export function detectedSeason(past: readonly number[]): number | undefined {
  const values = past.slice(-LOOKED_AT);
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const about = Float64Array.from(values, (value) => value - mean);
  const variance = about.reduce((sum, value) => sum + value * value, 0) / count;
  if (!(variance > 0)) return undefined;
  const longest = Math.min(LONGEST, Math.floor(count / 3));
  const correlation = Array.from({ length: longest + 1 }, (_, lag) => {
    let sum = 0;
    for (let index = lag; index < count; index++) sum += about[index]! * about[index - lag]!;
    return sum / (count - lag) / variance;
  });
  const fallen = correlation.findIndex((value, lag) => lag > 0 && value <= WEAK);
  if (fallen === -1) return undefined;
  let best: number | undefined;
  for (let lag = Math.max(SHORTEST, fallen); lag < longest; lag++) {
    const value = correlation[lag]!;
    const isPeak = value >= correlation[lag - 1]! && value >= correlation[lag + 1]!;
    const least = best === undefined ? STRONG : 1.05 * correlation[best]!;
    if (isPeak && value > least) best = lag;
  }
  return best;
}
