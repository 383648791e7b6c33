import type { Resource, ResourceLimits } from '../resource-limits.ts';
import { LIMIT_OF } from '../resource-limits.ts';
import { shortAmount } from '../resource-limits.ts';
import { type Foreseen, LimitPolicy, type LimitPolicyState } from '../limits/limit-policy.ts';
import type { Amounts } from '../resource-usage.ts';
import { FactorForecast } from './factor-forecast.ts';
import { foresee } from './foresight.ts';
import type { SeriesPattern } from './series-pattern.ts';
import {
  type ResourcePattern,
  type SeriesOrigin,
  toResourcePattern,
  UNKNOWN_PATTERN,
} from './usage-pattern.ts';
import { UsageSeries, type UsageSeriesState } from './usage-series.ts';

/** From a second a bin to half an hour: 12 days at most. */
const WHOLE = { binMs: 1_000, widestBinMs: 2_048_000, capacity: 512 };
/** 21 minutes. */
const RECENT = { binMs: 5_000, widestBinMs: 5_000, capacity: 256 };
/** So many new bins are worth another look. */
const FRESH = 16;
const FRESH_SHARE = 1 / 16;

/** What is saved of one resource of one tool. */
export interface TrackedResourceState {
  readonly policy: LimitPolicyState;
  readonly whole: UsageSeriesState;
  readonly pattern: ResourcePattern;
}

/** A series that is to be analysed, and where the pattern goes. */
export interface PendingAnalysis {
  readonly series: Float64Array;
  done(pattern: SeriesPattern, nowMs: number): void;
}

/** What is known of one resource of one tool: its use in time, its pattern, its limit; at most 11 kB. */
export class TrackedResource {
  readonly #resource: Resource;
  readonly #whole = new UsageSeries(WHOLE);
  readonly #recent = new UsageSeries(RECENT);
  readonly #factors: FactorForecast;
  readonly policy: LimitPolicy;
  readonly base: number;
  readonly max: number;
  #pattern: ResourcePattern = UNKNOWN_PATTERN;
  #recentPattern: ResourcePattern | undefined;
  #latest = 0;

  constructor(resource: Resource, base: ResourceLimits, max: ResourceLimits) {
    this.#resource = resource;
    this.#factors = new FactorForecast(resource);
    this.base = base[LIMIT_OF[resource]];
    this.max = max[LIMIT_OF[resource]];
    this.policy = new LimitPolicy({
      // No limit is none that could adapt.
      base: Number.isFinite(this.base) ? this.base : 0,
      max: this.max,
      format: (value) => shortAmount(resource, value),
    });
  }

  get isLimited(): boolean {
    return Number.isFinite(this.base);
  }

  /** Bytes that its series take. */
  get byteLength(): number {
    return this.#whole.byteLength + this.#recent.byteLength;
  }

  get pattern(): ResourcePattern {
    const next = this.#factors.expectation();
    const pattern = {
      ...this.#pattern,
      averageUsage: this.policy.mean ?? 0,
      ...(next !== undefined && { next }),
    };
    if (this.#recentPattern === undefined) return pattern;
    const { kind, trend, trendError, evidence } = this.#recentPattern;
    return { ...pattern, recent: { kind, trend, trendError, evidence } };
  }

  observe(value: number, atMs: number): void {
    this.#latest = value;
    this.policy.observe(value, atMs);
    this.#whole.add(value, atMs);
    this.#recent.add(value, atMs);
  }

  /**
   * Takes what else was used at the same time, for what that tells of the next sample.
   *
   * @param load - of the whole process, 1 is one core
   */
  compare(used: Amounts, load: number): void {
    this.#factors.observe(used, load);
  }

  /** What the patterns know of the time to come. */
  foreseen(nowMs: number): Foreseen | undefined {
    return foresee({
      resource: this.#resource,
      limit: this.policy.limit,
      latest: this.#latest,
      whole: this.#pattern,
      recent: this.#recentPattern,
      next: this.#factors.expectation(),
      nowMs,
    });
  }

  /** @returns the series of which there is enough news. */
  *pending(): IterableIterator<PendingAnalysis> {
    if (hasNews(this.#recent)) {
      yield this.#analysis(this.#recent, (pattern) => (this.#recentPattern = pattern));
    }
    if (hasNews(this.#whole)) {
      yield this.#analysis(this.#whole, (pattern) => (this.#pattern = pattern));
    }
  }

  #analysis(of: UsageSeries, found: (pattern: ResourcePattern) => void): PendingAnalysis {
    const series = of.take();
    const origin: SeriesOrigin = {
      startMs: of.startMs,
      binMs: of.binMs,
      length: series.length,
    };
    return {
      series,
      done: (pattern, nowMs) => found(toResourcePattern(this.#resource, pattern, origin, nowMs)),
    };
  }

  state(): TrackedResourceState | undefined {
    const policy = this.policy.state();
    if (policy === undefined) return undefined;
    return { policy, whole: this.#whole.state(), pattern: this.#pattern };
  }

  restore({ policy, whole, pattern }: TrackedResourceState): void {
    this.policy.restore(policy);
    this.#whole.restore(whole);
    this.#pattern = pattern;
  }
}

function hasNews(series: UsageSeries): boolean {
  return series.fresh >= Math.max(FRESH, series.length * FRESH_SHARE);
}
