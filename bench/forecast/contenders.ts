import { forecast, type ForecastModel } from 'mcp-granary/governor';

/** What is told at an origin. */
export interface Question {
  readonly past: readonly number[];
  /** In samples. */
  readonly season: number | undefined;
  readonly horizon: number;
  readonly level: number;
}

export interface Answer {
  readonly point: ArrayLike<number>;
  /** Lower and upper ends of the interval, where there is one. */
  readonly interval?: readonly [ArrayLike<number>, ArrayLike<number>];
}

export type Contender = (question: Question) => Answer | Promise<Answer>;

function ours(model?: ForecastModel): Contender {
  return async ({ past, season, horizon, level }) => {
    const { point, lower, upper } = await forecast(past, { season, horizon, level, model });
    return { point, interval: [lower, upper] };
  };
}

function ahead(horizon: number, value: (step: number) => number): Answer {
  return { point: Array.from({ length: horizon }, (_, step) => value(step)) };
}

export function naive({ past, horizon }: Question): Answer {
  return ahead(horizon, () => past.at(-1)!);
}

/** The last value where there is no season, or not yet one whole. */
export function seasonalNaive(question: Question): Answer {
  const { past, season, horizon } = question;
  if (season === undefined || past.length < season) return naive(question);
  return ahead(horizon, (step) => past[past.length - season + (step % season)]!);
}

/** What granary looks at of a past without seasons. */
const LINE_SAMPLES = 2_048;

/** By least squares. Like granary, it does not go below 0. */
function straightLine({ past, horizon }: Question): Answer {
  const values = past.slice(-LINE_SAMPLES);
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [rise, run] = [0, 0];
  for (const [index, value] of values.entries()) {
    rise += (index - middle) * (value - mean);
    run += (index - middle) ** 2;
  }
  const slope = run === 0 ? 0 : rise / run;
  return ahead(horizon, (step) => Math.max(0, mean + slope * (values.length + step - middle)));
}

/** `ets` and `mstl` are those of granary without its choice: where they cannot, the last value stands in. */
export const CONTENDERS: ReadonlyMap<string, Contender> = new Map<string, Contender>([
  ['naive', naive],
  ['seasonal-naive', seasonalNaive],
  ['straight-line', straightLine],
  ['robust-line', ours('robust-line')],
  ['ets', ours('ets')],
  ['mstl', ours('mstl')],
  ['granary', ours()],
]);
