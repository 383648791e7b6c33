import { describe, expect, it } from 'vitest';

import { PACKAGE_URL, runModule } from '../support/child-module.ts';

interface Census {
  readonly descriptors: number;
  readonly threads: number;
}

describe('the addon in workers', () => {
  it('survives a worker that alone loaded it, ended 100 times at random moments [HAZARD-1]', async () => {
    const { ended, early, late } = await runModule<{ ended: number; early: Census; late: Census }>(`
      import { readdirSync } from 'node:fs';
      import { setTimeout as delay } from 'node:timers/promises';
      import { Worker } from 'node:worker_threads';

      const body = \`
        Promise.all([import('node:worker_threads'), import('${PACKAGE_URL}')]).then(([{ parentPort }, { ResourceCache }]) => {
          const caches = ['lru', 'tinylfu', 'adaptive'].map(
            (policy) => new ResourceCache({ maxEntries: 200, ttlMs: 5, policy }),
          );
          parentPort.postMessage('loaded');
          let n = 0;
          const work = () => {
            for (const cache of caches) {
              for (let i = 0; i < 500; i++) cache.set('mem://' + n++, 'value');
              for (let i = 0; i < 500; i++) cache.get('mem://' + (n - i));
            }
            setImmediate(work);
          };
          work();
        });
      \`;
      const census = () => ({
        descriptors: readdirSync('/proc/self/fd').length,
        threads: readdirSync('/proc/self/task').length,
      });
      let ended = 0;
      let early;
      for (let n = 0; n < 100; n++) {
        const worker = new Worker(body, { eval: true });
        // The first third is ended while it loads: Node itself may lose a descriptor there.
        if (n >= 33) await new Promise((resolve) => worker.once('message', resolve));
        await delay(Math.random() * 30);
        await worker.terminate();
        ended++;
        if (n === 39) early = census();
      }
      await delay(200);
      console.log(JSON.stringify({ ended, early, late: census() }));
    `);
    expect(ended).toBe(100);
    expect(late.threads).toBeLessThanOrEqual(early.threads + 1);
    expect(late.descriptors).toBeLessThanOrEqual(early.descriptors + 2);
  }, 120_000);

  it('frees what dropped and never closed caches have, timers and native parts included [HAZARD-17]', async () => {
    const { early, late } = await runModule<{
      early: Census & { rss: number };
      late: Census & { rss: number };
    }>(
      `
      import { readdirSync } from 'node:fs';
      import { setTimeout as delay } from 'node:timers/promises';
      import { ResourceCache } from '${PACKAGE_URL}';

      const census = () => ({
        descriptors: readdirSync('/proc/self/fd').length,
        threads: readdirSync('/proc/self/task').length,
        rss: process.memoryUsage.rss(),
      });
      async function round() {
        for (let made = 0; made < 100; made++) {
          const cache = new ResourceCache({ maxEntries: 1_000, ttlMs: 3_600_000 });
          for (let n = 0; n < 100; n++) cache.set('mem://' + n, 'x'.repeat(100));
        }
        // Finalizers of the addon run in turns of the event loop.
        for (let turn = 0; turn < 3; turn++) {
          globalThis.gc();
          await delay(20);
        }
      }
      for (let n = 0; n < 3; n++) await round();
      const early = census();
      for (let n = 0; n < 10; n++) await round();
      await delay(300);
      console.log(JSON.stringify({ early, late: census() }));
    `,
      ['--expose-gc'],
    );
    // A thousand blocks and policies alone would be over 60 MB.
    expect(late.rss - early.rss).toBeLessThan(25e6);
    expect(late.threads).toBeLessThanOrEqual(early.threads);
    expect(late.descriptors).toBeLessThanOrEqual(early.descriptors);
  }, 60_000);
});
