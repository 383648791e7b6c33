import { describe, expect, it } from 'vitest';

import { seededRandom } from '../../bench/hit-ratio/synthetic/random.ts';
import { GranaryError } from '../../src/errors.ts';
import { PeakPredictor } from '../../src/governor/prediction/peak-predictor.ts';

interface Judged {
  readonly missed: number;
  readonly slack: number;
  readonly followed: ReadonlyMap<string, number>;
}

/** Asks before each of 600 executions, of which the last 500 count. */
function judge(
  peakOf: (size: number, load: number, random: () => number) => number,
  features: readonly string[] = ['argument size', 'load'],
): Judged {
  const random = seededRandom(7);
  const predictor = new PeakPredictor({ quantile: 0.95, features });
  const followed = new Map<string, number>();
  let [missed, slack] = [0, 0];
  for (let n = 0; n < 600; n++) {
    const known = [100 * random() ** 2, 8 * random()];
    const peak = peakOf(known[0]!, known[1]!, random);
    const predicted = predictor.predict(known.slice(0, features.length));
    if (n >= 100 && predicted !== undefined) {
      if (peak > predicted.upper) missed++;
      slack += predicted.upper - peak;
      const by = predicted.feature ?? 'recent';
      followed.set(by, (followed.get(by) ?? 0) + 1);
      expect(predicted.upper).toBeGreaterThanOrEqual(predicted.expected);
    }
    predictor.learn(known.slice(0, features.length), peak);
  }
  return { missed: missed / 500, slack: slack / 500, followed };
}

const noise = (random: () => number): number => 0.9 + 0.2 * random();

describe('a prediction of a peak', () => {
  it.each([
    [
      'follows the arguments',
      (size: number, _: number, r: () => number) => (5 + 2 * size) * noise(r),
    ],
    ['follows the load', (_: number, load: number, r: () => number) => (5 + 9 * load) * noise(r)],
    ['follows nothing', (_: number, __: number, r: () => number) => 50 + 100 * r() ** 3],
    ['is always the same', () => 40],
    [
      'grows with the square',
      (size: number, _: number, r: () => number) => 1 + 0.02 * size ** 2 * noise(r),
    ],
    [
      'has outliers',
      (size: number, _: number, r: () => number) => (r() < 0.03 ? 500 : 5 + 2 * size),
    ],
  ])('bounds its share of the peaks of a tool that %s [ADMIT-LEARNED]', (_, peakOf) => {
    const { missed } = judge(peakOf);
    expect(missed).toBeLessThanOrEqual(0.08);
  });

  it('follows argument size or load only where that explains [ADMIT-EXPLAINED]', () => {
    const bySize = judge((size, _, r) => (5 + 2 * size) * noise(r));
    expect(bySize.followed.get('argument size')).toBe(500);
    const byLoad = judge((_, load, r) => (5 + 9 * load) * noise(r));
    expect(byLoad.followed.get('load')).toBeGreaterThan(450);
    const byNothing = judge((_, __, r) => 50 + 100 * r() ** 3);
    expect(byNothing.followed.get('recent')).toBeGreaterThan(475);
  });

  it('reserves less where arguments explain, and as much where they do not [ADMIT-EXPLAINED]', () => {
    const explained = (size: number, _: number, r: () => number) => (5 + 2 * size) * noise(r);
    expect(judge(explained).slack).toBeLessThan(0.25 * judge(explained, []).slack);
    const other = (_: number, __: number, r: () => number) => 50 + 100 * r() ** 3;
    expect(judge(other).slack).toBeLessThan(1.05 * judge(other, []).slack);
  });

  it('follows a tool that has changed within 64 executions [ADMIT-LEARNED]', () => {
    const random = seededRandom(3);
    const predictor = new PeakPredictor();
    for (let n = 0; n < 200; n++) predictor.learn([n % 10], 10 * noise(random));
    for (let n = 0; n < 64; n++) predictor.learn([n % 10], 90 * noise(random));
    const { expected, upper } = predictor.predict([5])!;
    expect(expected).toBeGreaterThan(80);
    expect(upper).toBeLessThan(110);
  });

  it('is none of a tool that has hardly run, nor of arguments far beyond a few [ADMIT-COLD]', () => {
    const predictor = new PeakPredictor();
    expect(predictor.predict([1])).toBeUndefined();
    for (const size of [10, 10, 10]) predictor.learn([size], 50);
    expect(predictor.predict([10])?.upper).toBeGreaterThan(50);
    expect(predictor.predict([15])?.upper).toBeGreaterThan(75);
    expect(predictor.predict([30])).toBeUndefined();
  });

  it('says in words and numbers what it rests on [ADMIT-REASON]', () => {
    const predictor = new PeakPredictor();
    for (let n = 0; n < 20; n++) predictor.learn([n], 100);
    expect(predictor.predict([3])?.evidence).toBe('the 95 % quantile of the last 20 peaks');
    const other = new PeakPredictor();
    for (let n = 0; n < 20; n++) other.learn([n], 100 + 10 * n);
    expect(other.predict([3])?.evidence).toMatch(
      /^a line on argument size \(rank correlation 1\.00 over 20, margin \d+ % from its own errors\)$/,
    );
  });

  it('remembers 64 executions, in less than 4 kB of numbers [ADMIT-BOUNDED]', () => {
    const predictor = new PeakPredictor({ features: ['argument size', 'load'] });
    for (let n = 0; n < 10_000; n++) predictor.learn([n % 17, n % 5], n % 17);
    // Peaks, and of each feature its values and errors.
    expect(predictor.observations).toBe(64);
    expect(predictor.keptNumbers).toBeGreaterThan(64 * 3);
    expect(predictor.keptNumbers).toBeLessThanOrEqual(64 * 5);
    expect(predictor.keptNumbers * 8).toBeLessThan(4_096);
  });

  it.each([{ quantile: 0.4 }, { quantile: 1 }, { features: ['a', 'b', 'c'] }])(
    'refuses %j [ADMIT-OPTIONS]',
    (options) => {
      expect(() => new PeakPredictor(options)).toThrow(GranaryError);
    },
  );
});
