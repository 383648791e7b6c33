import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { ASLEEP, ManualClock, NativeClock } from '../../src/cache/store-clock.ts';
import { Word } from '../../src/native/heap-block.ts';
import { HeapClock } from '../../src/native/heap-clock.ts';
import { granaryFailure } from '../support/granary-failure.ts';

describe('NativeClock', () => {
  it('counts ms, falls asleep when nobody uses it, and wakes with a real reading [HAZARD-5-SLEEP]', async () => {
    const core = new HeapClock();
    const clock = new NativeClock(core);
    const first = clock.read();
    const began = performance.now();
    while (clock.words[Word.clock] !== ASLEEP) await delay(5);
    expect(performance.now() - began).toBeLessThan(5_000);
    const second = clock.read();
    const passed = performance.now() - began;
    expect(Math.abs(second - first - passed)).toBeLessThan(30);
    expect(second).toBeLessThan(ASLEEP);
    expect(Math.abs(clock.toWallMs(clock.read()) - Date.now())).toBeLessThan(50);
    core.close();
  });

  it('keeps wall times when its origin moves [HAZARD-5]', () => {
    const core = new HeapClock(2 ** 30);
    const clock = new NativeClock(core);
    expect(clock.read()).toBeGreaterThanOrEqual(2 ** 30);
    clock.rebase(2 ** 30);
    expect(clock.read()).toBeLessThan(10_000);
    expect(Math.abs(clock.toWallMs(clock.read()) - Date.now())).toBeLessThan(50);
    core.close();
  });

  it('goes on in whole ms and never back while it is used', async () => {
    const core = new HeapClock();
    const clock = new NativeClock(core);
    let last = clock.read();
    const readings = new Set([last]);
    for (let n = 0; n < 100; n++) {
      await delay(1);
      const reading = clock.read();
      clock.words[Word.usedAt] = reading;
      expect(Number.isInteger(reading)).toBe(true);
      expect(reading).toBeGreaterThanOrEqual(last);
      readings.add((last = reading));
    }
    expect(readings.size).toBeGreaterThan(50);
    core.close();
  });
});

describe('ManualClock', () => {
  it('reads what it is given and shows the fast path nothing [HAZARD-18]', () => {
    let now = 12.5;
    const clock = new ManualClock({ now: () => now });
    expect([clock.read(), clock.toWallMs(12.5), clock.ticking]).toEqual([12.5, 12.5, false]);
    now = 2 ** 40;
    expect(clock.read()).toBe(2 ** 40);
    expect(clock.words[Word.clock]).toBe(ASLEEP);
  });

  it.each([NaN, Infinity, -Infinity, undefined, '5', 5n])(
    'refuses a reading of %s [INPUT-OPTIONS]',
    async (reading) => {
      const clock = { now: () => reading as number };
      const failure = await granaryFailure(() => new ManualClock(clock), 'ERR_GRANARY_BAD_OPTION');
      expect(failure.message).toContain('clock.now()');
    },
  );
});
