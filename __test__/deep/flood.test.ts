import { beforeAll, describe, expect, it } from 'vitest';

import { PACKAGE_URL, runModule } from '../support/child-module.ts';

const SETS = 10_000_000;
const MAX_ENTRIES = 10_000;
const VALUE_BYTES = 200;
/** What the young generation and the allocator may come to. */
const RSS_SLACK = 30e6;

/** Which bound the flood runs against: the other one is far away. */
const BOUNDS = {
  maxEntries: { maxEntries: MAX_ENTRIES, maxBytes: 104_857_600 },
  maxBytes: { maxEntries: 16_000_000, maxBytes: MAX_ENTRIES * VALUE_BYTES },
} as const;

interface Flood {
  /** Resident bytes after each million of sets. */
  readonly rss: readonly number[];
  /** Observations at which a bound was passed. */
  readonly passed: number;
  readonly observations: number;
  readonly size: number;
}

/** The same keys and values for all; `store` is the module text that makes `set`, `isWithinBounds`, `end` and `size`. */
function flood(store: string): Promise<Flood> {
  return runModule<Flood>(
    `
    ${store}
    const value = 'v'.repeat(${VALUE_BYTES});
    const rss = [];
    let [passed, observations] = [0, 0];
    for (let n = 0; n < ${SETS}; n++) {
      set('res://flood/documents/of-some-length/' + n, value);
      observations++;
      if (!isWithinBounds()) passed++;
      if ((n + 1) % 1_000_000 === 0) {
        gc();
        rss.push(process.memoryUsage.rss());
      }
    }
    end();
    console.log(JSON.stringify({ rss, passed, observations, size: size() }));
  `,
    ['--expose-gc', '--max-semi-space-size=16'],
  );
}

function granary({ maxEntries, maxBytes }: { maxEntries: number; maxBytes: number }) {
  return `
    import { ResourceCache } from '${PACKAGE_URL}';
    const cache = new ResourceCache({ maxEntries: ${maxEntries}, maxBytes: ${maxBytes} });
    const set = (uri, value) => cache.set(uri, value);
    const isWithinBounds = () => cache.size <= ${maxEntries} && cache.weightBytes <= ${maxBytes};
    const end = () => cache.sync();
    const size = () => cache.size;
  `;
}

describe.each(['maxEntries', 'maxBytes'] as const)(
  '10 million new keys at full speed against %s',
  (bound) => {
    let outcome: Flood;

    beforeAll(async () => {
      outcome = await flood(granary(BOUNDS[bound]));
    });

    it('pass no bound at any observation [FLOOD-BOUNDS]', () => {
      const { passed, observations, size } = outcome;
      expect({ passed, observations }).toEqual({ passed: 0, observations: SETS });
      // It keeps what it may: a store that drops everything holds its bounds too.
      expect(size).toBeGreaterThan(MAX_ENTRIES / 2);
    });

    it('leave memory flat after the first million [FLOOD-RSS]', () => {
      const { rss } = outcome;
      const [first = Number.NaN, ...later] = rss;
      expect(Math.max(...later) - first, JSON.stringify(rss)).toBeLessThan(RSS_SLACK);
    });
  },
);

/** Of the whole process, all its threads together, ms. */
async function floodCpuMs(store: string): Promise<number> {
  const { cpuMs } = await runModule<{ readonly cpuMs: number }>(`
    ${store}
    const value = 'v'.repeat(${VALUE_BYTES});
    const before = process.cpuUsage();
    for (let n = 0; n < ${SETS}; n++) set('res://flood/documents/of-some-length/' + n, value);
    end();
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ cpuMs: (user + system) / 1_000 }));
  `);
  return cpuMs;
}

describe('10 million new keys at full speed', () => {
  it("cost at most 2.5 times lru-cache's processor time [FLOOD-CPU]", async () => {
    const lruCache = `
      import { LRUCache } from 'lru-cache';
      const cache = new LRUCache({ max: ${MAX_ENTRIES} });
      const set = (uri, value) => cache.set(uri, value);
      const end = () => {};
    `;
    const ratios: number[] = [];
    for (let round = 0; round < 3; round++) {
      const theirs = await floodCpuMs(lruCache);
      ratios.push((await floodCpuMs(granary(BOUNDS.maxEntries))) / theirs);
    }
    expect(Math.min(...ratios), ratios.join(', ')).toBeLessThanOrEqual(2.5);
  });
});
