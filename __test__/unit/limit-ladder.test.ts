import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAtLeast, LimitLadder, STATUSES } from '../../src/governor/limit-ladder.ts';

const settings = { warning: 0.8, critical: 0.95, gap: 0.05, dwellMs: 1_000 };

describe('LimitLadder', () => {
  it.each([
    [0.79, 'normal'],
    [0.8, 'warning'],
    [0.949, 'warning'],
    [0.95, 'critical'],
    [0.999, 'critical'],
    [1, 'emergency'],
    [7, 'emergency'],
  ])('is at %d of the limit %s at once [LIMITS-STATUS]', (share, status) => {
    expect(new LimitLadder(settings).update(share, 0)).toBe(status);
  });

  it('is left after the dwell below the gap, for what it has been since [LIMITS-DWELL]', () => {
    const ladder = new LimitLadder(settings);
    ladder.update(1, 0);
    expect(ladder.update(0.5, 1_000)).toBe('emergency');
    expect(ladder.update(0.85, 1_500)).toBe('emergency');
    expect(ladder.update(0.5, 1_999)).toBe('emergency');
    expect(ladder.update(0.5, 2_000)).toBe('warning');
    expect(ladder.update(0.5, 2_001)).toBe('warning');
    expect(ladder.update(0.5, 3_001)).toBe('normal');
  });

  it('is not left within the gap, however long [LIMITS-DWELL]', () => {
    const ladder = new LimitLadder(settings);
    ladder.update(0.8, 0);
    for (let atMs = 0; atMs < 100_000; atMs += 100) {
      expect(ladder.update(0.76, atMs)).toBe('warning');
    }
  });

  it('changes once where noise stands at a threshold [LIMITS-DWELL]', () => {
    const noise = fc.array(fc.double({ min: -0.024, max: 0.024, noNaN: true }), {
      minLength: 200,
      maxLength: 400,
    });
    fc.assert(
      fc.property(fc.constantFrom(0.8, 0.95, 1), noise, (threshold, parts) => {
        const ladder = new LimitLadder(settings);
        let changes = 0;
        let before = ladder.status;
        parts.forEach((part, index) => {
          const status = ladder.update(threshold + part, index * 100);
          if (status !== before) changes++;
          before = status;
        });
        // Up to the level below, and once more to that of the threshold.
        expect(changes).toBeLessThanOrEqual(2);
      }),
    );
  });

  it('is left later each time after three emergencies in a row, unless it went well [LIMITS-BACK-OFF]', () => {
    const ladder = new LimitLadder(settings);
    let nowMs = 0;
    const emergencyMs = (): number => {
      const sinceMs = nowMs;
      expect(ladder.update(1, nowMs)).toBe('emergency');
      const { dwellMs } = ladder;
      while (ladder.update(0, nowMs) === 'emergency') nowMs += 100;
      expect(ladder.status).toBe('normal');
      expect(nowMs - sinceMs).toBe(dwellMs);
      return dwellMs / settings.dwellMs;
    };
    const row = (count: number): number[] => Array.from({ length: count }, emergencyMs);
    expect(row(10)).toEqual([1, 1, 1, 2, 4, 8, 16, 32, 32, 32]);
    ladder.relent();
    expect(row(4)).toEqual([1, 1, 1, 2]);
    // No other status is left later.
    ladder.update(0.96, nowMs);
    expect(ladder.dwellMs).toBe(settings.dwellMs);
  });

  it('counts an emergency that lasts once [LIMITS-BACK-OFF]', () => {
    const ladder = new LimitLadder(settings);
    for (let nowMs = 0; nowMs < 10_000; nowMs += 100) ladder.update(1 + (nowMs % 200) / 100, nowMs);
    expect(ladder.dwellMs).toBe(settings.dwellMs);
  });

  it('is never milder than what is used now, and is left a dwell at a time [LIMITS-STATUS]', () => {
    const step = fc.record({
      share: fc.double({ min: 0, max: 1.2, noNaN: true }),
      ms: fc.integer({ min: 1, max: 3_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const ladder = new LimitLadder(settings);
        let nowMs = 0;
        let raisedAtMs = 0;
        for (const { share, ms } of steps) {
          nowMs += ms;
          const before = ladder.status;
          const status = ladder.update(share, nowMs);
          expect(isAtLeast(status, ladder.statusAt(share))).toBe(true);
          if (STATUSES.indexOf(status) > STATUSES.indexOf(before)) raisedAtMs = nowMs;
          if (!isAtLeast(status, before)) {
            expect(nowMs - raisedAtMs).toBeGreaterThanOrEqual(settings.dwellMs);
          }
        }
      }),
    );
  });
});
