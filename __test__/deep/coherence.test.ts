import { afterEach, expect, it } from 'vitest';

import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

afterEach(endThreads);

const THREADS = 4;
const KEYS = 200;
const OPERATIONS_EACH = 1_000_000;

// Each key has a version that only grows: a writer takes the next one, stores it, and publishes it
// when its set has returned. Whoever reads takes what was published before, and must find no less:
// a miss is as good, since others invalidate, and the store evicts.
it.each(['lru', 'adaptive'] as const)(
  'no read gives less than what had returned before it began, over millions (%s) [DEEP-COHERENCE, HAZARD-14]',
  async (policy) => {
    const shared = { name: freshName(), maxEntries: 150, ttlMs: 0, policy, nearEntries: 120 };
    const threads = await Promise.all(
      Array.from({ length: THREADS }, () => StoreThread.start(shared)),
    );
    const words = new SharedArrayBuffer(4 * 3 * KEYS);
    const found = await Promise.all(
      threads.map((thread, own) =>
        thread.run(
          async ({ cache, calls }, { words, own, keys, operations }) => {
            const [locks, stored, gone] = [0, 1, 2].map(
              (part) => new Int32Array(words, 4 * part * keys, keys),
            ) as [Int32Array, Int32Array, Int32Array];
            const uris = Array.from({ length: keys }, (_, key) => `mem://${key}`);
            const called = calls();
            let random = 48_271 * (own + 1);
            let [hits, older, reborn, reads] = [0, 0, 0, 0];
            for (let n = 0; n < operations; n++) {
              random = (random * 48_271) % 2_147_483_647;
              const key = random % 3 === 0 ? random % keys : random % 20;
              const kind = (random >>> 8) % 100;
              const uri = uris[key]!;
              if (kind >= 6) {
                const least = Atomics.load(stored, key);
                const dropped = Atomics.load(gone, key);
                const value = cache.get(uri) as number | undefined;
                reads++;
                if (value === undefined) continue;
                hits++;
                if (value < least) older++;
                if (value <= dropped) reborn++;
                continue;
              }
              // One writer of a key at a time; the others do something else.
              if (Atomics.compareExchange(locks, key, 0, 1) !== 0) continue;
              const version = Atomics.load(stored, key);
              if (kind < 3) {
                cache.set(uri, version + 1, kind === 0 ? { tags: [uri] } : {});
                Atomics.store(stored, key, version + 1);
              } else {
                if (kind === 3) cache.invalidate(uri);
                else if (kind === 4) cache.invalidatePattern(`${uri}*`);
                else {
                  cache.set(uri, version + 1, { tags: [uri] });
                  cache.invalidateTag(uri);
                  Atomics.store(stored, key, version + 1);
                }
                Atomics.store(gone, key, Atomics.load(stored, key));
              }
              Atomics.store(locks, key, 0);
              if (n % 4_096 === 0) await new Promise((resolve) => setImmediate(resolve));
            }
            return { hits, older, reborn, reads, calls: called.get('get') ?? 0 };
          },
          { words, own, keys: KEYS, operations: OPERATIONS_EACH },
        ),
      ),
    );
    for (const { hits, older, reborn, reads, calls } of found) {
      expect({ older, reborn }).toEqual({ older: 0, reborn: 0 });
      // Near hits are what is put to the test.
      expect(reads - calls).toBeGreaterThan(OPERATIONS_EACH / 10);
      expect(hits).toBeGreaterThan(OPERATIONS_EACH / 10);
    }
  },
);

const LOADS_EACH = 60_000;

// The origin of each key counts up; whoever changes it invalidates after that, and publishes what it
// was when its invalidation has returned. A load that begins later must not give less.
it('no load gives less than what an invalidation had told before it began, over threads [DEEP-COHERENCE, HAZARD-15-THREADS]', async () => {
  const shared = { name: freshName(), maxEntries: 40, ttlMs: 0, nearEntries: 40 };
  const threads = await Promise.all(
    Array.from({ length: THREADS }, () => StoreThread.start(shared)),
  );
  const keys = 50;
  const words = new SharedArrayBuffer(4 * 3 * keys);
  const found = await Promise.all(
    threads.map((thread, own) =>
      thread.run(
        async ({ cache }, { words, own, keys, operations }) => {
          const [locks, origin, told] = [0, 1, 2].map(
            (part) => new Int32Array(words, 4 * part * keys, keys),
          ) as [Int32Array, Int32Array, Int32Array];
          let random = 48_271 * (own + 1);
          let [older, loaderCalls] = [0, 0];
          const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
          const check = async (value: Promise<unknown>, least: number): Promise<void> => {
            if (((await value) as number) < least) older++;
          };
          let waiting: Promise<void>[] = [];
          for (let n = 0; n < operations; n++) {
            random = (random * 48_271) % 2_147_483_647;
            const key = random % keys;
            const uri = `mem://${key}`;
            const kind = (random >>> 8) % 20;
            const load = async (): Promise<number> => {
              loaderCalls++;
              const value = Atomics.load(origin, key);
              if (random % 2 === 0) await nextTurn();
              return value;
            };
            if (kind > 3) {
              const least = Atomics.load(told, key);
              waiting.push(
                kind > 8
                  ? check(cache.load(uri, load, { tags: [uri] }), least)
                  : check(
                      cache
                        .loadMany([uri], async () => new Map([[uri, await load()]]), {
                          tags: [uri],
                        })
                        .then((values) => values.get(uri)),
                      least,
                    ),
              );
            } else if (Atomics.compareExchange(locks, key, 0, 1) === 0) {
              const version = Atomics.add(origin, key, 1) + 1;
              if (kind === 0) cache.invalidate(uri);
              else if (kind === 1) cache.invalidateTag(uri);
              else if (kind === 2) cache.invalidatePattern(`${uri}*`);
              else cache.set(uri, version, { tags: [uri] });
              Atomics.store(told, key, version);
              Atomics.store(locks, key, 0);
            }
            if (waiting.length >= 50) {
              await Promise.all(waiting);
              waiting = [];
            }
          }
          await Promise.all(waiting);
          return { older, loaderCalls };
        },
        { words, own, keys, operations: LOADS_EACH },
      ),
    ),
  );
  for (const { older, loaderCalls } of found) {
    expect(older).toBe(0);
    expect(loaderCalls).toBeGreaterThan(LOADS_EACH / 100);
  }
});
