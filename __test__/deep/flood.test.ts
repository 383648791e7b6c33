import { beforeAll, describe, expect, it } from 'vitest';

import { PACKAGE_URL, runModule } from '../support/child-module.ts';

const SETS = 10_000_000;
const ROUNDS = 3;
const CPU_LIMIT = 2.5;
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
  /** User and system time of all threads, s. */
  readonly cpu: number;
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
    const start = process.cpuUsage();
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
    const { user, system } = process.cpuUsage(start);
    console.log(JSON.stringify({ cpu: (user + system) / 1e6, rss, passed, observations, size: size() }));
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

function lruCache(bound: keyof typeof BOUNDS) {
  const { maxEntries, maxBytes } = BOUNDS[bound];
  const options =
    bound === 'maxEntries'
      ? `{ max: ${maxEntries}, ttl: 900_000 }`
      : `{ maxSize: ${maxBytes}, sizeCalculation: (value) => value.length, ttl: 900_000 }`;
  return `
    import { LRUCache } from 'lru-cache';
    const cache = new LRUCache(${options});
    const set = (uri, value) => cache.set(uri, value);
    const isWithinBounds = () => cache.size <= ${maxEntries} && cache.calculatedSize <= ${maxBytes};
    const end = () => {};
    const size = () => cache.size;
  `;
}

function medianCpu(floods: readonly Flood[]): number {
  return floods.map(({ cpu }) => cpu).toSorted((a, b) => a - b)[floods.length >> 1] ?? Number.NaN;
}

describe.each(['maxEntries', 'maxBytes'] as const)(
  '10 million new keys at full speed against %s',
  (bound) => {
    const own: Flood[] = [];
    const other: Flood[] = [];

    beforeAll(async () => {
      for (let round = 0; round < ROUNDS; round++) {
        own.push(await flood(granary(BOUNDS[bound])));
        other.push(await flood(lruCache(bound)));
      }
    });

    it('pass no bound at any observation [FLOOD-BOUNDS]', () => {
      expect(own.map(({ passed, observations }) => ({ passed, observations }))).toEqual(
        Array.from({ length: ROUNDS }, () => ({ passed: 0, observations: SETS })),
      );
      // It keeps what it may: a store that drops everything holds its bounds too.
      for (const { size } of own) expect(size).toBeGreaterThan(MAX_ENTRIES / 2);
    });

    it('leave memory flat after the first million [FLOOD-RSS]', () => {
      for (const { rss } of own) {
        const [first = Number.NaN, ...later] = rss;
        expect(Math.max(...later) - first, JSON.stringify(rss)).toBeLessThan(RSS_SLACK);
      }
    });

    it('take at most 2.5 times the CPU that lru-cache takes, of all threads [FLOOD-CPU]', () => {
      const [cpu, lruCpu] = [medianCpu(own), medianCpu(other)];
      const figures = `granary ${cpu.toFixed(2)} s, lru-cache ${lruCpu.toFixed(2)} s of CPU: ${(cpu / lruCpu).toFixed(2)} times`;
      console.log(`flood against ${bound}: ${figures}`);
      expect(cpu / lruCpu, figures).toBeLessThanOrEqual(CPU_LIMIT);
    });
  },
);
