import { badOption, checkOptions } from '../../options.ts';
import { GrowthWindow, type Growth } from './growth.ts';
import { type HeldPeak, heldPeak, heldReason } from './held-peak.ts';
import { PeakRing, type PeakRingState } from './peak-ring.ts';
import { SeasonEnvelope } from './season-envelope.ts';

const HOUR_MS = 3_600_000;
const BIN_MS = HOUR_MS / 2;
const KEPT_BINS = 8 * 48;
/** Headroom above the held peak: a share of its distance from the mean, but no more than this of itself. */
const SPREAD_HEADROOM = 0.25;
const MOST_HEADROOM = 0.08;
/** What a violation adds to that share, above the bound too, the most that many add, how fast it is forgotten. */
const TAUGHT = 0.3;
const MOST_TAUGHT = 0.6;
/** Until then every sample may be a new peak: there is nothing yet that a violation could contradict. */
const LEARNING_MS = 4 * HOUR_MS;
const TAUGHT_HALF_LIFE_MS = 6 * HOUR_MS;
const MEAN_HALF_LIFE_MS = 24 * HOUR_MS;
/** A limit is lowered by two fifths in half an hour at most, and not for less than a twentieth. */
const LOWERED_TO = 0.6;
const LOWERED_BELOW = 0.95;
/** Nor raised for less than a fiftieth, unless use or growth needs it. */
const RAISED_ABOVE = 1.02;
/** What is only foreseen raises it gradually. */
const FORESEEN_STEP = 1.25;
const WARNED_SHARE = 0.95;
const LEAD_SAMPLES = 2;

/** Why a limit was moved. */
export type LimitCause =
  | 'violation'
  | 'peak'
  | 'growth'
  | 'season'
  | 'factors'
  | 'cool-down'
  | 'running';

/** A limit that was moved. */
export interface LimitChange {
  readonly from: number;
  readonly to: number;
  readonly cause: LimitCause;
  /** In words and numbers, without unit and subject: those the caller knows. */
  readonly reason: string;
}

/** Something that use is known to come to. */
export interface Foreseen {
  /** What the limit should be then. */
  readonly needed: number;
  readonly cause: 'growth' | 'season' | 'factors';
  /** In words and numbers. */
  readonly reason: string;
}

/** What a policy has learned, as it is saved. */
export interface LimitPolicyState {
  readonly limit: number;
  /** Of the first and of the last sample, in ms. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly latest: number;
  readonly sum: number;
  readonly weight: number;
  readonly taught: number;
  readonly peaks: PeakRingState;
  readonly season: readonly [number | null, number | null];
}

export interface LimitPolicyOptions {
  /** The limit is never below; 0 where not given. */
  readonly base?: number;
  /** The limit is never above; no bound where not given. */
  readonly max?: number;
  /** Writes a quantity in a reason; its digits where not given. */
  readonly format?: (value: number) => string;
}

/**
 * A limit that follows what is used: raised at once, lowered slowly.
 *
 * The limit is the highest peak of a day, or the week's to a tenth above it, plus headroom
 * in proportion to how far that stands above the mean, to a bound: steady use needs little. A violation
 * widens the headroom at once; that is forgotten by half in 6 hours. Below that, a daily season that has
 * proven itself bounds the limit, and growth raises it ahead.
 *
 * Pure: no clock and no timer; about 3.5 kB.
 */
export class LimitPolicy {
  readonly #base: number;
  readonly #max: number;
  readonly #format: (value: number) => string;
  readonly #peaks = new PeakRing(BIN_MS, KEPT_BINS);
  readonly #season = new SeasonEnvelope(this.#peaks);
  readonly #window = new GrowthWindow();
  #limit: number;
  #firstMs = Number.NaN;
  #lastMs = Number.NaN;
  #latest = 0;
  #sum = 0;
  #weight = 0;
  #taught = 0;
  #exceeded: number | undefined;
  #loweredBin = Number.NaN;

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  constructor(options: LimitPolicyOptions = {}) {
    const { base = 0, max = Infinity, format = digits } = checkOptions('options', options);
    if (!(base >= 0 && base < Infinity)) badOption('base', base, 'a number from 0');
    if (!(max >= base)) badOption('max', max, `a number from base, ${base}`);
    this.#base = base;
    this.#max = max;
    this.#format = format;
    this.#limit = base;
  }

  get limit(): number {
    return this.#limit;
  }

  /**
   * Above the held peak, as a share of its distance from the mean: 0.25 to 0.85, tuned by violations. The
   * first 0.25 are 8 % of the peak at most.
   */
  get headroom(): number {
    return SPREAD_HEADROOM + this.#taught;
  }

  /** Mean of what was used, with a half-life of a day; `undefined` before the first sample. */
  get mean(): number | undefined {
    return this.#weight > 0 ? this.#sum / this.#weight : undefined;
  }

  /** The highest use of the last `spanMs`, at most 8 days; `undefined` where there was none. */
  highest(atMs: number, spanMs: number): number | undefined {
    const now = this.#peaks.binOf(atMs);
    const peak = this.#peaks.peak(now - Math.ceil(spanMs / BIN_MS), now);
    return peak >= 0 ? peak : undefined;
  }

  /** When the first sample was taken; `undefined` before that. */
  get sinceMs(): number | undefined {
    return Number.isNaN(this.#firstMs) ? undefined : this.#firstMs;
  }

  /** @returns what it has learned; `undefined` where that is nothing */
  state(): LimitPolicyState | undefined {
    const peaks = this.#peaks.state();
    if (peaks === undefined) return undefined;
    return {
      limit: this.#limit,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
      latest: this.#latest,
      sum: this.#sum,
      weight: this.#weight,
      taught: this.#taught,
      peaks,
      season: this.#season.state(),
    };
  }

  /** Goes on from what was saved; bounds are those of its options. */
  restore(state: LimitPolicyState): void {
    this.#firstMs = state.firstMs;
    this.#lastMs = state.lastMs;
    this.#latest = state.latest;
    this.#sum = state.sum;
    this.#weight = state.weight;
    this.#taught = Math.min(MOST_TAUGHT, state.taught);
    this.#peaks.restore(state.peaks);
    this.#season.restore(state.season);
    this.#limit = this.#bounded(state.limit);
  }

  /**
   * Takes what was used at `atMs`, under the limit of that time.
   *
   * @param value - from 0, in the unit of the limit
   * @param atMs - never earlier than the one before
   */
  observe(value: number, atMs: number): void {
    if (!(value >= 0 && value < Infinity)) badOption('value', value, 'a number from 0');
    const passedMs = Number.isNaN(this.#lastMs) ? 0 : atMs - this.#lastMs;
    if (!(passedMs >= 0)) badOption('atMs', atMs, `a time from ${this.#lastMs}`);
    this.#taught *= 2 ** (-passedMs / TAUGHT_HALF_LIFE_MS);
    const kept = 2 ** (-passedMs / MEAN_HALF_LIFE_MS);
    this.#sum = this.#sum * kept + value;
    this.#weight = this.#weight * kept + 1;
    if (Number.isNaN(this.#firstMs)) this.#firstMs = atMs;
    if (value > this.#limit && atMs >= this.#firstMs + LEARNING_MS) {
      this.#taught = Math.min(MOST_TAUGHT, this.#taught + TAUGHT);
      this.#exceeded = value;
    }
    this.#season.observe(value, atMs);
    this.#peaks.add(value, atMs);
    this.#window.add(value, atMs);
    this.#latest = value;
    this.#lastMs = atMs;
  }

  /**
   * Moves the limit to where it belongs at `atMs`.
   *
   * @param running - what is used or reserved right now: the limit is never below
   * @param foreseen - what is known of the time to come; raises the limit by a quarter of it at a time
   * @returns the change, or `undefined` where it stays
   */
  adjust(atMs: number, running = 0, foreseen?: Foreseen): LimitChange | undefined {
    if (this.#weight === 0) return this.#move(running, 'running', 'what runs needs it');
    const exceeded = this.#exceeded;
    this.#exceeded = undefined;
    const mean = this.#sum / this.#weight;
    const held = heldPeak(this.#peaks, atMs);
    const spread = Math.max(0, held.peak - mean);
    const untaught = Math.min(SPREAD_HEADROOM * spread, MOST_HEADROOM * held.peak);
    const envelope = held.peak + untaught + this.#taught * spread;
    const season = this.#season.bound(atMs, envelope);
    const growth = this.#ahead(season ?? envelope);
    const target = Math.max(season ?? envelope, growth?.needed ?? 0, running);
    const limit = this.#bounded(target);
    const needed = Math.max(this.#latest, growth?.needed ?? 0, running);
    if (limit > this.#limit && (limit >= RAISED_ABOVE * this.#limit || needed > this.#limit)) {
      const headroom = spread > 0 ? untaught / spread + this.#taught : 0;
      const found = { exceeded, growth, running, season, headroom, held };
      const [cause, reason] = this.#raised(target, found);
      return this.#move(limit, cause, reason);
    }
    if (foreseen !== undefined && foreseen.needed > limit) {
      const step = Math.min(foreseen.needed, FORESEEN_STEP * this.#limit);
      return step > RAISED_ABOVE * this.#limit
        ? this.#move(step, foreseen.cause, foreseen.reason)
        : undefined;
    }
    return this.#lower(limit, atMs, season, held);
  }

  #lower(
    limit: number,
    atMs: number,
    season: number | undefined,
    held: HeldPeak,
  ): LimitChange | undefined {
    const bin = this.#peaks.binOf(atMs);
    if (limit > LOWERED_BELOW * this.#limit || bin === this.#loweredBin) return undefined;
    this.#loweredBin = bin;
    const step = Math.max(limit, LOWERED_TO * this.#limit);
    return season === undefined
      ? this.#move(step, 'cool-down', heldReason(held, this.#format))
      : this.#move(
          step,
          'season',
          `a week knows no more than ${this.#format(season)} at this time of day`,
        );
  }

  #raised(
    target: number,
    found: {
      exceeded: number | undefined;
      growth: { needed: number; growth: Growth } | undefined;
      running: number;
      season: number | undefined;
      headroom: number;
      held: HeldPeak;
    },
  ): [LimitCause, string] {
    const { exceeded, growth, running, season, headroom, held } = found;
    const format = this.#format;
    if (exceeded !== undefined) {
      const percent = Math.round(100 * headroom);
      return [
        'violation',
        `${format(exceeded)} was used; headroom is now ${percent} % of the spread`,
      ];
    }
    if (growth !== undefined && target === growth.needed) {
      const { perMs } = growth.growth;
      const left = (WARNED_SHARE * this.#limit - this.#latest) / perMs / 60_000;
      const when = left > 0 ? `in ${digits(left)} min` : 'now';
      return ['growth', `growth ${format(perMs * 60_000)}/min reaches 95 % ${when}`];
    }
    if (target === running) return ['running', `what runs needs ${format(running)}`];
    if (season !== undefined) {
      return ['season', `a week knows ${format(season)} around this time of day`];
    }
    return ['peak', heldReason(held, format)];
  }

  /** What growth will need within two samples, kept below the warning at 95 %. */
  #ahead(level: number): { needed: number; growth: Growth } | undefined {
    if (this.#latest < 0.8 * level) return undefined;
    const growth = this.#window.growth();
    if (growth === undefined) return undefined;
    const reached = this.#latest + growth.perMs * growth.intervalMs * LEAD_SAMPLES;
    const needed = reached / WARNED_SHARE;
    return needed > level ? { needed, growth } : undefined;
  }

  #bounded(limit: number): number {
    return Math.min(this.#max, Math.max(this.#base, limit));
  }

  #move(limit: number, cause: LimitCause, reason: string): LimitChange | undefined {
    const from = this.#limit;
    const to = this.#bounded(limit);
    if (to === from || (cause === 'running' && to < from)) return undefined;
    this.#limit = to;
    return { from, to, cause, reason };
  }
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
