import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineWheel } from '../../src/cache/deadline-wheel.ts';

const YEAR_MS = 31_557_600_000;

/** Takes what is due as an order does: what still lives at `now` is scheduled again. */
function takeExpired(
  wheel: DeadlineWheel,
  deadlines: ReadonlyMap<number, number>,
  now: number,
): number[] {
  return wheel.takeDue(now).filter((slot) => {
    const deadline = deadlines.get(slot)!;
    if (now > deadline) return true;
    wheel.schedule(slot, deadline);
    return false;
  });
}

/** As `takeExpired`, and holds the outcome against a look at every deadline. */
function takeAll(
  wheel: DeadlineWheel,
  deadlines: ReadonlyMap<number, number>,
  now: number,
): number[] {
  const nextDue = wheel.nextDue();
  const taken = takeExpired(wheel, deadlines, now);
  const expected = [...deadlines.keys()].filter((slot) => now > deadlines.get(slot)!);
  expect(new Set(taken)).toEqual(new Set(expected));
  expect(taken).toHaveLength(expected.length);
  const instants = taken.map((slot) => Math.floor(deadlines.get(slot)!));
  expect(instants).toEqual(instants.toSorted((a, b) => a - b));
  for (const instant of instants) expect(instant + 1).toBeGreaterThanOrEqual(nextDue);
  return taken;
}

describe('DeadlineWheel', () => {
  it('keeps a slot through its deadline and takes it right after [CACHE-TTL]', () => {
    const wheel = new DeadlineWheel(1_000);
    wheel.schedule(0, 1_500);
    expect(wheel.takeDue(1_500)).toEqual([]);
    expect(wheel.takeDue(1_501)).toEqual([0]);
    expect(wheel.takeDue(9_999)).toEqual([]);
  });

  it('takes the earliest first, over all levels and in one leap [EXPIRY-INJECTED]', () => {
    const wheel = new DeadlineWheel(0);
    const deadlines = [5, 63, 64, 65, 4_095, 4_096, 262_144, 16_777_216, 2 ** 30, YEAR_MS];
    for (const [slot, deadline] of [...deadlines.entries()].toReversed()) {
      wheel.schedule(slot, deadline);
    }
    expect(wheel.takeDue(10 * YEAR_MS)).toEqual([...deadlines.keys()]);
  });

  it('re-arms deadlines beyond its horizon of two years [HAZARD-5-NEVER]', () => {
    const start = 1_700_000_000_000;
    const wheel = new DeadlineWheel(start);
    const deadlines = new Map([
      [0, start + 90 * YEAR_MS],
      [1, start + 3 * YEAR_MS],
      [2, Infinity],
    ]);
    for (const [slot, deadline] of deadlines) wheel.schedule(slot, deadline);
    const taken: [number, number][] = [];
    for (let year = 1; year <= 100; year++) {
      for (const slot of takeExpired(wheel, deadlines, start + year * YEAR_MS)) {
        taken.push([slot, year]);
      }
    }
    expect(taken).toEqual([
      [1, 4],
      [0, 91],
    ]);
  });

  it('forgets a cancelled slot, at the head, middle and end of its list [HAZARD-8]', () => {
    for (const cancelled of [0, 1, 2]) {
      const wheel = new DeadlineWheel(0);
      for (const slot of [0, 1, 2]) wheel.schedule(slot, 10);
      wheel.cancel(cancelled);
      wheel.cancel(cancelled);
      wheel.cancel(77);
      const rest = [0, 1, 2].filter((slot) => slot !== cancelled);
      expect(new Set(wheel.takeDue(11))).toEqual(new Set(rest));
    }
  });

  it('has one deadline a slot: the last one scheduled [CACHE-TTL-FIXED]', () => {
    const wheel = new DeadlineWheel(0);
    wheel.schedule(3, 10);
    wheel.schedule(3, 100);
    expect(wheel.takeDue(50)).toEqual([]);
    wheel.schedule(3, 60);
    expect(wheel.takeDue(61)).toEqual([3]);
    wheel.schedule(3, 70);
    wheel.schedule(3, Infinity);
    expect(wheel.nextDue()).toBe(Infinity);
    expect(wheel.takeDue(YEAR_MS)).toEqual([]);
  });

  it('takes what a fraction of a ms has ended, also across the turns of its levels [EXPIRY-INJECTED]', () => {
    for (const turn of [64, 128, 4_096, 262_144]) {
      const wheel = new DeadlineWheel(0);
      const deadlines = new Map([[0, turn - 0.75]]);
      wheel.schedule(0, deadlines.get(0)!);
      expect(takeExpired(wheel, deadlines, turn - 0.75)).toEqual([]);
      expect([turn, takeExpired(wheel, deadlines, turn - 0.5)]).toEqual([turn, [0]]);
    }
  });

  it('is not confused by a clock that goes back [EXPIRY-INJECTED]', () => {
    const wheel = new DeadlineWheel(0);
    const deadlines = new Map<number, number>();
    expect(takeExpired(wheel, deadlines, 10_000)).toEqual([]);
    deadlines.set(0, 5_000).set(1, 5_001).set(2, 20_000);
    for (const [slot, deadline] of deadlines) wheel.schedule(slot, deadline);
    expect(takeExpired(wheel, deadlines, 5_000)).toEqual([]);
    expect(takeExpired(wheel, deadlines, 5_001)).toEqual([0]);
    expect(takeExpired(wheel, deadlines, 5_002)).toEqual([1]);
    expect(takeExpired(wheel, deadlines, 20_001)).toEqual([2]);
  });

  it('moves with the origin of a clock [HAZARD-5]', () => {
    const wheel = new DeadlineWheel(2 ** 30 - 10);
    wheel.schedule(0, 2 ** 30 + 5);
    wheel.schedule(1, 2 ** 30 + 5_000);
    wheel.takeDue(2 ** 30);
    wheel.rebase(2 ** 30);
    expect(wheel.takeDue(5)).toEqual([]);
    expect(wheel.takeDue(6)).toEqual([0]);
    expect(wheel.takeDue(5_000)).toEqual([]);
    expect(wheel.takeDue(5_001)).toEqual([1]);
  });

  it('holds nothing after clear [CACHE-CLEAR]', () => {
    const wheel = new DeadlineWheel(0);
    for (let slot = 0; slot < 200; slot++) wheel.schedule(slot, slot * 50);
    wheel.clear();
    expect(wheel.nextDue()).toBe(Infinity);
    expect(wheel.takeDue(YEAR_MS)).toEqual([]);
  });

  it('agrees with a plain list of deadlines [EXPIRY-INJECTED, HAZARD-5]', () => {
    const slot = fc.nat(70);
    const reach = fc.oneof(
      fc.integer({ min: 0, max: 130 }),
      fc.integer({ min: 0, max: 10_000 }),
      fc.constantFrom(262_143, 2 ** 31, 3 * YEAR_MS),
    );
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('schedule' as const),
          slot,
          reach,
          part: fc.constantFrom(0, 0, 0.25, 0.5),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), slot }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('advance' as const),
          reach,
          part: fc.constantFrom(0, 0, 0.25, 0.75),
        }),
      },
    );
    fc.assert(
      fc.property(
        fc.constantFrom(-10_000, -1, 0, 63, 2 ** 30, 2 ** 31, 2 ** 32, 1.7e12),
        fc.array(step, { maxLength: 120, size: 'max' }),
        (start, steps) => {
          let now = start;
          const wheel = new DeadlineWheel(start);
          const deadlines = new Map<number, number>();
          for (const action of steps) {
            if (action.kind === 'schedule') {
              const deadline = now + action.reach + action.part;
              deadlines.set(action.slot, deadline);
              wheel.schedule(action.slot, deadline);
            } else if (action.kind === 'cancel') {
              deadlines.delete(action.slot);
              wheel.cancel(action.slot);
            } else {
              now += action.reach + action.part;
              const taken = takeAll(wheel, deadlines, now);
              for (const gone of taken) deadlines.delete(gone);
            }
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
