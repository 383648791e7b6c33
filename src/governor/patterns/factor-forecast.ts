import type { Resource } from '../resource-limits.ts';
import { RESOURCES } from '../resource-limits.ts';
import type { Amounts } from '../resource-usage.ts';
import { RecursiveLeastSquares } from './recursive-least-squares.ts';

/** What a forecast rests on: the last sample, the resource's own past, or other resources and the load as well. */
export type FactorModel = 'last' | 'own' | 'factors';

/** What a resource will use at the next sample. */
export interface FactorExpectation {
  readonly model: FactorModel;
  readonly expected: number;
  /** Nineteen of twenty samples were below, lately. */
  readonly upper: number;
  /** Mean error of each model lately, in units of the resource. */
  readonly errors: Readonly<Record<FactorModel, number>>;
}

/** Errors that are half forgotten in 64 samples. */
const KEPT = 2 ** (-1 / 64);
/** Samples before any model but the last sample is trusted. */
const LEARNING = 48;
/** How much better a model must be than the simpler ones: other resources are noise until they prove otherwise. */
const BETTER = 0.9;
const UPPER = 0.95;
/** How far the bound moves after each sample, as a share of the mean error. */
const BOUND_STEP = 0.5;
const MODELS = ['last', 'own', 'factors'] as const satisfies readonly FactorModel[];

/**
 * Foretells the next sample of one resource of a tool from its last one, from its own past, and from what else the tool
 * uses and how loaded the process is; which of the three, it learns from their errors, sample by sample.
 *
 * 700 bytes; a sample costs some µs.
 */
export class FactorForecast {
  readonly #resource: Resource;
  readonly #own = new RecursiveLeastSquares(2);
  readonly #withFactors = new RecursiveLeastSquares(2 + RESOURCES.length);
  /** Typical size of each resource: factors are told in these. */
  readonly #scales: Record<Resource, number> = {
    memoryBytes: 0,
    cpuTimeMs: 0,
    fileHandles: 0,
    networkConnections: 0,
  };
  readonly #errors: Record<FactorModel, number> = { last: 0, own: 0, factors: 0 };
  #weight = 0;
  #samples = 0;
  #margin = 0;
  #last: { readonly factors: readonly number[]; readonly predicted: Predicted } | undefined;

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  /** @returns the model that has erred least lately, simpler ones first */
  get model(): FactorModel {
    if (this.#samples < LEARNING) return 'last';
    const { last, own, factors } = this.#errors;
    if (factors < BETTER * Math.min(last, own)) return 'factors';
    return own < BETTER * last ? 'own' : 'last';
  }

  /**
   * Takes a sample.
   *
   * @param load - of the whole process, 1 is one core
   */
  observe(used: Amounts, load: number): void {
    const actual = used[this.#resource];
    if (this.#last !== undefined) this.#learn(this.#last, actual);
    for (const resource of RESOURCES) {
      const known = this.#scales[resource];
      // Factors are to be told alike over time: a scale that has found its size moves slowly.
      this.#scales[resource] =
        known === 0 ? used[resource] : known + 0.01 * (used[resource] - known);
    }
    const factors = this.#factorsOf(used, load);
    const scale = this.#scale;
    this.#last = {
      factors,
      predicted: {
        last: actual,
        own: Math.max(0, this.#own.predict(factors) * scale),
        factors: Math.max(0, this.#withFactors.predict(factors) * scale),
      },
    };
    this.#samples++;
  }

  /** @returns `undefined` before the first sample */
  expectation(): FactorExpectation | undefined {
    if (this.#last === undefined) return undefined;
    const { model } = this;
    const expected = this.#last.predicted[model];
    const weight = Math.max(1, this.#weight);
    const errors = {
      last: this.#errors.last / weight,
      own: this.#errors.own / weight,
      factors: this.#errors.factors / weight,
    };
    return { model, expected, upper: expected + Math.max(0, this.#margin), errors };
  }

  get #scale(): number {
    return this.#scales[this.#resource] || 1;
  }

  #learn(last: { factors: readonly number[]; predicted: Predicted }, actual: number): void {
    const { model } = this;
    this.#weight = this.#weight * KEPT + 1;
    for (const each of MODELS) {
      this.#errors[each] = this.#errors[each] * KEPT + Math.abs(actual - last.predicted[each]);
    }
    const step = (BOUND_STEP * this.#errors[model]) / this.#weight;
    // Descends the pinball loss of the quantile (Gibbs and Candès, 2021: adaptive conformal inference).
    const isAbove = actual > last.predicted[model] + this.#margin;
    this.#margin += step * (isAbove ? UPPER : UPPER - 1);
    const scale = this.#scale;
    this.#own.learn(last.factors, actual / scale);
    this.#withFactors.learn(last.factors, actual / scale);
  }

  /** A constant and the own sample first: the model of the own past takes these two alone. */
  #factorsOf(used: Amounts, load: number): readonly number[] {
    const told = (resource: Resource): number => used[resource] / (this.#scales[resource] || 1);
    const others = RESOURCES.filter((resource) => resource !== this.#resource);
    return [1, told(this.#resource), ...others.map(told), load];
  }
}

type Predicted = Readonly<Record<FactorModel, number>>;
