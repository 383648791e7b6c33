import type { Resource } from '../resource-limits.ts';
import { describeAmount } from '../resource-limits.ts';
import type { FactorExpectation } from './factor-forecast.ts';
import type { PatternKind, SeriesPattern } from './series-pattern.ts';

/** What use of one resource was like lately. */
export interface RecentPattern {
  readonly kind: PatternKind;
  /** Units of the resource a second. */
  readonly trend: number;
  /** Half the width of its interval of 95 %. */
  readonly trendError: number;
  /** In words and numbers. */
  readonly evidence: string;
}

/** What use of one resource by one tool is like. */
export interface ResourcePattern {
  readonly kind: PatternKind;
  /** Mean of what was used while the tool ran, a half-life of a day; in units of the resource. */
  readonly averageUsage: number;
  /** Units of the resource a second (Theil–Sen). */
  readonly trend: number;
  /** Half the width of its interval of 95 %. */
  readonly trendError: number;
  /** Differences from the mean, step by step of one period; `undefined` where there is no season. */
  readonly seasonality?: readonly number[];
  /** Of the season, in ms. */
  readonly periodMs?: number;
  /** When the season's first step was, in ms of the clock. */
  readonly seasonStartMs?: number;
  /** Share of the variance of each period that the other periods foretell, 0 to 1. */
  readonly seasonStrength?: number;
  /** Short peaks far above the rest. */
  readonly bursts: number;
  /** When the level changed for good, in ms of the clock; older use is not told of. */
  readonly shiftedAtMs?: number;
  /** When this was found, in ms of the clock; 0 before the first analysis. */
  readonly lastUpdate: number;
  /** Steps of time in which use was seen. */
  readonly samples: number;
  /** Why this kind, in words and numbers. */
  readonly evidence: string;
  /** The last minutes, with finer steps. */
  readonly recent?: RecentPattern;
  /** What the next sample is expected to be, and what that rests on. */
  readonly next?: FactorExpectation;
}

/** What use of each resource by one tool is like. */
export type UsagePattern = Readonly<Record<Resource, ResourcePattern>>;

/** A series of which a pattern was told. */
export interface SeriesOrigin {
  readonly startMs: number;
  readonly binMs: number;
  readonly length: number;
}

/** Of which nothing is known yet. */
export const UNKNOWN_PATTERN: ResourcePattern = {
  kind: 'steady',
  averageUsage: 0,
  trend: 0,
  trendError: 0,
  bursts: 0,
  lastUpdate: 0,
  samples: 0,
  evidence: 'nothing was seen yet',
};

/** @returns a pattern in the terms of a resource and of a clock */
export function toResourcePattern(
  resource: Resource,
  pattern: SeriesPattern,
  { startMs, binMs, length }: SeriesOrigin,
  nowMs: number,
): ResourcePattern {
  const { period, profile, seasonStrength, shiftAt } = pattern;
  const seconds = binMs / 1_000;
  return {
    kind: pattern.kind,
    averageUsage: pattern.average,
    trend: pattern.trend / seconds,
    trendError: pattern.trendError / seconds,
    ...(period !== undefined &&
      profile !== undefined && {
        seasonality: profile,
        periodMs: period * binMs,
        seasonStartMs: startMs + (shiftAt ?? 0) * binMs,
        ...(seasonStrength !== undefined && { seasonStrength }),
      }),
    bursts: pattern.bursts,
    ...(shiftAt !== undefined && { shiftedAtMs: startMs + shiftAt * binMs }),
    lastUpdate: nowMs,
    samples: pattern.steps,
    evidence: evidenceOf(resource, pattern, { startMs, binMs, length }),
  };
}

function evidenceOf(resource: Resource, pattern: SeriesPattern, origin: SeriesOrigin): string {
  const amount = (value: number): string => describeAmount(resource, value);
  const { binMs, length } = origin;
  const seen = `${pattern.steps} steps of ${describeSpan(binMs)}`;
  const { kind, period, profile = [], seasonStrength = 0 } = pattern;
  if (kind === 'growth') {
    const perMinute = (pattern.trend * 60_000) / binMs;
    const error = (pattern.trendError * 60_000) / binMs;
    return `grows by ${amount(perMinute)} a minute, ± ${amount(error)}, in ${seen} (z = ${pattern.trendZ.toFixed(1)})`;
  }
  if (kind === 'seasonal' && period !== undefined) {
    const swing = Math.max(...profile) - Math.min(...profile);
    const percent = (seasonStrength * 100).toFixed(0);
    const periods = (length / period).toFixed(1);
    return `every ${describeSpan(period * binMs)} a swing of ${amount(swing)}; of ${periods} periods each is foretold to ${percent} % by the others`;
  }
  if (kind === 'burst') {
    const percent = (pattern.burstShare * 100).toFixed(1);
    return `${pattern.bursts} peaks up to ${amount(pattern.burstHeight)} above the middle, ${percent} % of ${seen}`;
  }
  return `no growth (z = ${pattern.trendZ.toFixed(1)}), season or burst in ${seen}`;
}

/** @returns a span of time in words, such as `5 min`. */
export function describeSpan(ms: number): string {
  if (ms < 60_000) return `${Number((ms / 1_000).toPrecision(3))} s`;
  if (ms < 7_200_000) return `${Number((ms / 60_000).toPrecision(3))} min`;
  if (ms < 172_800_000) return `${Number((ms / 3_600_000).toPrecision(3))} h`;
  return `${Number((ms / 86_400_000).toPrecision(3))} days`;
}
