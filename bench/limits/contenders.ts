import { LimitPolicy } from 'mcp-granary/governor';
import { DecayingHistogram } from './histogram.ts';
import { warmUpSeconds, type UsageSeries } from './usage-series.ts';

/** What sets a limit: told of each sample after the limit of its time was asked for. */
export interface LimitSetter {
  limit(second: number): number;
  /** @param limit - that the sample was held against; `undefined` during the warm-up */
  observe(value: number, second: number, limit: number | undefined): void;
}

const DAY_SECONDS = 86_400;

function percentile(share: number, halfLifeSeconds: number) {
  return (series: UsageSeries): LimitSetter => {
    const histogram = new DecayingHistogram(firstBucket(series), halfLifeSeconds);
    return {
      limit: () => 1.15 * histogram.percentile(share),
      observe: (value, second) => histogram.add(value, second),
    };
  };
}

function firstBucket({ values }: UsageSeries): number {
  return values.reduce((most, value) => Math.max(most, value), 0) / 10_000;
}

/** The default maximum of a tool over its base: five times what the warm-up used. */
function fixed(series: UsageSeries): LimitSetter {
  const endSecond = series.seconds[0]! + warmUpSeconds(series);
  let sum = 0;
  let count = 0;
  return {
    limit: () => (count === 0 ? 0 : (5 * sum) / count),
    observe(value, second) {
      if (second >= endSecond) return;
      sum += value;
      count++;
    },
  };
}

/** P90 of the peaks of windows of a day; what exceeds the limit counts 1.2 times. */
function peaks(series: UsageSeries): LimitSetter {
  const windows: [second: number, peak: number][] = [[series.seconds[0]!, 0]];
  return {
    limit() {
      const histogram = new DecayingHistogram(firstBucket(series), DAY_SECONDS);
      for (const [second, peak] of windows) histogram.add(peak, second);
      return 1.15 * histogram.percentile(0.9);
    },
    observe(value, second, limit) {
      while (second >= windows.at(-1)![0] + DAY_SECONDS) {
        windows.push([windows.at(-1)![0] + DAY_SECONDS, 0]);
      }
      const window = windows.at(-1)!;
      const counted = limit !== undefined && value > limit ? 1.2 * value : value;
      window[1] = Math.max(window[1], counted);
    },
  };
}

function highestOfDay(): LimitSetter {
  // Falling values, the highest first: none can be the highest while a later one is higher.
  const falling: [second: number, value: number][] = [];
  return {
    limit: () => 1.1 * (falling[0]?.[1] ?? 0),
    observe(value, second) {
      while (falling.length > 0 && falling.at(-1)![1] <= value) falling.pop();
      falling.push([second, value]);
      while (falling[0]![0] < second - DAY_SECONDS) falling.shift();
    },
  };
}

function movingAverage(): LimitSetter {
  const alpha = 0.1;
  let mean: number | undefined;
  let variance = 0;
  return {
    limit: () => (mean ?? 0) + 3 * Math.sqrt(variance),
    observe(value) {
      const difference = value - (mean ?? value);
      mean = (mean ?? value) + alpha * difference;
      variance = (1 - alpha) * (variance + alpha * difference ** 2);
    },
  };
}

function granary(): LimitSetter {
  const policy = new LimitPolicy();
  return {
    limit(second) {
      policy.adjust(second * 1_000);
      return policy.limit;
    },
    observe: (value, second) => policy.observe(value, second * 1_000),
  };
}

/** All of them unbounded. */
export const CONTENDERS: ReadonlyMap<string, (series: UsageSeries) => LimitSetter> = new Map([
  ['static', fixed],
  ['vpa-cpu', percentile(0.9, DAY_SECONDS)],
  ['p98', percentile(0.98, DAY_SECONDS / 2)],
  ['vpa-memory', peaks],
  ['max-24h', highestOfDay],
  ['ewma-3s', movingAverage],
  ['granary', granary],
]);
