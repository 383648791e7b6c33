import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageHistory } from '../../src/governor/usage-history.ts';

const DAY_MS = 86_400_000;
const none = {
  memoryBytes: 0,
  cpuTimeMs: 0,
  fileHandles: 0,
  networkConnections: 0,
  executions: 0,
  executionCpuTimeMs: 0,
};

describe('UsageHistory', () => {
  it('keeps of each second the most and the sum [TRACKER-HISTORY]', () => {
    const history = new UsageHistory();
    history.add(1_000, { ...none, memoryBytes: 7, cpuTimeMs: 3, fileHandles: 2, executions: 1 });
    history.add(1_900, { ...none, memoryBytes: 5, cpuTimeMs: 4, networkConnections: 9 });
    history.add(2_000, { ...none, memoryBytes: 1, executions: 1 });
    expect(history.points()).toEqual([
      {
        fromMs: 1_000,
        spanMs: 1_000,
        memoryBytes: 7,
        cpuTimeMs: 7,
        fileHandles: 2,
        networkConnections: 9,
        executions: 1,
      },
      {
        fromMs: 2_000,
        spanMs: 1_000,
        memoryBytes: 1,
        cpuTimeMs: 0,
        fileHandles: 0,
        networkConnections: 0,
        executions: 1,
      },
    ]);
  });

  it('tells each second once, when it is over, however often it is read', () => {
    const history = new UsageHistory();
    const told: number[] = [];
    history.onSecond = ({ cpuTimeMs, executionCpuTimeMs }) =>
      told.push(cpuTimeMs, executionCpuTimeMs);
    history.add(100, { ...none, cpuTimeMs: 1, executionCpuTimeMs: 5 });
    history.points();
    history.add(200, { ...none, cpuTimeMs: 2, executionCpuTimeMs: 4 });
    history.points();
    expect(told).toEqual([]);
    history.flush(1_000);
    expect(told).toEqual([3, 5]);
    history.add(1_100, { ...none, cpuTimeMs: 7 });
    history.settle();
    history.flush(2_000);
    expect(told).toEqual([3, 5, 7, 0]);
  });

  it('is read in the midst of a second, and goes on [TRACKER-HISTORY]', () => {
    const history = new UsageHistory();
    history.add(100, { ...none, cpuTimeMs: 1 });
    expect(history.points()).toHaveLength(1);
    history.add(200, { ...none, cpuTimeMs: 2 });
    expect(history.points()).toMatchObject([{ cpuTimeMs: 3 }]);
  });

  it('keeps five minutes by the second and a day by the minute, in 110 kB [TRACKER-HISTORY]', () => {
    const history = new UsageHistory();
    const lastMs = 3 * DAY_MS;
    for (let atMs = 0; atMs < lastMs; atMs += 1_000) {
      history.add(atMs, { ...none, cpuTimeMs: 1, memoryBytes: atMs });
    }
    const points = history.points();
    const seconds = points.filter(({ spanMs }) => spanMs === 1_000);
    const minutes = points.filter(({ spanMs }) => spanMs === 60_000);
    expect(seconds.length).toBeGreaterThan(4 * 60);
    expect(minutes.length).toBeGreaterThan(1_430);
    expect(points.at(-1)?.fromMs).toBe(lastMs - 1_000);
    expect(minutes.every(({ cpuTimeMs }) => cpuTimeMs === 60)).toBe(true);
    expect(history.byteLength).toBeLessThan(110_000);
    for (const [index, { fromMs, spanMs }] of points.entries()) {
      expect(points[index + 1]?.fromMs ?? Infinity).toBeGreaterThanOrEqual(fromMs + spanMs);
    }
  });

  it('tells the seconds that have ended from a moment on, and disturbs nobody who follows them [TOP-SNAPSHOT]', () => {
    const history = new UsageHistory();
    const followed: number[] = [];
    history.onSecond = ({ cpuTimeMs }) => followed.push(cpuTimeMs);
    for (const atMs of [0, 1_000, 1_400, 2_999, 5_000, 6_500]) {
      history.add(atMs, { ...none, cpuTimeMs: 1 });
      history.flush(atMs);
      history.seconds(0);
    }
    const startsOf = (sinceMs: number) => history.seconds(sinceMs).map(({ fromMs }) => fromMs);
    expect(startsOf(0)).toEqual([0, 1_000, 2_000, 5_000]);
    history.flush(7_000);
    expect(startsOf(0)).toEqual([0, 1_000, 2_000, 5_000, 6_000]);
    expect(startsOf(2_000)).toEqual([2_000, 5_000, 6_000]);
    expect(startsOf(2_001)).toEqual([5_000, 6_000]);
    expect(startsOf(6_001)).toEqual([]);
    expect(history.seconds(1_000)[0]).toMatchObject({ fromMs: 1_000, spanMs: 1_000, cpuTimeMs: 2 });
    expect(followed).toEqual([1, 2, 1, 1, 1]);
  });

  it('takes no room for what has not happened [TRACKER-HISTORY]', () => {
    expect(new UsageHistory().byteLength).toBeLessThan(2_000);
  });

  it('loses nothing of a day, however it came [TRACKER-HISTORY]', () => {
    const addition = fc.record({
      afterMs: fc.integer({ min: 0, max: 20_000 }),
      cpuTimeMs: fc.integer({ min: 0, max: 100 }),
      executions: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(addition, { maxLength: 200 }), (additions) => {
        const history = new UsageHistory();
        let atMs = 1_700_000_000_000;
        for (const { afterMs, ...rest } of additions) {
          atMs += afterMs;
          history.add(atMs, { ...none, ...rest });
        }
        const sum = (of: (point: { cpuTimeMs: number; executions: number }) => number) =>
          history.points().reduce((total, point) => total + of(point), 0);
        const truth = (of: (point: { cpuTimeMs: number; executions: number }) => number) =>
          additions.reduce((total, one) => total + of(one), 0);
        expect(sum(({ cpuTimeMs }) => cpuTimeMs)).toBe(truth(({ cpuTimeMs }) => cpuTimeMs));
        expect(sum(({ executions }) => executions)).toBe(truth(({ executions }) => executions));
      }),
    );
  });
});
