import { expect, it } from 'vitest';

import { PACKAGE_URL, runModule } from '../support/child-module.ts';

interface Census {
  readonly rss: number;
  readonly descriptors: number;
  readonly threads: number;
}

it('a minute of caches and 4 threads that open, use, close and end at random leaks nothing [DEEP-SOAK] [DEEP-SOAK-THREADS]', async () => {
  const { censuses, operations, passed, failures, threadsEnded, threadOperations } =
    await runModule<{
      censuses: Census[];
      operations: number;
      passed: number;
      failures: string[];
      threadsEnded: number;
      threadOperations: number;
    }>(
      `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { setTimeout as delay } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    import { ResourceCache } from '${PACKAGE_URL}';

    const MINUTE = 60_000;
    const random = (below) => Math.floor(Math.random() * below);
    const policies = ['lru', 'tinylfu', 'adaptive'];
    const open = () =>
      new ResourceCache({
        policy: policies[random(3)],
        maxEntries: [10, 100, 3_000][random(3)],
        maxBytes: [10_000, 1_000_000][random(2)],
        ttlMs: [0, 20, 500][random(3)],
        idleTtlMs: [0, 0, 50][random(3)],
      });
    // Stores of a thread's own and such that all threads share, closed or left open at its end.
    const body = \`
      Promise.all([import('node:worker_threads'), import('${PACKAGE_URL}')]).then(([{ parentPort }, { ResourceCache }]) => {
        const random = (below) => Math.floor(Math.random() * below);
        const open = () => new ResourceCache([
          () => ({ maxEntries: 500, ttlMs: 10 }),
          () => ({ maxEntries: 50, policy: 'lru', maxBytes: 20_000 }),
          () => ({ storage: 'native', maxEntries: 300, ttlMs: 50, nearEntries: 40 }),
          () => ({ storage: 'native', name: 'soak-lru', policy: 'lru', maxEntries: 200 }),
          () => ({ storage: 'native', name: 'soak', maxEntries: 1_000, maxBytes: 100_000, ttlMs: 100 }),
        ][random(5)]());
        const caches = Array.from({ length: 4 }, open);
        let used = 0;
        const work = () => {
          const at = random(caches.length);
          const cache = caches[at];
          for (let n = 0; n < 200; n++, used++) {
            const uri = 'mem://' + random(2_000);
            switch (random(8)) {
              case 0: cache.invalidate(uri); break;
              case 1: cache.set(uri, { uri, list: [n] }, { tags: ['t' + random(5)] }); break;
              case 2: cache.load(uri, async () => { await null; return 'loaded'; }).catch(() => {}); break;
              case 3: case 4: cache.set(uri, 'v'.repeat(random(600))); break;
              default: cache.get(uri);
            }
          }
          if (random(10) === 0) cache.invalidateTag('t' + random(5));
          if (random(20) === 0) {
            if (random(2) === 0) cache.close();
            caches[at] = open();
          }
          parentPort.postMessage(used);
          setImmediate(work);
        };
        work();
      });
    \`;
    const failures = [];
    let threadsEnded = 0;
    let threadOperations = 0;
    /** One of four that go on at any time: ended at a random moment, and followed by the next. */
    async function churn(isDone) {
      while (!isDone()) {
        const worker = new Worker(body, { eval: true });
        let used = 0;
        worker.on('message', (count) => { used = count; });
        worker.on('error', (error) => failures.push(String(error)));
        // A fifth of them end while they start.
        if (random(5) > 0) await new Promise((resolve) => worker.once('message', resolve));
        await delay(random(300));
        await worker.terminate();
        threadsEnded++;
        threadOperations += used;
      }
    }
    let operations = 0;
    let passed = 0;
    function use(cache) {
      for (let n = 0; n < 200; n++) {
        const uri = 'mem://' + random(5_000);
        operations++;
        switch (random(12)) {
          case 0: cache.invalidate(uri); break;
          case 1: cache.set(uri, 'tagged', { tags: ['t' + random(5)], weightBytes: random(6_000) }); break;
          case 2: if (random(100) === 0) cache.invalidateTag('t' + random(5)); break;
          case 3: if (random(300) === 0) cache.resize({ maxEntries: 1 + random(3_000) }); break;
          case 4: if (random(300) === 0) cache.clear(); break;
          case 5: cache.load(uri, async () => 'loaded').catch(() => {}); break;
          case 6: case 7: case 8: cache.set(uri, 'value', { weightBytes: random(600) }); break;
          default: cache.get(uri);
        }
        const { size, maxSize, memoryBytes, maxMemoryBytes } = cache.stats();
        if (size > maxSize || memoryBytes > maxMemoryBytes) passed++;
      }
    }
    // Node's loader leaves the module open that it was reading when its thread was terminated, whoever's
    // modules they are.
    function isModule(descriptor) {
      try {
        return /\\.(js|cjs|mjs|json)$/.test(readlinkSync('/proc/self/fd/' + descriptor));
      } catch {
        return true;
      }
    }
    async function census() {
      for (let turn = 0; turn < 4; turn++) { globalThis.gc(); await delay(30); }
      return {
        rss: process.memoryUsage.rss(),
        descriptors: readdirSync('/proc/self/fd').filter((descriptor) => !isModule(descriptor)).length,
        threads: readdirSync('/proc/self/task').length,
      };
    }
    let paused;
    let churning;
    function startThreads() {
      paused = false;
      churning = Array.from({ length: 4 }, () => churn(() => paused));
    }
    startThreads();
    const caches = Array.from({ length: 8 }, open);
    const censuses = [];
    const began = performance.now();
    for (let turn = 0; performance.now() - began < MINUTE; turn++) {
      for (const cache of caches) use(cache);
      const at = random(caches.length);
      if (turn % 5 === 0) {
        if (random(2) === 0) caches[at].close();
        caches[at] = open();
      }
      await delay(0);
      if (performance.now() - began > (censuses.length + 2) * MINUTE / 6) {
        // What lives in a thread is no leak: all of them end first.
        paused = true;
        await Promise.all(churning);
        censuses.push(await census());
        startThreads();
      }
    }
    paused = true;
    await Promise.all(churning);
    for (const cache of caches) cache.close();
    console.log(JSON.stringify({ censuses, operations, passed, failures, threadsEnded, threadOperations }));
    process.exit();
  `,
      ['--expose-gc'],
    );
  expect(failures).toEqual([]);
  // On a machine that has much else to do; some hundreds where it has not.
  expect(threadsEnded).toBeGreaterThan(40);
  expect(threadOperations).toBeGreaterThan(100_000);
  expect(passed).toBe(0);
  expect(operations).toBeGreaterThan(100_000);
  const [first] = censuses;
  const last = censuses.at(-1);
  expect(last!.rss - first!.rss, JSON.stringify(censuses)).toBeLessThan(40e6);
  expect(last!.threads).toBeLessThanOrEqual(first!.threads + 1);
  expect(last!.descriptors).toBeLessThanOrEqual(first!.descriptors + 2);
});
