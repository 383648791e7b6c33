import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { endThreads, freshName, StoreThread, turnWord } from '../support/store-thread.ts';

afterEach(endThreads);

async function threadsOf(count: number, options = {}): Promise<StoreThread[]> {
  const shared = { name: freshName(), ttlMs: 0, ...options };
  return Promise.all(Array.from({ length: count }, () => StoreThread.start(shared)));
}

const HITS = 100_000;

describe('near hits of four threads', () => {
  it.each(['lru', 'tinylfu', 'adaptive'] as const)(
    'are counted exactly, by entry and in all (%s) [NATIVE-NEAR-COUNTS, HAZARD-6-NATIVE]',
    async (policy) => {
      const threads = await threadsOf(4, { maxEntries: 500, policy });
      await threads[0]!.run(({ cache }) => {
        for (let n = 0; n < 100; n++) cache.set(`mem://${n}`, n);
      });
      const calls = await Promise.all(
        threads.map((thread) =>
          thread.run(({ cache, calls }, hits) => {
            const called = calls();
            for (let n = 0; n < hits; n++) {
              if (cache.get(`mem://${n % 100}`) !== n % 100) throw new Error('a wrong value');
            }
            return called.get('get');
          }, HITS),
        ),
      );
      // Each key came near once, and all else were near hits.
      expect(calls).toEqual([100, 100, 100, 100]);
      const { counts, hits, misses } = await threads[3]!.run(({ cache }) => {
        cache.sync();
        const counts = Array.from({ length: 100 }, (_, n) => cache.info(`mem://${n}`)!.accessCount);
        return { counts, ...cache.stats() };
      });
      expect(counts).toEqual(Array(100).fill((4 * HITS) / 100));
      expect([hits, misses]).toEqual([4 * HITS, 0]);
    },
    60_000,
  );

  it('are counted exactly while entries are evicted and come again [NATIVE-NEAR-COUNTS, HAZARD-6-NATIVE]', async () => {
    const threads = await threadsOf(4, { maxEntries: 80, nearEntries: 30 });
    const found = await Promise.all(
      threads.map((thread, own) =>
        thread.run(
          ({ cache }, { hits, own }) => {
            let [found, missed] = [0, 0];
            for (let n = 0; n < hits; n++) {
              // Mostly a few keys, now and then one of many.
              const key = n % 7 === 0 ? (n * (own + 3)) % 200 : n % 25;
              if (cache.get(`mem://${key}`) === undefined) {
                missed++;
                cache.set(`mem://${key}`, key);
              } else found++;
            }
            return [found, missed] as const;
          },
          { hits: HITS, own },
        ),
      ),
    );
    const { hits, misses } = await threads[0]!.run(({ cache }) => {
      cache.sync();
      return cache.stats();
    });
    expect(hits).toBe(found.reduce((sum, [hit]) => sum + hit, 0));
    expect(misses).toBe(found.reduce((sum, [, missed]) => sum + missed, 0));
    expect(misses).toBeGreaterThan(1_000);
  }, 60_000);

  it('of a thread that ends are not lost [NATIVE-NEAR-COUNTS]', async () => {
    const [one, other] = await threadsOf(2);
    await one!.run(({ cache }) => {
      cache.set('mem://a', 1);
      for (let n = 0; n < 1_000; n++) cache.get('mem://a');
    });
    await one!.terminate();
    const counted = await other!.run(({ cache }) => [
      cache.info('mem://a')!.accessCount,
      cache.stats().hits,
    ]);
    expect(counted).toEqual([1_000, 1_000]);
  });
});

describe('policy lru', () => {
  it('evicts in the order of all near hits, those within one ms too [NATIVE-NEAR-COUNTS, HAZARD-13-NATIVE]', () => {
    const cache = new ResourceCache<number>({
      storage: 'native',
      policy: 'lru',
      maxEntries: 100,
      clock: new ManualClock(),
    });
    let order: number[] = [];
    const use = (n: number): void => void (order = [...order.filter((other) => other !== n), n]);
    for (let n = 0; n < 100; n++) {
      cache.set(`mem://${n}`, n);
      use(n);
    }
    const evicted: string[] = [];
    cache.on('evicted', ({ uri }) => evicted.push(uri));
    let random = 1;
    for (let set = 100; set < 400; set++) {
      for (let hit = 0; hit < 20; hit++) {
        random = (random * 48_271) % 2_147_483_647;
        const n = order[random % order.length]!;
        expect(cache.get(`mem://${n}`)).toBe(n);
        use(n);
      }
      const [oldest] = order;
      cache.set(`mem://${set}`, set);
      expect(evicted.pop()).toBe(`mem://${oldest}`);
      order.shift();
      use(set);
    }
    cache.close();
  });

  it('evicts over threads in the order in which hits were taken, none lost [NATIVE-NEAR-COUNTS, HAZARD-13-NATIVE]', async () => {
    const [one, other] = await threadsOf(2, { maxEntries: 100, policy: 'lru' });
    const turn = turnWord();
    const waiting = other!.run(({ cache, await: awaitTurn, pass }, turn) => {
      for (let n = 0; n < 100; n++) cache.set(`mem://${n}`, n);
      for (let n = 0; n < 100; n++) cache.get(`mem://${n}`);
      cache.sync();
      // Near hits that nobody has taken yet, and their thread halts.
      for (let n = 49; n >= 0; n--) cache.get(`mem://${n}`);
      pass(turn, 1);
      awaitTurn(turn, 2);
    }, turn);
    const left = await one!.run(({ cache, await: awaitTurn, pass }, turn) => {
      awaitTurn(turn, 1);
      for (let n = 100; n < 160; n++) cache.set(`mem://${n}`, n);
      const left = Array.from({ length: 100 }, (_, n) => n).filter((n) => cache.has(`mem://${n}`));
      pass(turn, 2);
      return left;
    }, turn);
    await waiting;
    // 50 to 99 were not hit again; of the others those hit first left first.
    expect(left).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });
});
