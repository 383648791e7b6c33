import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

afterEach(endThreads);

const SETS = 20_000;

describe.each(['lru', 'tinylfu', 'adaptive'] as const)('a native store (%s)', (policy) => {
  it('holds what was just set until later sets displace it, and is within its bounds [HAZARD-12]', () => {
    const cache = new ResourceCache<number>({
      storage: 'native',
      policy,
      maxEntries: 200,
      maxBytes: 20_000,
      ttlMs: 0,
    });
    // Hot keys, which moka would rather keep than any newcomer.
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 150; n++) {
        if (cache.get(`mem://hot/${n}`) === undefined) cache.set(`mem://hot/${n}`, n);
      }
    }
    let evicted = 0;
    cache.on('evicted', () => evicted++);
    const before = cache.size;
    for (let n = 0; n < 5_000; n++) {
      cache.set(`mem://${n}`, n, { weightBytes: 1 + ((n * 7_919) % 180) });
      expect(cache.get(`mem://${n}`)).toBe(n);
      if (n > 0) expect(cache.get(`mem://${n - 1}`)).toBe(n - 1);
      if (cache.size > 200 || cache.weightBytes > 20_000) expect.fail('a bound was passed');
      // Whoever had to leave has left when the set returns.
      if (cache.size !== before + n + 1 - evicted) expect.fail('a counter lags');
    }
    cache.close();
  });

  it('is within its bounds for all threads while all of them set, and counts each eviction [HAZARD-12, NATIVE-SHARED-NAME]', async () => {
    const shared = { name: freshName(), policy, maxEntries: 300, maxBytes: 30_000, ttlMs: 0 };
    const threads = await Promise.all([1, 2, 3].map(() => StoreThread.start(shared)));
    const passed = await Promise.all(
      threads.map((thread, own) =>
        thread.run(
          ({ cache }, { own, sets }) => {
            let passed = 0;
            for (let n = 0; n < sets; n++) {
              cache.set(`mem://${own}/${n}`, n, { weightBytes: 1 + ((n * 7_919) % 200) });
              if (cache.size > 300 || cache.weightBytes > 30_000) passed++;
            }
            return passed;
          },
          { own, sets: SETS },
        ),
      ),
    );
    expect(passed).toEqual([0, 0, 0]);
    const seen = await threads[0]!.run(({ cache }) => {
      const { evictions } = cache.stats();
      const before = { evictions, size: cache.size };
      const keys = [...cache.keys()];
      const weight = keys.reduce((sum, uri) => sum + cache.info(uri)!.weightBytes, 0);
      return { ...before, keys: keys.length, weight, weightBytes: cache.weightBytes };
    });
    expect(seen.size + seen.evictions).toBe(3 * SETS);
    expect(seen.keys).toBe(seen.size);
    expect(seen.weight).toBe(seen.weightBytes);
  });
});
