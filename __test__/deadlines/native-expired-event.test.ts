import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, expect, it } from 'vitest';

import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

afterEach(endThreads);

const PROMISED_MS = 50;
const ENTRIES = 300;

it('expired comes to each thread that listens within 50 ms of the deadline, without any access [EXPIRY-PROMPT, HAZARD-17-NATIVE]', async () => {
  const shared = { name: freshName(), ttlMs: 0, maxEntries: 1_000 };
  const setter = await StoreThread.start(shared);
  const listeners = await Promise.all([1, 2, 3].map(() => StoreThread.start(shared)));
  for (const thread of [setter, ...listeners]) {
    await thread.run(({ cache, kept }) => {
      const at: [string, number][] = [];
      kept['at'] = at;
      cache.on('expired', ({ uri }) => at.push([uri, performance.timeOrigin + performance.now()]));
    });
  }
  const due = new Map(
    await setter.run(async ({ cache }, entries) => {
      const due: [string, number][] = [];
      for (let n = 0; n < entries; n++) {
        // Some so late that the clock sleeps meanwhile.
        const ttlMs = 100 + ((n * 7_919) % 300) + (n % 3 === 0 ? 800 : 0);
        cache.set(`mem://${n}`, n, n % 10 === 0 ? { idleTtlMs: ttlMs } : { ttlMs });
        due.push([`mem://${n}`, performance.timeOrigin + performance.now() + ttlMs]);
      }
      return due;
    }, ENTRIES),
  );
  await delay(1_500);
  for (const thread of [setter, ...listeners]) {
    const told = (await thread.run(({ kept }) => kept['at'])) as [string, number][];
    const late = told.map(([uri, at]) => at - due.get(uri)!);
    expect(new Set(told.map(([uri]) => uri)).size).toBe(ENTRIES);
    expect(told).toHaveLength(ENTRIES);
    // A tick, and the rounding of the clocks of two threads.
    expect(Math.min(...late)).toBeGreaterThan(-4);
    expect(Math.max(...late)).toBeLessThanOrEqual(PROMISED_MS);
  }
});
