import type { LimitSetter } from './contenders.ts';
import { warmUpSeconds, type UsageSeries } from './usage-series.ts';

/** How a policy did on a series, behind its warm-up. */
export interface LimitFigures {
  /** Mean share of the limit that was not used, over samples with a limit above 0. */
  readonly slack: number;
  /** Share of samples above the limit. */
  readonly violations: number;
  /** Runs of samples above the limit. */
  readonly episodesPerDay: number;
  /** Moves of the limit by more than 1 %. */
  readonly changesPerDay: number;
  /** From a step to twice the highest use, behind the series, until the limit covers it. */
  readonly coverSeconds: number;
}

const DAY_SECONDS = 86_400;

/** Replays the whole series: the limit of each time knows only what was before. */
export function replay(series: UsageSeries, setter: LimitSetter): LimitFigures {
  const { seconds, values } = series;
  const beginSecond = seconds[0]! + warmUpSeconds(series);
  let judged = 0;
  let limited = 0;
  let slack = 0;
  let violations = 0;
  let episodes = 0;
  let changes = 0;
  let isExceeded = false;
  let before: number | undefined;
  let firstSecond = Number.NaN;
  for (const [index, second] of seconds.entries()) {
    const value = values[index]!;
    // Asked during the warm-up too: a policy that steps must not step from nothing.
    const limit = setter.limit(second);
    if (second < beginSecond) {
      setter.observe(value, second, undefined);
      continue;
    }
    if (judged === 0) firstSecond = second;
    judged++;
    if (limit > 0) {
      limited++;
      slack += Math.max(0, limit - value) / limit;
    }
    if (value > limit) {
      violations++;
      if (!isExceeded) episodes++;
    }
    isExceeded = value > limit;
    if (before !== undefined && Math.abs(limit - before) > 0.01 * before) changes++;
    before = limit;
    setter.observe(value, second, limit);
  }
  const days = Math.max(seconds.at(-1)! - firstSecond, 1) / DAY_SECONDS;
  return {
    slack: limited === 0 ? 0 : slack / limited,
    violations: violations / judged,
    episodesPerDay: episodes / days,
    changesPerDay: changes / days,
    coverSeconds: cover(series, setter),
  };
}

/** @returns a day where the step is not covered within one */
function cover({ seconds, values }: UsageSeries, setter: LimitSetter): number {
  const intervals = seconds.slice(1).map((second, index) => second - seconds[index]!);
  const interval = Math.max(1, intervals.toSorted((a, b) => a - b)[intervals.length >> 1]!);
  const level = 2 * values.reduce((most, value) => Math.max(most, value), 0);
  const stepSecond = seconds.at(-1)! + interval;
  for (let second = stepSecond; second < stepSecond + DAY_SECONDS; second += interval) {
    const limit = setter.limit(second);
    if (limit >= level) return second - stepSecond;
    setter.observe(level, second, limit);
  }
  return DAY_SECONDS;
}
