import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageSeries } from '../../src/governor/patterns/usage-series.ts';

const settings = { binMs: 1_000, widestBinMs: 8_000, capacity: 16 };

function seen(series: UsageSeries): (number | null)[] {
  return [...series.state().peaks];
}

describe('UsageSeries', () => {
  it('keeps the highest of each bin, and gaps as gaps [PATTERN-BOUNDED]', () => {
    const series = new UsageSeries(settings);
    for (const [atMs, value] of [
      [10_000, 3],
      [10_900, 5],
      [10_950, 4],
      [13_000, 7],
    ] as const) {
      series.add(value, atMs);
    }
    expect(seen(series)).toEqual([5, null, null, 7]);
    expect(series.startMs).toBe(10_000);
    expect([...series.take()]).toEqual([5, Number.NaN, Number.NaN]);
  });

  it('makes two bins one when all are taken, until they are as wide as they may be', () => {
    const series = new UsageSeries(settings);
    for (let second = 0; second < 1_000; second++) series.add(second, second * 1_000);
    expect(series.binMs).toBe(8_000);
    expect(series.length).toBeLessThanOrEqual(16);
    expect(seen(series).at(-1)).toBe(999);
  });

  it('tells of each bin what a plain list of all samples tells, whatever comes [PATTERN-BOUNDED]', () => {
    const steps = fc.array(fc.tuple(fc.nat(20_000), fc.nat(1_000)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (samples) => {
        const series = new UsageSeries(settings);
        const all: [number, number][] = [];
        let atMs = 0;
        for (const [passedMs, value] of samples) {
          atMs += passedMs;
          series.add(value, atMs);
          all.push([atMs, value]);
        }
        expect(series.byteLength).toBeLessThanOrEqual(32 * 8);
        seen(series).forEach((peak, place) => {
          const fromMs = series.startMs + place * series.binMs;
          const inside = all.filter(([at]) => at >= fromMs && at < fromMs + series.binMs);
          // The first bin may have lost what was before the oldest that is kept.
          const most = Math.max(...inside.map(([, value]) => value), -Infinity);
          expect(peak ?? -Infinity).toBe(most);
        });
      }),
    );
  });

  it('goes on from what was saved, and takes nothing that does not fit [PATTERN-SAVED]', () => {
    const series = new UsageSeries(settings);
    for (let second = 0; second < 40; second++) series.add(second % 7, second * 1_000);
    const next = new UsageSeries(settings);
    next.restore(series.state());
    for (const each of [series, next]) each.add(9, 41_000);
    expect(next.state()).toEqual(series.state());
    const other = new UsageSeries({ ...settings, binMs: 700 });
    other.restore(series.state());
    expect(other.length).toBe(0);
  });
});
