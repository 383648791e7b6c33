import { setImmediate as nextTurn } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { PACKAGE_URL, runModule } from '../support/child-module.ts';

const SETS = 5_000_000;

describe('a flood of new keys', () => {
  it('passes neither bound at any observation, and memory stays flat [DEEP-STRESS]', async () => {
    const found = await runModule<{
      passed: number;
      size: number;
      early: number;
      late: number;
      stats: unknown;
    }>(
      `
      import { ResourceCache } from '${PACKAGE_URL}';
      const cache = new ResourceCache({ maxEntries: 10_000, maxBytes: 2_000_000 });
      let passed = 0;
      let early = 0;
      for (let n = 0; n < ${SETS}; n++) {
        cache.set('mem://flood/' + n, n, { weightBytes: 1 + (n * 7919) % 400 });
        if (cache.size > 10_000 || cache.weightBytes > 2_000_000) passed++;
        if (n % 1_000 === 0) await new Promise(setImmediate);
        if (n === 1_000_000) { globalThis.gc(); early = process.memoryUsage.rss(); }
      }
      globalThis.gc();
      const late = process.memoryUsage.rss();
      cache.sync();
      console.log(JSON.stringify({ passed, size: cache.size, early, late, stats: cache.stats() }));
    `,
      ['--expose-gc'],
    );
    expect(found.passed).toBe(0);
    expect(found.stats).toMatchObject({ maxSize: 10_000, evictions: SETS - found.size });
    expect(found.late - found.early).toBeLessThan(30e6);
  });

  it('tells each entry that leaves once, and counts it [DEEP-STRESS]', async () => {
    const cache = new ResourceCache<number>({ maxEntries: 5_000, maxBytes: 1_000_000, ttlMs: 50 });
    let [evicted, expired, invalidated, sets] = [0, 0, 0, 0];
    const told = new Set<number>();
    const tell = (value: number | undefined): void => {
      expect(told.has(value!), 'told twice').toBe(false);
      told.add(value!);
    };
    cache.on('evicted', ({ value }) => {
      evicted++;
      tell(value);
    });
    cache.on('expired', ({ value }) => {
      expired++;
      tell(value);
    });
    cache.on('invalidated', ({ value }) => {
      invalidated++;
      tell(value);
    });
    let overwritten = 0;
    for (let round = 0; round < 300; round++) {
      for (let n = 0; n < 2_000; n++) {
        const uri = `mem://${(round * 1_499 + n * 31) % 40_000}`;
        if (cache.peek(uri) !== undefined) overwritten++;
        cache.set(uri, sets++, { weightBytes: 1 + (n % 300) });
        if (n % 97 === 0) cache.invalidate(`mem://${(n * 13) % 40_000}`);
        if (cache.size > 5_000 || cache.weightBytes > 1_000_000) expect.fail('a bound was passed');
      }
      await nextTurn();
    }
    cache.sync();
    const stats = cache.stats();
    expect([stats.evictions, stats.expirations, stats.invalidations]).toEqual([
      evicted,
      expired,
      invalidated,
    ]);
    expect(evicted + expired + invalidated + overwritten + cache.size).toBe(sets);
    cache.close();
  });
});
