import { GranaryError } from '../../errors.ts';
import { badOption, checkInteger, checkOneOf, checkOptions } from '../../options.ts';
import { callNative, loadAddon } from '../../native/addon.ts';

/** What a forecast may be made by; see docs/forecasts.md. */
export const FORECAST_MODELS = [
  'naive',
  'seasonal-naive',
  'seasonal-median',
  'robust-level',
  'robust-line',
  'ets',
  'mstl',
] as const;

/** What a forecast is made by. */
export type ForecastModel = (typeof FORECAST_MODELS)[number];

/** What is to be forecast. */
export interface ForecastOptions {
  /** How many samples ahead, from 1 to 4,096. */
  readonly horizon: number;
  /** Samples in a season, from 2 to 4,096; default: there is none. */
  readonly season?: number | undefined;
  /** The share of samples that the interval is to hold, above 0 and below 1; default 0.9. */
  readonly level?: number | undefined;
  /**
   * This model, whatever it did on the past; the last value stands in where it has nothing to say (no season,
   * too short a past). Default: the one that did best.
   */
  readonly model?: ForecastModel | undefined;
}

/** What comes next in a series; arrays have one value for each sample of the horizon. */
export interface Forecast {
  readonly model: ForecastModel;
  /** As likely to be exceeded as not. */
  readonly point: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /**
   * Mean absolute error of the model over the series' own recent past, as a multiple of the mean change from
   * one sample to the next (Hyndman & Koehler, 2006); `undefined` where the past is too short.
   */
  readonly scaledError: number | undefined;
  /** The same of the last value: `scaledError` is never above it, unless `model` was asked for. */
  readonly naiveScaledError: number | undefined;
}

const DEFAULT_LEVEL = 0.9;
const LONGEST = 4_096;
/** None that is older is looked at. */
const MOST_SAMPLES = 8_192;
/** Squares and differences of larger ones would not be finite. */
const LARGEST_VALUE = 1e150;

/**
 * Forecasts a series of evenly spaced samples with an interval, by the model that did best on the series' own
 * recent past, which is never one that did worse there than the last value. Takes about 4 ms, 20 ms with
 * long seasons, on another thread.
 *
 * @param values - the newest last; the newest 2,048, or four seasons, are looked at, and copied at once
 * @throws (rejects with) `ERR_GRANARY_BAD_OPTION`, for a value that is no finite number too
 *
 * @example
 * ```ts
 * import { forecast } from 'mcp-granary/governor';
 * const cpuMs = Array.from({ length: 288 }, (_, index) => 100 + 50 * Math.sin(index / 4));
 * const { point, upper } = await forecast(cpuMs, { horizon: 12, season: 25, level: 0.95 });
 * console.log(point.length, upper.every((end, index) => end >= point[index]!)); // 12 true
 * ```
 */
export async function forecast(
  values: ArrayLike<number>,
  options: ForecastOptions,
): Promise<Forecast> {
  const { horizon, season, level = DEFAULT_LEVEL, model } = checkOptions('options', options);
  const ahead = checkInteger('horizon', horizon, 1, LONGEST);
  if (season !== undefined) checkInteger('season', season, 2, LONGEST);
  if (typeof level !== 'number' || !(level > 0 && level < 1)) {
    badOption('level', level, 'a number above 0 and below 1');
  }
  if (model !== undefined) checkOneOf('model', model, FORECAST_MODELS);
  const newest = newestOf(values);
  try {
    const found = await callNative(() =>
      loadAddon().forecastSeries(newest, season, ahead, level, model),
    );
    const { point, lower, upper, scaledError, naiveScaledError } = found;
    return {
      ...{ model: found.model as ForecastModel, point, lower, upper },
      ...{ scaledError, naiveScaledError },
    };
  } catch (cause) {
    if (cause instanceof GranaryError) throw cause;
    const why = cause instanceof Error ? cause.message.replace(/^ERR_GRANARY_\w+: /, '') : '';
    throw new GranaryError('ERR_GRANARY_INTERNAL', `no forecast can be made: ${why}`, { cause });
  }
}

/** A copy: what is being forecast may change meanwhile. */
function newestOf(values: ArrayLike<number>): Float64Array {
  if (!Array.isArray(values) && !(ArrayBuffer.isView(values) && 'length' in values)) {
    badOption('values', values, 'an array of numbers');
  }
  if (values.length === 0) badOption('values', values, 'an array of one number at least');
  const first = Math.max(0, values.length - MOST_SAMPLES);
  const newest = new Float64Array(values.length - first);
  for (let index = first; index < values.length; index++) {
    const value: unknown = values[index];
    if (typeof value !== 'number' || !(Math.abs(value) <= LARGEST_VALUE)) {
      badOption(`values[${index}]`, value, `a number from -${LARGEST_VALUE} to ${LARGEST_VALUE}`);
    }
    newest[index - first] = value;
  }
  return newest;
}
