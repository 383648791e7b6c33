import { describe, expect, it } from 'vitest';

import { inFreshProcess } from '../support/memory-growth.ts';

/** What an entry takes besides key and value; stated in ARCHITECTURE.md and README.md. */
const OVERHEAD_BYTES = 580;

/** Of what filling has added to the RSS. */
const MOST_KEPT = 0.1;

interface Fill {
  readonly size: number;
  readonly weightBytes: number;
  readonly before: number;
  readonly full: number;
  readonly after: number;
}

const FILLS: Readonly<Record<string, string>> = {
  '300,000 of 10 B': `for (let i = 0; i < 300_000; i++) cache.set('res://' + i, text(10, i));`,
  '300,000 of 200 B': `for (let i = 0; i < 300_000; i++) cache.set('res://' + i, text(200, i));`,
  '10,000 of 10 kB': `for (let i = 0; i < 10_000; i++) cache.set('res://' + i, text(10_000, i));`,
  '100 of 1 MB': `for (let i = 0; i < 100; i++) cache.set('res://' + i, text(1e6, i));`,
  // Newcomers, evictions and invalidations in turns, so that what is free lies between what is not.
  'mixed sizes with churn': `
    cache.resize({ maxBytes: 100e6 });
    const sizes = [40, 200, 1_500, 10_000, 100_000];
    for (let i = 0; i < 300_000; i++) {
      cache.set('res://' + i, text(sizes[Math.floor(random() ** 3 * 5)], i));
      if (i % 3 === 0) cache.invalidate('res://' + Math.floor(random() * i));
    }`,
};

/** Fills a store, then has it give all back. */
function fillAndEmpty(fill: string, empty: string, options = ''): Promise<Fill> {
  return inFreshProcess<Fill>(`
    const cache = open({ ${options} });
    const before = await rss();
    ${fill}
    const { size, weightBytes } = cache;
    const full = await rss();
    ${empty}
    report({ size, weightBytes, before, full, after: await rss() });
  `);
}

function keptShare({ before, full, after }: Fill): number {
  return (after - before) / (full - before);
}

describe('memory of storage native', { timeout: 180_000 }, () => {
  describe.each(Object.entries(FILLS))('filled with %s', (_, fill) => {
    it('goes back to the system with clear() and sync() [NATIVE-RSS-CLEAR]', async () => {
      const filled = await fillAndEmpty(fill, 'cache.clear(); cache.sync();');
      expect(filled.full - filled.before).toBeGreaterThan(0.9 * filled.weightBytes);
      expect(keptShare(filled)).toBeLessThan(MOST_KEPT);
    });

    it('goes back to the system with close() [NATIVE-RSS-CLEAR]', async () => {
      const filled = await fillAndEmpty(fill, 'cache.close();');
      expect(keptShare(filled)).toBeLessThan(MOST_KEPT);
    });

    it('goes back to the system when all has expired, with sync() [NATIVE-RSS-CLEAR]', async () => {
      const clock = 'ttlMs: 1_000, clock: { now: () => globalThis.nowMs ?? 0 }';
      const filled = await fillAndEmpty(fill, 'globalThis.nowMs = 2_000; cache.sync();', clock);
      expect(filled.size).toBeGreaterThan(0);
      expect(keptShare(filled)).toBeLessThan(MOST_KEPT);
    });
  });

  it('goes back while nobody calls, when it has expired or was cleared [NATIVE-RSS-IDLE]', async () => {
    const fill = FILLS['300,000 of 200 B']!;
    // The keeper's time is real.
    const wait = `
      for (const end = Date.now() + 20_000; Date.now() < end; await pause(50)) {
        if (process.memoryUsage.rss() - before < ${MOST_KEPT} * (full - before)) break;
      }`;
    const [expired, cleared] = [
      await fillAndEmpty(fill, wait, 'ttlMs: 3_000'),
      await fillAndEmpty(fill, `cache.clear(); ${wait}`),
    ];
    expect(keptShare(expired)).toBeLessThan(MOST_KEPT);
    expect(keptShare(cleared)).toBeLessThan(MOST_KEPT);
  });

  it.each([
    ['200 B', 300_000],
    ['1,000 B', 100_000],
  ])(
    'is weight, keys and the stated overhead, within 15 %: %s [NATIVE-OVERHEAD]',
    async (name, entries) => {
      const length = Number.parseInt(name.replace(',', ''), 10);
      const { before, full, size, weightBytes } = await fillAndEmpty(
        `for (let i = 0; i < ${entries}; i++) {
          cache.set('res://' + String(i).padStart(10, '0'), text(${length}, i));
        }`,
        '',
      );
      expect([size, weightBytes]).toEqual([entries, entries * length]);
      const stated = weightBytes + entries * ('res://'.length + 10 + OVERHEAD_BYTES);
      expect((full - before) / stated).toBeGreaterThan(0.85);
      expect((full - before) / stated).toBeLessThan(1.15);
    },
  );

  it.each([
    ['200', 1.35],
    ['1_000', 1.35],
    // Holes between what stays, where sizes are far apart.
    ['[40, 200, 1_500, 10_000, 100_000][Math.floor(random() ** 6 * 5)]', 1.75],
  ])(
    'stays within the bounds while a million keys come and go: %s B [NATIVE-RSS-BOUND]',
    async (length, most) => {
      const { over } = await inFreshProcess<{ over: number[] }>(`
        const cache = open({ maxBytes: 50e6 });
        const before = await rss();
        const over = [];
        for (let i = 1; i <= 1_000_000; i++) {
          cache.set('res://' + i, text(${length}, i));
          if (i % 100_000 === 0) {
            const stated = 50e6 + cache.size * (14 + ${OVERHEAD_BYTES});
            over.push(((await rss()) - before) / stated);
          }
        }
        report({ over });
      `);
      expect(over).toHaveLength(10);
      expect(Math.max(...over)).toBeLessThan(most);
      expect(over.at(-1)! / over[4]!).toBeLessThan(1.1);
    },
  );
});
