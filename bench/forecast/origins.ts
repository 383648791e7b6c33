import type { UsageSeries } from '../limits/usage-series.ts';
import type { Question } from './contenders.ts';
import { detectedSeason } from './season.ts';

const DAY_SECONDS = 86_400;

/** A moment of a series to forecast from. */
export interface Origin {
  readonly question: Question;
  /** What came. */
  readonly truth: readonly number[];
  /** Mean change from one sample to the next in the past: the unit of scaled errors. */
  readonly scale: number;
}

/**
 * Evenly spread over the second half of a series. One that has never changed by then has no unit to measure
 * errors in, and is left out.
 */
export function origins(
  series: UsageSeries,
  count: number,
  horizon: number,
  level: number,
): Origin[] {
  const { values, seconds } = series;
  const first = values.length >> 1;
  const last = values.length - horizon;
  const places = Array.from({ length: count }, (_, index) =>
    Math.round(first + ((last - first) * index) / (count - 1)),
  );
  return [...new Set(places)].flatMap((at) => {
    const past = values.slice(0, at);
    let change = 0;
    for (let index = 1; index < at; index++) change += Math.abs(past[index]! - past[index - 1]!);
    if (change === 0) return [];
    const season = detectedSeason(past) ?? day(seconds, at);
    return [
      {
        question: { past, season, horizon, level },
        truth: values.slice(at, at + horizon),
        scale: change / (at - 1),
      },
    ];
  });
}

/** A day in samples, where the past has two of them. */
function day(seconds: readonly number[], at: number): number | undefined {
  const step = (seconds[at - 1]! - seconds[0]!) / (at - 1);
  const samples = Math.round(DAY_SECONDS / step);
  return samples >= 2 && 2 * samples <= at ? samples : undefined;
}
