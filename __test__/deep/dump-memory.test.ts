import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';

import { PACKAGE_URL, runModule } from '../support/child-module.ts';

const MB = 1024 * 1024;
const ENTRIES = 16_500;

const folder = mkdtempSync(path.join(tmpdir(), 'granary-dump-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What both processes begin with. */
const preambleOf = (storage: string): string => `
  import { createHash, randomBytes } from 'node:crypto';
  import { createReadStream } from 'node:fs';
  import { open, stat } from 'node:fs/promises';
  import { ResourceCache } from '${PACKAGE_URL}';

  const file = ${JSON.stringify(path.join(folder, 'dump'))};
  const cache = new ResourceCache({ maxEntries: 20_000, maxBytes: 2 ** 31, ttlMs: 0, storage: '${storage}' });
  const digest = () => {
    const hash = createHash('sha256');
    for (const uri of [0, 777, ${ENTRIES} - 1].map((n) => 'mem://' + n)) hash.update(cache.get(uri));
    return hash.digest('hex');
  };
  /** How far the memory of the process grew at most while work went on. */
  async function growthDuring(work) {
    globalThis.gc();
    const before = process.memoryUsage.rss();
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 5);
    await work();
    clearInterval(timer);
    return Math.max(peak, process.memoryUsage.rss()) - before;
  }
`;

interface Figures {
  readonly heldBytes: number;
  readonly growth: number;
  readonly digest: string;
}

function run<T>(storage: string, source: string): Promise<T & Figures> {
  const report = 'heldBytes: cache.weightBytes, digest: digest(), ...figures';
  return runModule(`${preambleOf(storage)}${source}\nconsole.log(JSON.stringify({ ${report} }));`, [
    '--expose-gc',
  ]);
}

it.each(['heap', 'native'])(
  'dumps and restores 1 GB with little memory beside what the cache holds (%s) [DUMP-BOUNDED]',
  async (storage) => {
    const dumped = await run<{ dumpBytes: number }>(
      storage,
      `
    for (let n = 0; n < ${ENTRIES}; n++) {
      // Memory of its own, which does not compress.
      cache.set('mem://' + n, new Uint8Array(randomBytes(64 * 1024)));
    }
    const growth = await growthDuring(async () => {
      const handle = await open(file, 'w');
      for await (const piece of cache.dump()) await handle.writeFile(piece);
      await handle.close();
    });
    const figures = { growth, dumpBytes: (await stat(file)).size };
  `,
    );
    // In a process of its own: what another cache has freed would be used again.
    const restored = await run<{ restored: number }>(
      storage,
      `
    let summary;
    const growth = await growthDuring(async () => {
      summary = await cache.restore(createReadStream(file));
    });
    const figures = { growth, ...summary };
  `,
    );
    expect(dumped.heldBytes).toBeGreaterThan(1_000 * MB);
    expect(dumped.dumpBytes).toBeLessThan(dumped.heldBytes * 1.01);
    expect(restored).toMatchObject({
      restored: ENTRIES,
      heldBytes: dumped.heldBytes,
      digest: dumped.digest,
    });
    expect(dumped.growth).toBeLessThan(150 * MB);
    expect(restored.growth - restored.heldBytes).toBeLessThan(150 * MB);
  },
);
