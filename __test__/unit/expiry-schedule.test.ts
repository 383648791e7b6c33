import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EntryTable } from '../../src/cache/entry-table.ts';
import { ExpirySchedule } from '../../src/cache/expiry-schedule.ts';
import type { StoreClock } from '../../src/cache/store-clock.ts';

const MINUTE_MS = 60_000;

/** A schedule of one entry over a clock that ticks with the timers. */
function scheduled(ttlMs: number) {
  const startMs = Date.now();
  const read = (): number => Date.now() - startMs;
  const clock: StoreClock = {
    ticking: true,
    words: new Int32Array(2),
    read,
    toWallMs: (reading) => startMs + reading,
    wallOffsetMs: () => startMs,
    rebase: () => {},
  };
  const table = new EntryTable<string>(true);
  const taken: number[] = [];
  const schedule = new ExpirySchedule(table, clock, {
    expireInBackground: () => taken.push(...schedule.takeDue(read()).map(() => read())),
  });
  const slot = table.take('mem://a');
  table.begin(slot, 'value', 5, 0, ttlMs, ttlMs, -1);
  schedule.expect(slot);
  return { schedule, taken, read };
}

describe('ExpirySchedule', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('takes an entry at its deadline, though its timer sleeps a minute at most [EXPIRY-PROMPT]', () => {
    const { taken } = scheduled(3.5 * MINUTE_MS);
    vi.advanceTimersByTime(3.5 * MINUTE_MS);
    expect(taken).toEqual([]);
    vi.advanceTimersByTime(20);
    expect(taken).toHaveLength(1);
    expect(taken[0]).toBeGreaterThan(3.5 * MINUTE_MS);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('arms no timer anew where nothing is due [EXPIRY-PROMPT]', () => {
    const { schedule, taken, read } = scheduled(MINUTE_MS / 2);
    const armed = vi.spyOn(globalThis, 'setTimeout');
    vi.advanceTimersByTime(MINUTE_MS / 4);
    expect(schedule.takeDue(read())).toEqual([]);
    expect(armed).not.toHaveBeenCalled();
    vi.advanceTimersByTime(MINUTE_MS / 4 + 20);
    expect(taken).toHaveLength(1);
  });
});
