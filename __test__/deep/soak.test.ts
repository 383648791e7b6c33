import { expect, it } from 'vitest';

import { PACKAGE_URL, runModule } from '../support/child-module.ts';

interface Census {
  readonly rss: number;
  readonly descriptors: number;
  readonly threads: number;
}

it('a minute of caches opened, used, closed and dropped, and workers ended, leaks nothing [DEEP-SOAK]', async () => {
  const { censuses, operations, passed } = await runModule<{
    censuses: Census[];
    operations: number;
    passed: number;
  }>(
    `
    import { readdirSync } from 'node:fs';
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
    const body = \`
      import('${PACKAGE_URL}').then(({ ResourceCache }) => {
        const cache = new ResourceCache({ maxEntries: 500, ttlMs: 10 });
        let n = 0;
        setInterval(() => { for (let i = 0; i < 1_000; i++) cache.set('mem://' + n++, 'v'); }, 1);
      });
    \`;
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
    async function census() {
      for (let turn = 0; turn < 4; turn++) { globalThis.gc(); await delay(30); }
      return {
        rss: process.memoryUsage.rss(),
        descriptors: readdirSync('/proc/self/fd').length,
        threads: readdirSync('/proc/self/task').length,
      };
    }
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
      if (turn % 100 === 0) {
        const worker = new Worker(body, { eval: true });
        worker.on('error', (error) => { throw error; });
        await delay(150 + random(100));
        await worker.terminate();
      }
      await delay(0);
      if (performance.now() - began > (censuses.length + 2) * MINUTE / 6) censuses.push(await census());
    }
    for (const cache of caches) cache.close();
    console.log(JSON.stringify({ censuses, operations, passed }));
    process.exit();
  `,
    ['--expose-gc'],
  );
  expect(passed).toBe(0);
  expect(operations).toBeGreaterThan(100_000);
  const [first] = censuses;
  const last = censuses.at(-1);
  expect(last!.rss - first!.rss, JSON.stringify(censuses)).toBeLessThan(40e6);
  expect(last!.threads).toBeLessThanOrEqual(first!.threads + 1);
  expect(last!.descriptors).toBeLessThanOrEqual(first!.descriptors + 2);
});
