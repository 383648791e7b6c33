import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { CacheOptions } from '../../src/cache/cache-options.ts';
import { ManualClock } from '../support/manual-clock.ts';

const opened: ResourceCache<number>[] = [];

function open(options: CacheOptions<number>): ResourceCache<number> {
  const cache = new ResourceCache<number>({ policy: 'tinylfu', ttlMs: 0, ...options });
  opened.push(cache);
  return cache;
}

afterEach(() => {
  for (const cache of opened.splice(0)) cache.close();
});

function expectWithin(cache: ResourceCache<number>): void {
  const { size, maxSize, memoryBytes, maxMemoryBytes } = cache.stats();
  if (size > maxSize || memoryBytes > maxMemoryBytes) {
    expect.fail(`${size} of ${maxSize} entries, ${memoryBytes} of ${maxMemoryBytes} bytes`);
  }
}

/** A working set that nearly fills the cache by whichever bound binds. */
interface Phase {
  readonly keys: number;
  weightBytes(n: number): number;
}

/** Reads of a phase. What was frequent has to fade first, which takes ten for each counter. */
const READS = 40_000;
/** A large entry has to outdo all the small ones in its place together, until they have faded. */
const MANY_READS = 200_000;

const CASES: Record<string, { maxEntries: number; maxBytes: number; phases: Phase[] }> = {
  'entries bind': {
    maxEntries: 300,
    maxBytes: 1e9,
    phases: [1, 2, 3].map(() => ({ keys: 210, weightBytes: () => 100 })),
  },
  'bytes bind': {
    maxEntries: 100_000,
    maxBytes: 300_000,
    phases: [1, 2, 3].map(() => ({ keys: 210, weightBytes: () => 1_000 })),
  },
  'few large entries, then many small ones, then both': {
    maxEntries: 300,
    maxBytes: 300_000,
    phases: [
      { keys: 70, weightBytes: () => 3_000 },
      { keys: 210, weightBytes: () => 100 },
      { keys: 70, weightBytes: () => 3_000 },
      { keys: 100, weightBytes: (n) => (n % 20 === 0 ? 3_000 : 900) },
    ],
  },
};

describe.each(Object.entries(CASES))(
  'a working set that shifts (%s)',
  (_, { phases, ...bounds }) => {
    it('is hit again after each shift, within both bounds [HAZARD-9, BOUND-BOTH]', () => {
      const cache = open({ ...bounds, clock: new ManualClock() });
      let once = 0;
      for (const [phase, { keys, weightBytes }] of phases.entries()) {
        let hits = 0;
        const rounds = Math.ceil(MANY_READS / keys);
        for (let round = 0; round < rounds; round++) {
          // Some traffic besides: counters age by what is not yet at their end.
          for (let n = 0; n < keys / 10; n++)
            cache.set(`once://${once++}`, n, { weightBytes: 100 });
          for (let n = 0; n < keys; n++) {
            const uri = `mem://${phase}/${n}`;
            if (cache.get(uri) === undefined) {
              cache.set(uri, n, { weightBytes: weightBytes(n) });
              expectWithin(cache);
            } else if (round >= rounds / 2) hits++;
          }
        }
        expect(hits / (keys * (rounds / 2)), `phase ${phase}`).toBeGreaterThan(0.9);
      }
    });

    it('is hit again on the native clock too, with moka in the background [HAZARD-9, BOUND-BOTH]', async () => {
      const cache = open(bounds);
      let reads = 0;
      for (const [phase, { keys, weightBytes }] of phases.entries()) {
        let hits = 0;
        const rounds = Math.ceil(READS / keys);
        for (let round = 0; round < rounds; round++) {
          for (let n = 0; n < keys; n++) {
            const uri = `mem://${phase}/${n}`;
            if (cache.get(uri) === undefined) {
              cache.set(uri, n, { weightBytes: weightBytes(n) });
              expectWithin(cache);
            } else if (round >= rounds / 2) hits++;
            // A set may be dropped unseen in a flood; this is none.
            if (++reads % 50 === 0) await delay(1);
          }
        }
        // Without the rule it is 0; the keeper may get little time on a busy machine.
        expect(hits / (keys * (rounds / 2)), `phase ${phase}`).toBeGreaterThan(0.5);
      }
    });
  },
);

describe('weights', () => {
  const bounds = { maxEntries: 1_000, maxBytes: 1_000_000 };

  it('bound the window in bytes: entries of its size leave it one by one [HAZARD-10]', () => {
    const cache = open({ ...bounds, clock: new ManualClock() });
    for (let n = 0; n < 100; n++) {
      cache.set(`mem://${n}`, n, { weightBytes: 90_000 });
      expectWithin(cache);
    }
    cache.sync();
    expect(cache.size).toBeGreaterThanOrEqual(9);
    // As large as may be: larger than the window by far.
    cache.set('mem://large', 1, { weightBytes: cache.maxEntryBytes });
    expectWithin(cache);
    cache.sync();
    expectWithin(cache);
  });

  it.each([true, false])(
    'grow in window and main at full bounds without a stale weight (injected clock: %s) [HAZARD-10-GROWTH, BOUND-BOTH]',
    async (injected) => {
      const cache = open({ ...bounds, ...(injected ? { clock: new ManualClock() } : {}) });
      const weights = new Map<string, number>();
      const set = (uri: string, value: number, weightBytes: number) => {
        cache.set(uri, value, { weightBytes });
        weights.set(uri, weightBytes);
        expectWithin(cache);
      };
      for (let n = 0; n < 1_000; n++) set(`mem://${n}`, n, 1_000);
      cache.sync();
      for (let round = 0; round < 20; round++) {
        for (let n = 0; n < 1_000; n += 7) {
          // Up, down, and up to the most that is kept.
          const weight = [10, 5_000, 150_000, 499_000, 1][(round + n) % 5]!;
          set(`mem://${n}`, round, weight);
          const info = cache.info(`mem://${n}`);
          if (info !== undefined) expect(info.weightBytes).toBe(weight);
        }
        if (!injected) await delay(2);
      }
      cache.sync();
      const held = [...cache.keys()].map((uri) => weights.get(uri)!);
      expect(cache.weightBytes).toBe(held.reduce((sum, weight) => sum + weight, 0));
      // moka's sum is right as well: when they are gone, as much fits as ever did.
      cache.invalidatePattern('mem://*');
      for (let n = 0; n < 5_000; n++) {
        set(`new://${n % 800}`, n, 100);
        if (!injected && n % 500 === 0) await delay(5);
      }
      cache.sync();
      expect(cache.size).toBe(800);
    },
  );

  it('refuse what is too large before anything leaves [HAZARD-11]', () => {
    const cache = open({ ...bounds, clock: new ManualClock() });
    for (let n = 0; n < 900; n++) cache.set(`mem://${n}`, n, { weightBytes: 1_000 });
    cache.sync();
    const before = cache.size;
    cache.set('mem://5', 0, { weightBytes: cache.maxEntryBytes + 1 });
    cache.set('mem://new', 0, { weightBytes: Number.MAX_SAFE_INTEGER });
    cache.sync();
    expect([cache.has('mem://5'), cache.has('mem://new'), cache.size]).toEqual([
      false,
      false,
      before - 1,
    ]);
  });

  it('that shrink let the hits recover: the sketch follows what is held [HAZARD-11-SKETCH]', () => {
    const clock = new ManualClock();
    const cache = open({ maxEntries: 20_000, maxBytes: 1_000_000, clock });
    for (let n = 0; n < 100; n++) cache.set(`large://${n}`, n, { weightBytes: 50_000 });
    let hits = 0;
    let state = 1;
    const reads = 200_000;
    for (let n = 0; n < reads; n++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      const uri = `mem://${Math.floor((state / 0x7fff_ffff) ** 3 * 60_000)}`;
      if (cache.get(uri) === undefined) cache.set(uri, n, { weightBytes: 50 });
      else if (n >= reads / 2) hits++;
    }
    // The 20,000 most frequent of 60,000 keys get 69 % of the reads.
    expect(hits / (reads / 2)).toBeGreaterThan(0.6);
  });
});
