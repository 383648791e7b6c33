import { describe, expect, it } from 'vitest';
import { analysePatterns, type PatternKind } from '../../src/governor/patterns/series-pattern.ts';
import { generatedPart, offerGeneratedPart } from '../support/generated-page.ts';
import { type Label, LABELS, labelledSeries } from '../support/labelled-series.ts';

const PAGE = 'docs/patterns.md';
const KINDS = ['steady', 'growth', 'burst', 'seasonal'] as const satisfies readonly PatternKind[];
const EACH = 500;
/** Noise has no pattern: a level, and what is around it. */
const kindOf = (label: Label): PatternKind => (label === 'noise' ? 'steady' : label);

describe('the patterns of 2,500 labelled series', async () => {
  const table = new Map<Label, Map<PatternKind, number>>();
  for (const label of LABELS) {
    const series = Array.from({ length: EACH }, (_, seed) => labelledSeries(label, seed));
    const found = await analysePatterns(series);
    const row = new Map(KINDS.map((kind) => [kind, 0]));
    for (const { kind } of found) row.set(kind, row.get(kind)! + 1);
    table.set(label, row);
  }
  const count = (label: Label, kind: PatternKind): number => table.get(label)!.get(kind)!;
  const sum = (labels: readonly Label[], kind: PatternKind): number =>
    labels.reduce((total, label) => total + count(label, kind), 0);

  it.each(KINDS)('%s is told with precision and recall of 0.9 at least [PATTERN-KINDS]', (kind) => {
    const right = LABELS.filter((label) => kindOf(label) === kind);
    const hits = sum(right, kind);
    expect(hits / sum(LABELS, kind)).toBeGreaterThanOrEqual(0.9);
    expect(hits / (right.length * EACH)).toBeGreaterThanOrEqual(0.9);
  });

  it('are those of the confusion table in the docs [PATTERN-CONFUSION]', () => {
    const lines = [
      `| made as | ${KINDS.join(' | ')} |`,
      `| --- | ${KINDS.map(() => '---:').join(' | ')} |`,
      ...LABELS.map((label) => {
        const cells = KINDS.map((kind) => count(label, kind));
        return `| ${label} | ${cells.join(' | ')} |`;
      }),
    ];
    const text = `\n${lines.join('\n')}\n\n`;
    offerGeneratedPart(PAGE, 'confusion', text);
    expect(generatedPart(PAGE, 'confusion')).toBe(text);
  });
});

describe('the pattern of a series', () => {
  const steps = (length: number, value: (step: number) => number): Float64Array =>
    Float64Array.from({ length }, (_, step) => value(step));
  const patternOf = async (series: Float64Array) => (await analysePatterns([series]))[0]!;

  it('tells a slope with its error [PATTERN-TREND]', async () => {
    const { kind, trend, trendError } = await patternOf(
      steps(300, (step) => 50 + 0.5 * step + 10 * Math.sin(step * 12.9898)),
    );
    expect(kind).toBe('growth');
    expect(Math.abs(trend - 0.5)).toBeLessThanOrEqual(trendError);
    expect(trendError).toBeLessThan(0.05);
  });

  it('tells a period to a fraction of a step, and its profile [PATTERN-SEASON]', async () => {
    const { kind, period, profile, seasonStrength } = await patternOf(
      steps(400, (step) => 100 + 40 * Math.sin((2 * Math.PI * step) / 24.5)),
    );
    expect(kind).toBe('seasonal');
    expect(period).toBeCloseTo(24.5, 1);
    expect(Math.max(...profile!)).toBeCloseTo(40, -0.5);
    expect(seasonStrength).toBeGreaterThan(0.9);
  });

  it('needs two whole periods for a season [PATTERN-SEASON]', async () => {
    const { period } = await patternOf(
      steps(150, (step) => 100 + 40 * Math.sin((2 * Math.PI * step) / 100)),
    );
    expect(period === undefined || period === null || period <= 75).toBe(true);
  });

  it('counts bursts [PATTERN-BURST]', async () => {
    const { kind, bursts, burstHeight } = await patternOf(
      steps(200, (step) => (step === 40 || step === 41 || step === 150 ? 500 : 100 + (step % 3))),
    );
    expect({ kind, bursts }).toEqual({ kind: 'burst', bursts: 2 });
    expect(burstHeight).toBeCloseTo(399, -1);
  });

  it('forgets what was before a level that has changed for good [PATTERN-SHIFT]', async () => {
    const { kind, average, shiftAt, shiftBy } = await patternOf(
      steps(200, (step) => (step < 120 ? 100 : 300) + 5 * Math.sin(step * 7.3)),
    );
    expect({ kind, shiftAt }).toEqual({ kind: 'steady', shiftAt: 120 });
    expect(average).toBeCloseTo(300, -1);
    expect(shiftBy).toBeCloseTo(200, -1);
  });

  it.each([
    ['nothing', steps(0, () => 0)],
    ['gaps alone', steps(100, () => Number.NaN)],
    ['always the same', steps(100, () => 7)],
    ['always 0', steps(100, () => 0)],
    ['too few', steps(5, (step) => step)],
    ['huge numbers', steps(64, (step) => 1e300 * (1 + (step % 2)))],
  ])('of %s is steady', async (_, series) => {
    expect(await patternOf(series)).toMatchObject({ kind: 'steady', bursts: 0 });
  });

  it.each([
    ['infinite', Float64Array.of(1, Infinity), /a step of inf/],
    ['too many', new Float64Array(4_097), /4097 steps, at most 4096/],
  ])('of %s steps is refused', async (_, series, message) => {
    await expect(analysePatterns([series])).rejects.toThrow(message);
  });
});
