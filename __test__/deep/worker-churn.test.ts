import { expect, it } from 'vitest';

import { PACKAGE_URL, runModule } from '../support/child-module.ts';

const WORKERS = 500;
const WARM_UP = 100;

interface Census {
  readonly rss: number;
  readonly descriptors: number;
  readonly threads: number;
}

interface Churned {
  readonly ended: number;
  readonly began: number;
  readonly early: Census;
  readonly late: Census;
  readonly operations: number;
  readonly wrong: string[];
  readonly failures: string[];
  readonly shape: { size: number; keys: number; weight: number; summed: number };
  readonly afresh: { size: number; maxSize: number };
}

it('500 workers with one store, ended at random moments under load, leave it sound and leak nothing [NATIVE-500-WORKERS, HAZARD-1-NATIVE]', async () => {
  const churned = await runModule<Churned>(
    `
    import { readdirSync } from 'node:fs';
    import { setTimeout as delay } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    import { ResourceCache } from '${PACKAGE_URL}';

    const random = (below) => Math.floor(Math.random() * below);
    const options = { storage: 'native', name: 'churn', maxEntries: 400, maxBytes: 200_000, ttlMs: 200 };
    const body = \`
      Promise.all([import('node:worker_threads'), import('${PACKAGE_URL}')]).then(([{ parentPort, workerData }, { ResourceCache }]) => {
        const random = (below) => Math.floor(Math.random() * below);
        const cache = new ResourceCache({ ...workerData, nearEntries: 50 });
        const own = ['invalidated', 'expired', 'evicted', 'loaded', 'accessed'].slice(0, random(6));
        for (const event of own) cache.on(event, () => {});
        parentPort.postMessage('open');
        const work = () => {
          for (let n = 0; n < 200; n++) {
            const uri = 'mem://' + random(600);
            switch (random(16)) {
              case 0: cache.invalidate(uri); break;
              case 1: cache.invalidateTag('t' + random(8)); break;
              case 2: cache.set(uri, new Uint8Array(random(2_000)), { tags: ['t' + random(8)] }); break;
              case 3: cache.set(uri, { uri, list: [1, 2, 3] }, { ttlMs: 1 + random(50) }); break;
              case 4: case 5: cache.load(uri, async () => { await null; return uri + ' loaded'; }, { tags: ['t' + random(8)] }).catch(() => {}); break;
              case 6: cache.load(uri, () => new Promise((resolve) => setTimeout(resolve, random(5), 'late'))).catch(() => {}); break;
              case 7: if (random(50) === 0) cache.clear(); break;
              case 8: if (random(50) === 0) cache.invalidatePattern('mem://' + random(10) + '*'); break;
              case 9: cache.set(uri, 'text', { idleTtlMs: 20 }); break;
              default: for (let hit = 0; hit < 5; hit++) cache.get(uri);
            }
          }
          setImmediate(work);
        };
        work();
      });
    \`;
    const census = async () => {
      for (let turn = 0; turn < 5; turn++) { globalThis.gc(); await delay(50); }
      return {
        rss: process.memoryUsage.rss(),
        descriptors: readdirSync('/proc/self/fd').length,
        threads: readdirSync('/proc/self/task').length,
      };
    };
    const cache = new ResourceCache(options);
    cache.on('evicted', () => {});
    let [ended, began, operations] = [0, 0, 0];
    const wrong = [];
    const failures = [];
    let early;
    let done = false;
    const use = async () => {
      while (!done) {
        for (let n = 0; n < 100; n++, operations++) {
          const uri = 'mem://' + random(600);
          if (n % 10 === 0) {
            cache.set(uri, 'mine ' + operations);
            if (cache.size > 400 || cache.weightBytes > 200_000) wrong.push('a bound was passed');
          } else if (n % 10 === 1) {
            cache.load(uri, async () => uri + ' main').then((value) => { if (value === undefined) wrong.push('no value'); });
          } else cache.get(uri);
        }
        await delay(1);
      }
    };
    const using = use();
    while (began < ${WORKERS}) {
      if (began === ${WARM_UP}) early = await census();
      const until = began < ${WARM_UP} ? ${WARM_UP} : ${WORKERS};
      await Promise.all(Array.from({ length: 4 }, async () => {
        while (began < until) await one();
      }));
    }
    async function one() {
      const number = ++began;
      const worker = new Worker(body, { eval: true, workerData: options });
      worker.on('error', (error) => failures.push(String(error)));
      // A fifth of them end while they load; the others at any point of their work.
      if (number % 5 !== 0) await new Promise((resolve) => worker.once('message', resolve));
      await delay(random(40));
      await worker.terminate();
      ended++;
    }
    const late = await census();
    done = true;
    await using;
    let shape;
    // What expires while it is counted changes the count: then it is counted again.
    for (let before = -1; before !== cache.size;) {
      cache.sync();
      before = cache.size;
      let summed = 0;
      let keys = 0;
      for (const uri of cache.keys()) {
        keys++;
        summed += cache.info(uri)?.weightBytes ?? 0;
      }
      shape = { size: cache.size, keys, weight: cache.weightBytes, summed };
    }
    cache.close();
    // Free: other bounds are taken.
    const afresh = new ResourceCache({ ...options, maxEntries: 7 });
    const { size, maxSize } = afresh.stats();
    console.log(JSON.stringify({ ended, began, early, late, operations, wrong, failures, shape, afresh: { size, maxSize } }));
    process.exit();
  `,
    ['--expose-gc'],
  );
  const { early, late, shape } = churned;
  expect(churned).toMatchObject({ ended: WORKERS, wrong: [], failures: [] });
  expect(churned.operations).toBeGreaterThan(10_000);
  expect(late.rss - early.rss, JSON.stringify(churned)).toBeLessThan(40e6);
  expect(late.descriptors).toBeLessThanOrEqual(early.descriptors + 2);
  expect(late.threads).toBeLessThanOrEqual(early.threads + 1);
  expect(shape.size).toBe(shape.keys);
  expect(shape.weight).toBe(shape.summed);
  expect(churned.afresh).toEqual({ size: 0, maxSize: 7 });
});
