import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LimitPolicy, type LimitChange } from '../../src/governor/limits/limit-policy.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STEP_MS = 5 * MINUTE_MS;

/** A policy that is told a use every five minutes, and adjusts before each. */
class Told {
  readonly policy: LimitPolicy;
  readonly changes: (LimitChange & { readonly atMs: number })[] = [];
  readonly violationsMs: number[] = [];
  nowMs = 0;

  constructor(policy = new LimitPolicy()) {
    this.policy = policy;
  }

  tell(durationMs: number, use: (atMs: number) => number): this {
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs; this.nowMs += STEP_MS) {
      this.adjust();
      const value = use(this.nowMs);
      if (value > this.policy.limit) this.violationsMs.push(this.nowMs);
      this.policy.observe(value, this.nowMs);
    }
    return this;
  }

  adjust(running = 0): LimitChange | undefined {
    const change = this.policy.adjust(this.nowMs, running);
    if (change !== undefined) this.changes.push({ ...change, atMs: this.nowMs });
    return change;
  }
}

/** Between 90 and 100, without chance. */
const steady = (atMs: number): number => 95 + 5 * Math.sin(atMs / STEP_MS);

describe('LimitPolicy', () => {
  it('covers use above the limit at the next adjustment [LIMITS-RAISED-AT-ONCE]', () => {
    const told = new Told().tell(6 * HOUR_MS, steady);
    told.tell(STEP_MS, () => 400);
    const change = told.adjust();
    expect(change).toMatchObject({ cause: 'violation' });
    expect(change?.to).toBeGreaterThan(400);
  });

  it('is not below a peak of the last day, and lowers by two fifths in half an hour [LIMITS-LOWERED-SLOWLY]', () => {
    const told = new Told().tell(6 * HOUR_MS, steady);
    told.tell(STEP_MS, () => 1_000);
    const peakMs = told.nowMs;
    told.tell(2 * DAY_MS, steady);
    const lowered = told.changes.filter(({ from, to, atMs }) => to < from && atMs > peakMs);
    expect(lowered.length).toBeGreaterThan(3);
    const below = lowered.find(({ to }) => to < 1_000);
    expect(below!.atMs - peakMs).toBeGreaterThanOrEqual(DAY_MS);
    for (const [index, { from, to, atMs }] of lowered.entries()) {
      expect(to / from).toBeGreaterThan(0.6 - 1e-12);
      const beforeMs = lowered[index - 1]?.atMs ?? -Infinity;
      expect(atMs - beforeMs).toBeGreaterThanOrEqual(HOUR_MS / 2);
    }
    expect(told.policy.limit).toBeLessThan(120);
  });

  it('leaves a limit where moving it gains little [LIMITS-HYSTERESIS]', () => {
    const told = new Told().tell(12 * HOUR_MS, steady);
    const held = told.policy.limit;
    told.tell(3 * DAY_MS, (atMs) => steady(atMs) * 0.95);
    expect(told.policy.limit).toBe(held);
    told.tell(9 * DAY_MS, (atMs) => steady(atMs) * 0.7);
    expect(told.policy.limit).toBeLessThan(0.8 * held);
  });

  it('stays ahead of growth without one violation [LIMITS-GROWTH]', () => {
    const told = new Told().tell(12 * HOUR_MS, steady);
    const sinceMs = told.nowMs;
    told.tell(12 * HOUR_MS, (atMs) => 80 + (12 * (atMs - sinceMs)) / HOUR_MS);
    expect(told.violationsMs.filter((atMs) => atMs >= sinceMs)).toEqual([]);
    const grown = told.changes.filter(({ cause }) => cause === 'growth');
    expect(grown.length).toBeGreaterThan(0);
    expect(grown[0]!.reason).toMatch(/^growth 0\.2\/min reaches 95 % /);
    expect(told.policy.limit).toBeLessThan(1.2 * 224);
  });

  it('follows a daily season, and is up before its peak [LIMITS-SEASON]', () => {
    const busy = (atMs: number): boolean => {
      const hour = (atMs % DAY_MS) / HOUR_MS;
      return hour >= 9 && hour < 17;
    };
    const told = new Told().tell(7 * DAY_MS, (atMs) => (busy(atMs) ? 80 : 10) + steady(atMs) / 20);
    const sinceMs = told.nowMs;
    told.tell(3 * HOUR_MS, (atMs) => 10 + steady(atMs) / 20);
    expect(told.policy.limit).toBeLessThan(40);
    told.tell(21 * HOUR_MS, (atMs) => (busy(atMs) ? 80 : 10) + steady(atMs) / 20);
    expect(told.violationsMs.filter((atMs) => atMs >= sinceMs)).toEqual([]);
    const raised = told.changes.find(
      ({ cause, from, to, atMs }) => cause === 'season' && to > from && atMs >= sinceMs,
    );
    expect(raised!.atMs % DAY_MS).toBeLessThan(9 * HOUR_MS);
    expect(raised!.to).toBeGreaterThan(85);
  });

  it('does not hold a tool without a season to one [LIMITS-SEASON]', () => {
    const told = new Told().tell(10 * DAY_MS, (atMs) => {
      // A busy hour that comes every 31 hours.
      return atMs % (31 * HOUR_MS) < HOUR_MS ? 90 : 10;
    });
    const seasonal = told.changes.filter(({ cause, from, to }) => cause === 'season' && to < from);
    expect(seasonal).toEqual([]);
  });

  it('widens the headroom on a violation, and forgets it [LIMITS-TAUGHT]', () => {
    const headroomAfter = (quietMs: number): number => {
      const told = new Told().tell(6 * HOUR_MS, steady);
      told.tell(STEP_MS, () => 400).tell(quietMs, steady);
      told.tell(STEP_MS, () => 401);
      told.adjust();
      return told.policy.limit;
    };
    const untaught = new Told(new LimitPolicy());
    untaught.tell(STEP_MS, () => 400).tell(6 * HOUR_MS, steady);
    untaught.adjust();
    const taught = new Told().tell(6 * HOUR_MS, steady).tell(STEP_MS, () => 400);
    taught.adjust();
    expect(taught.policy.limit).toBeGreaterThan(1.2 * untaught.policy.limit);
    // A peak each day keeps the limit up; what was taught by the first one is gone.
    expect(headroomAfter(STEP_MS)).toBeGreaterThan(400 * 1.3);
    const longAfter = new Told().tell(6 * HOUR_MS, steady).tell(STEP_MS, () => 400);
    longAfter.tell(4 * DAY_MS, (atMs) => (atMs % (12 * HOUR_MS) < STEP_MS ? 399 : steady(atMs)));
    longAfter.adjust();
    expect(longAfter.policy.limit).toBeLessThan(400 * 1.2);
  });

  it('keeps the peak of the week, to a tenth above that of the day [LIMITS-MEMORY]', () => {
    // A peak in the first hours teaches nothing; two days later only the week knows it.
    const after = (peak: number): Told =>
      new Told().tell(STEP_MS, () => peak).tell(3 * DAY_MS, steady);
    const low = after(104);
    expect(low.policy.limit).toBeGreaterThan(104);
    const high = after(1_000);
    const day = high.policy.highest(high.nowMs, DAY_MS)!;
    expect(high.policy.limit).toBeGreaterThanOrEqual(1.1 * day);
    expect(high.policy.limit).toBeLessThan(1.2 * 1.1 * day);
    const partly = high.changes.findLast(({ cause }) => cause === 'cool-down')!;
    expect(partly.reason).toMatch(
      /^highest in 25 h is 100, in 168 h 1000, of which 10 % above the day's are kept: 110$/,
    );
  });

  it('bounds the headroom that no violation has taught by the peak [LIMITS-HEADROOM]', () => {
    const rare = (atMs: number): number => (atMs % (6 * HOUR_MS) < STEP_MS ? 400 : 10);
    const told = new Told().tell(2 * DAY_MS, rare);
    expect(told.policy.limit).toBeCloseTo(1.08 * 400, 6);
    const flat = new Told().tell(2 * DAY_MS, steady);
    const mean = flat.policy.mean!;
    const peak = flat.policy.highest(flat.nowMs, DAY_MS)!;
    expect(flat.policy.limit).toBeGreaterThan(peak);
    expect(flat.policy.limit).toBeLessThan(peak + 0.3 * (peak - mean));
  });

  it('is raised for what is foreseen, though a rise too small to be made is due [LIMITS-HYSTERESIS]', () => {
    const told = new Told().tell(2 * DAY_MS, steady);
    const state = told.policy.state()!;
    const policy = new LimitPolicy();
    policy.restore({ ...state, limit: state.limit / 1.01 });
    expect(policy.adjust(told.nowMs)).toBeUndefined();
    const needed = 1.2 * state.limit;
    const foreseen = { needed, cause: 'season', reason: 'a season knows it' } as const;
    expect(policy.adjust(told.nowMs, 0, foreseen)).toMatchObject({ to: needed, cause: 'season' });
  });

  it('stays within base and maximum, and above what runs [LIMITS-BOUNDS]', () => {
    const told = new Told(new LimitPolicy({ base: 50, max: 200 }));
    expect(told.policy.limit).toBe(50);
    told.tell(HOUR_MS, () => 1);
    expect(told.policy.limit).toBe(50);
    expect(told.adjust(120)).toMatchObject({ from: 50, to: 120, cause: 'running' });
    for (let bin = 0; bin < 5; bin++) {
      told.nowMs += HOUR_MS;
      told.adjust(120);
      expect(told.policy.limit).toBe(120);
    }
    told.tell(6 * HOUR_MS, () => 1_000);
    told.adjust();
    expect(told.policy.limit).toBe(200);
  });

  it('says why in numbers, in the unit of the caller [LIMITS-REASON]', () => {
    const format = (value: number): string => `${Math.round(value)} MB`;
    const told = new Told(new LimitPolicy({ format }));
    told.tell(6 * HOUR_MS, steady).tell(STEP_MS, () => 400);
    expect(told.adjust()?.reason).toBe('400 MB was used; headroom is now 41 % of the spread');
    told.tell(2 * DAY_MS, steady);
    const causes = new Set(told.changes.map(({ cause }) => cause));
    expect(causes).toEqual(new Set(['peak', 'violation', 'cool-down']));
    for (const { reason } of told.changes) expect(reason).toMatch(/\d/);
  });

  it('refuses bounds and uses that are none [LIMITS-BOUNDS]', () => {
    for (const options of [{ base: -1 }, { base: Number.NaN }, { base: 2, max: 1 }]) {
      expect(() => new LimitPolicy(options)).toThrow(
        expect.objectContaining({ code: 'ERR_GRANARY_BAD_OPTION' }),
      );
    }
    const policy = new LimitPolicy();
    policy.observe(1, 10);
    for (const [value, atMs] of [
      [-1, 11],
      [Number.NaN, 11],
      [1, 9],
      [1, Number.NaN],
    ] as const) {
      expect(() => policy.observe(value, atMs)).toThrow(
        expect.objectContaining({ code: 'ERR_GRANARY_BAD_OPTION' }),
      );
    }
  });
});

it('a limit policy stays within the ranges that the docs name, whatever is used [TUNED-RANGES]', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(6 * HOUR_MS), fc.double({ min: 0, max: 1e12, noNaN: true })), {
        maxLength: 300,
      }),
      (samples) => {
        const policy = new LimitPolicy({ base: 10, max: 1e10 });
        let nowMs = 0;
        for (const [passedMs, value] of samples) {
          nowMs += passedMs;
          policy.adjust(nowMs);
          policy.observe(value, nowMs);
          expect(policy.headroom).toBeGreaterThanOrEqual(0.25);
          expect(policy.headroom).toBeLessThanOrEqual(0.85 + 1e-9);
          expect(policy.limit).toBeGreaterThanOrEqual(10);
          expect(policy.limit).toBeLessThanOrEqual(1e10);
        }
      },
    ),
  );
});
