import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { forecast, type ForecastOptions } from '../../src/governor/index.ts';
import { granaryFailure } from '../support/granary-failure.ts';

const SEASON = 24;

/** Of a day with hours, from -1 to 1 of noise; the same in every run. */
function hours(count: number, noise = 4): number[] {
  let state = 7;
  return Array.from({ length: count }, (_, index) => {
    state = (state * 48_271) % 2_147_483_647;
    const random = (2 * state) / 2_147_483_647 - 1;
    return 100 + 40 * Math.sin((2 * Math.PI * index) / SEASON) + noise * random;
  });
}

function meanError(point: ArrayLike<number>, truth: readonly number[]): number {
  return truth.reduce((sum, value, step) => sum + Math.abs(value - point[step]!), 0) / truth.length;
}

describe('forecast', () => {
  it('follows a season, by a model that did better than the last value [FORECAST-CHOICE]', async () => {
    const values = hours(480);
    const past = values.slice(0, -SEASON);
    const truth = values.slice(-SEASON);
    const found = await forecast(past, { horizon: SEASON, season: SEASON });
    const naive = await forecast(past, { horizon: SEASON, model: 'naive' });
    expect(['mstl', 'seasonal-median', 'seasonal-naive']).toContain(found.model);
    expect(meanError(found.point, truth)).toBeLessThan(0.2 * meanError(naive.point, truth));
    expect(found.scaledError).toBeLessThan(0.3 * found.naiveScaledError!);
    expect(Array.from(naive.point)).toEqual(Array.from(truth, () => past.at(-1)));
  });

  it('is by the last value where nothing did better [FORECAST-CHOICE]', async () => {
    // Up by one for ever: each change is news, until the line through them is not.
    const steps = Array.from({ length: 400 }, (_, index) => Math.floor(index / 97) * 50);
    for (const values of [steps, Array.from(steps, () => 3)]) {
      const { model, scaledError, naiveScaledError } = await forecast(values, { horizon: 3 });
      expect(model).toBe('naive');
      expect(scaledError).toBe(naiveScaledError);
    }
  });

  it('never chooses what did worse than the last value [FORECAST-CHOICE]', async () => {
    const all = hours(700, 60);
    for (let begin = 0; begin < 400; begin += 37) {
      const values = all.slice(begin, begin + 40 + begin / 2).map((value) => value ** 3);
      const found = await forecast(values, { horizon: 6, season: 7 });
      expect(found.scaledError).toBeLessThanOrEqual(found.naiveScaledError!);
    }
  });

  it('holds about the share that was asked for [FORECAST-INTERVAL]', async () => {
    const values = hours(1_200, 10);
    for (const [level, least, most] of [
      [0.5, 0.4, 0.75],
      [0.9, 0.83, 0.99],
    ] as const) {
      let [held, all] = [0, 0];
      for (let at = 400; at < 1_180; at += 30) {
        const options = { horizon: 20, season: SEASON, level };
        const { point, lower, upper } = await forecast(values.slice(0, at), options);
        for (const [step, value] of values.slice(at, at + 20).entries()) {
          expect(lower[step]).toBeLessThanOrEqual(point[step]!);
          expect(upper[step]).toBeGreaterThanOrEqual(point[step]!);
          all++;
          if (lower[step]! <= value && value <= upper[step]!) held++;
        }
      }
      expect(held / all).toBeGreaterThan(least);
      expect(held / all).toBeLessThan(most);
    }
  });

  it('takes few samples, and says that it knows little [FORECAST-SHORT]', async () => {
    for (const values of [[5], [5, 5, 5], Float32Array.of(1, 9, 5)]) {
      const found = await forecast(values, { horizon: 2, season: 12 });
      expect(found).toMatchObject({ model: 'naive', scaledError: undefined });
      expect(Array.from(found.point)).toEqual([5, 5]);
      expect(found.lower[0]).toBe(0);
      expect(found.upper[0]).toBeGreaterThanOrEqual(10);
      expect(found.upper[1]).toBeGreaterThan(found.upper[0]!);
    }
  });

  it.each<[unknown, Partial<Record<keyof ForecastOptions, unknown>>, string]>([
    [[1, Number.NaN], { horizon: 1 }, 'values[1]'],
    [[1, Infinity, 1], { horizon: 1 }, 'values[1]'],
    [[1, '2'], { horizon: 1 }, 'values[1]'],
    [[1e151], { horizon: 1 }, 'values[0]'],
    [[], { horizon: 1 }, 'values'],
    ['12', { horizon: 1 }, 'values'],
    [null, { horizon: 1 }, 'values'],
    [[1], {}, 'horizon'],
    [[1], { horizon: 0 }, 'horizon'],
    [[1], { horizon: 4_097 }, 'horizon'],
    [[1], { horizon: 1, season: 1 }, 'season'],
    [[1], { horizon: 1, season: 2.5 }, 'season'],
    [[1], { horizon: 1, level: 0 }, 'level'],
    [[1], { horizon: 1, level: 1 }, 'level'],
    [[1], { horizon: 1, model: 'arima' }, 'model'],
  ])('refuses %j with %j, naming %s [FORECAST-REFUSAL]', async (values, options, option) => {
    const given = [values, options] as unknown as Parameters<typeof forecast>;
    const failure = await granaryFailure(() => forecast(...given), 'ERR_GRANARY_BAD_OPTION');
    expect(failure.data).toMatchObject({ option });
  });

  it('lets the thread go on, and takes what was there when it was asked [FORECAST-THREAD]', async () => {
    const values = Float64Array.from(hours(2_048));
    const options = { horizon: 200, season: 300 };
    const before = await forecast(values, options);
    let isDone = false;
    const asked = forecast(values, options).finally(() => (isDone = true));
    values.fill(0);
    await setImmediate();
    expect(isDone).toBe(false);
    expect(await asked).toEqual(before);
  });
});
