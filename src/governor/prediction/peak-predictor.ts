import { badOption, checkOptions } from '../../options.ts';
import { type Line, risingLine } from './robust-line.ts';

/** Observations kept, of which each line and quantile is made. */
const KEPT = 64;
/** Weight of an observation halves with so many that are newer. */
const HALF_LIFE = 32;
const FADED = 0.5 ** (1 / HALF_LIFE);
/** Before that nothing is predicted. */
const LEAST = 3;
/** A feature far beyond all that was seen is no matter of a handful of observations. */
const FEW = 16;
const FAR = 2;
/** A feature must lower the error by so much: what it explains by chance, the next observations take back. */
const BETTER = 0.95;
/** Step of the level at which margins are taken, for each observation (Gibbs & Candès 2021). */
const LEVEL_STEP = 0.02;
/** A line is fitted again after so many observations; more often while there are few. */
const FIT_EVERY = 8;
/** Of a line, the least that errors are a share of: its foot may be at or below zero. */
const LEAST_SHARE = 0.05;

/** What an execution is expected to use at its peak. */
export interface PeakPrediction {
  /** As likely below as above. */
  readonly expected: number;
  /** Above it only in a share of 1 - `quantile`. */
  readonly upper: number;
  /** Name of the feature that it follows; `undefined`: recent peaks alone. */
  readonly feature: string | undefined;
  /** What it rests on, in words and numbers. */
  readonly evidence: string;
}

export interface PeakPredictorOptions {
  /** Share of peaks that are to stay within `upper`, 0.5 to 0.999; 0.95 where not given. */
  readonly quantile?: number;
  /** What is known of an execution before it starts and may explain its peak; argument size alone where not given. */
  readonly features?: readonly string[];
}

/** Of one feature: its line now, the errors that lines made, and what they cost. */
interface FeatureModel {
  readonly name: string;
  readonly xs: number[];
  /** (peak - line) / scale of the line, each by a line that did not know the peak. */
  readonly errors: number[];
  line: Line | undefined;
  level: number;
  /** What its upper bounds have cost of late, and those of recent peaks alone meanwhile. */
  loss: number;
  recentLoss: number;
}

/**
 * Predicts the peak of one execution of a tool from those before: the quantile of recent peaks, or, where a feature
 * (the size of its arguments, the load at its start) explains them, a robust line on it, with a margin from its own past
 * errors.
 *
 * A feature is followed only while its rank correlation with the peaks is beyond chance (1 %), and its upper bounds have
 * cost at least 5 % less pinball loss than those of recent peaks alone, each judged before the peak was known. Levels
 * of quantile and margin move with each hit and miss (adaptive conformal inference, Gibbs & Candès 2021), so that the
 * share of misses holds when a tool changes.
 *
 * At most 4 kB with two features; O(1) to ask but for a sort of 64, O(64²) each eighth time to learn.
 *
 * @example
 * ```ts
 * const cpu = new PeakPredictor({ quantile: 0.95 });
 * for (const size of [10, 20, 30, 40, 50, 60, 70, 80, 90]) cpu.learn([size], 2 * size);
 * console.log(cpu.predict([100])?.expected); // 200, once a line has proven itself
 * ```
 */
export class PeakPredictor {
  readonly #quantile: number;
  readonly #peaks: number[] = [];
  readonly #models: readonly FeatureModel[];
  #level: number;
  #learned = 0;

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  constructor(options?: PeakPredictorOptions) {
    const { quantile = 0.95, features = ['argument size'] } = checkOptions('options', options);
    if (typeof quantile !== 'number' || !(quantile >= 0.5 && quantile <= 0.999)) {
      badOption('quantile', quantile, 'a number from 0.5 to 0.999');
    }
    if (!Array.isArray(features) || features.length > 2) {
      badOption('features', features, 'an array of at most two names');
    }
    this.#quantile = quantile;
    this.#level = quantile;
    this.#models = features.map((name: string) => ({
      ...{ name, xs: [], errors: [], line: undefined, level: quantile },
      ...{ loss: 0, recentLoss: 0 },
    }));
  }

  /** How many peaks have been learned and are remembered. */
  get observations(): number {
    return this.#peaks.length;
  }

  /** How many numbers are remembered, of 8 bytes each. */
  get keptNumbers(): number {
    return this.#models.reduce(
      (sum, { xs, errors }) => sum + xs.length + errors.length,
      this.#peaks.length,
    );
  }

  /**
   * Takes note of an execution that has ended.
   *
   * @param features - in the order of the option, finite and not negative
   * @param peak - in the unit of what is predicted
   */
  learn(features: readonly number[], peak: number): void {
    if (this.#peaks.length >= LEAST) {
      const upper = this.#recentUpper(features);
      const loss = this.#pinball(upper, peak);
      this.#level = this.#stepped(this.#level, peak > upper);
      this.#models.forEach((model, index) => this.#judge(model, features[index] ?? 0, peak, loss));
    }
    push(this.#peaks, peak);
    const n = this.#peaks.length;
    this.#learned++;
    const isDue = n < FEW || this.#learned % FIT_EVERY === 0;
    for (const [index, model] of this.#models.entries()) {
      push(model.xs, features[index] ?? 0);
      if (!isDue) continue;
      const isNew = model.line === undefined;
      model.line = risingLine(model.xs, this.#peaks);
      if (isNew && model.line !== undefined) this.#leaveOneOut(model, model.line);
    }
  }

  /** @returns `undefined` where too little is known: of any execution, or of one with such arguments */
  predict(features: readonly number[]): PeakPrediction | undefined {
    const n = this.#peaks.length;
    if (n < LEAST) return undefined;
    const best = this.#best();
    if (best === undefined) {
      if (n < FEW && this.#stretch(features) > FAR) return undefined;
      const expected = quantileOf(this.#peaks, 0.5);
      const upper = this.#recentUpper(features);
      const percent = (this.#level * 100).toFixed(0);
      const evidence = `the ${percent} % quantile of the last ${n} peaks`;
      return { expected, upper: Math.max(expected, upper), feature: undefined, evidence };
    }
    const { model, line, index } = best;
    const expected = this.#onLine(line, features[index] ?? 0);
    const upper = Math.max(expected, this.#lineUpper(model.errors, model.level, expected));
    const margin = ((upper / expected - 1) * 100).toFixed(0);
    const evidence =
      `a line on ${model.name} (rank correlation ${line.correlation.toFixed(2)} over ${n}, ` +
      `margin ${margin} % from its own errors)`;
    return { expected, upper, feature: model.name, evidence };
  }

  /** The feature that pays most, if any does. */
  #best(): { model: FeatureModel; line: Line; index: number } | undefined {
    let best: { model: FeatureModel; line: Line; index: number } | undefined;
    let least = BETTER;
    for (const [index, model] of this.#models.entries()) {
      if (model.line === undefined) continue;
      const share = model.loss / model.recentLoss;
      if (!(share < least)) continue;
      least = share;
      best = { model, line: model.line, index };
    }
    return best;
  }

  #judge(model: FeatureModel, x: number, peak: number, recentLoss: number): void {
    if (model.line === undefined) return;
    const expected = this.#onLine(model.line, x);
    const upper = this.#lineUpper(model.errors, model.level, expected);
    model.loss = model.loss * FADED + this.#pinball(upper, peak);
    model.recentLoss = model.recentLoss * FADED + recentLoss;
    model.level = this.#stepped(model.level, peak > upper);
    push(model.errors, (peak - expected) / this.#scale(expected));
  }

  /** Judges a line that is new by each peak that is known, as if that were not. */
  #leaveOneOut(model: FeatureModel, line: Line): void {
    const peaks = this.#peaks;
    const expected = peaks.map((_, at) => {
      const others = risingLine(model.xs.toSpliced(at, 1), peaks.toSpliced(at, 1)) ?? line;
      return this.#onLine(others, model.xs[at]!);
    });
    const errors = peaks.map((peak, at) => (peak - expected[at]!) / this.#scale(expected[at]!));
    model.errors.splice(0, Infinity, ...errors);
    Object.assign(model, { loss: 0, recentLoss: 0, level: this.#quantile });
    for (const [at, peak] of peaks.entries()) {
      const upper = this.#lineUpper(model.errors.toSpliced(at, 1), model.level, expected[at]!);
      model.loss = model.loss * FADED + this.#pinball(upper, peak);
      const recent = upperOf(peaks.toSpliced(at, 1), this.#level);
      model.recentLoss = model.recentLoss * FADED + this.#pinball(recent, peak);
    }
  }

  #onLine({ slope, intercept }: Line, x: number): number {
    const least = LEAST_SHARE * quantileOf(this.#peaks, 0.5);
    return Math.max(intercept + slope * x, least, Number.MIN_VALUE);
  }

  #lineUpper(errors: readonly number[], level: number, expected: number): number {
    const scale = this.#scale(expected);
    return upperOf(
      errors.map((error) => expected + error * scale),
      level,
    );
  }

  /** Errors grow with what is expected, but not of the small ones: there they are as large as of the middle. */
  #scale(expected: number): number {
    return expected + quantileOf(this.#peaks, 0.5);
  }

  /** Of arguments larger than all that were seen, so much more; a line that holds knows better. */
  #recentUpper(features: readonly number[]): number {
    const upper = upperOf(this.#peaks, this.#level);
    return this.#peaks.length < FEW ? upper * Math.min(FAR, this.#stretch(features)) : upper;
  }

  /** By how much the first feature is beyond all that was seen; 1 where it is not. */
  #stretch(features: readonly number[]): number {
    const seen = Math.max(0, ...(this.#models[0]?.xs ?? []));
    return seen > 0 ? Math.max(1, (features[0] ?? 0) / seen) : 1;
  }

  #pinball(upper: number, peak: number): number {
    return peak > upper ? this.#quantile * (peak - upper) : (1 - this.#quantile) * (upper - peak);
  }

  #stepped(level: number, isMiss: boolean): number {
    const next = level + LEVEL_STEP * ((isMiss ? 1 : 0) - (1 - this.#quantile));
    // A tool whose peaks are all the same never misses: that says nothing about the first that is not.
    return Math.min(1, Math.max(this.#quantile, next));
  }
}

function push(values: number[], value: number): void {
  values.push(value);
  if (values.length > KEPT) values.shift();
}

/** As `quantileOf`, with one more value that is above all: that of the execution that is asked for. */
function upperOf(values: readonly number[], level: number): number {
  return quantileOf(values, level, 1);
}

/**
 * @param values - the newest last: each weighs half of one that is 32 newer
 * @param unknown - weight of what stands above all values; where the quantile is among that, it is taken to be above
 *   the highest by the more the fewer values there are
 */
function quantileOf(values: readonly number[], level: number, unknown = 0): number {
  const n = values.length;
  const order = Array.from(values.keys()).sort((i, j) => values[i]! - values[j]!);
  let whole = unknown;
  for (let age = 0; age < n; age++) whole += FADED ** age;
  let below = 0;
  for (const index of order) {
    below += FADED ** (n - 1 - index);
    if (below >= level * whole) return values[index]!;
  }
  return values[order[n - 1]!]! * (1 + 2 / n);
}
