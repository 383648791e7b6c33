import * as fc from 'fast-check';
import { LRUCache } from 'lru-cache';
import { describe, expect, it } from 'vitest';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ManualClock } from '../support/manual-clock.ts';

interface Bounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly ttlMs: number;
}

type Step =
  | { kind: 'get' | 'peek' | 'invalidate'; key: number }
  | { kind: 'set'; key: number; weightBytes: number; ttlMs?: number }
  | { kind: 'advance'; ms: number }
  | { kind: 'sync' };

/** One side of the comparison: what a step returns, what it evicted, what is held after it. */
interface Side {
  take(step: Step, value: string): unknown;
  /** URI and value of each eviction since the last call, in order. */
  takeEvicted(): readonly string[];
  readonly size: number;
  readonly weightBytes: number;
}

class Granary implements Side {
  readonly #cache: ResourceCache<string>;
  #evicted: string[] = [];

  constructor(bounds: Bounds, clock: ManualClock) {
    this.#cache = new ResourceCache<string>({ ...bounds, policy: 'lru', clock });
    this.#cache.on('evicted', ({ uri, value, metadata }) => {
      if (metadata?.cause === 'size') this.#evicted.push(`${uri} ${value}`);
    });
  }

  get size(): number {
    return this.#cache.size;
  }

  get weightBytes(): number {
    return this.#cache.weightBytes;
  }

  take(step: Step, value: string): unknown {
    if (step.kind === 'advance') return undefined;
    if (step.kind === 'sync') return this.#cache.sync();
    const uri = `mem://${step.key}`;
    if (step.kind === 'set') return this.#cache.set(uri, value, step);
    return this.#cache[step.kind](uri);
  }

  takeEvicted(): readonly string[] {
    return this.#evicted.splice(0);
  }
}

class Rival implements Side {
  readonly #cache: LRUCache<string, string>;
  #evicted: string[] = [];

  constructor({ maxEntries, maxBytes, ttlMs }: Bounds, clock: ManualClock) {
    this.#cache = new LRUCache<string, string>({
      max: maxEntries,
      maxSize: maxBytes,
      ttl: ttlMs,
      ttlResolution: 0,
      perf: clock,
      dispose: (value, uri, reason) => {
        if (reason === 'evict') this.#evicted.push(`${uri} ${value}`);
      },
    });
  }

  get size(): number {
    return this.#cache.size;
  }

  get weightBytes(): number {
    return this.#cache.calculatedSize;
  }

  take(step: Step, value: string): unknown {
    if (step.kind === 'advance') return undefined;
    if (step.kind === 'sync') return void this.#cache.purgeStale();
    const uri = `mem://${step.key}`;
    switch (step.kind) {
      case 'get':
        return this.#cache.get(uri);
      case 'set': {
        const { weightBytes: size, ttlMs } = step;
        this.#cache.set(uri, value, ttlMs === undefined ? { size } : { size, ttl: ttlMs });
        return undefined;
      }
      // It keeps what has expired until a get; we free it whenever we meet it.
      case 'peek': {
        const found = this.#cache.peek(uri);
        if (found === undefined) this.#cache.delete(uri);
        return found;
      }
      case 'invalidate': {
        const lived = this.#cache.has(uri);
        this.#cache.delete(uri);
        return lived;
      }
    }
  }

  takeEvicted(): readonly string[] {
    return this.#evicted.splice(0);
  }
}

function steps(keys: number, heaviest: number, length: number): fc.Arbitrary<Step[]> {
  const key = fc.nat(keys - 1);
  const pick = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
  const set = fc.record(
    {
      kind: fc.constant('set' as const),
      key,
      weightBytes: fc.integer({ min: 1, max: heaviest }),
      ttlMs: fc.constantFrom(0, 3, 30, 3_000_000_000),
    },
    { requiredKeys: ['kind', 'key', 'weightBytes'] },
  );
  const step = fc.oneof(
    pick(10, set),
    pick(10, fc.record({ kind: fc.constant('get' as const), key })),
    pick(2, fc.record({ kind: fc.constantFrom('peek', 'invalidate'), key })),
    pick(3, fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 2, 31) })),
    pick(1, fc.record({ kind: fc.constant('sync' as const) })),
  );
  return fc.array(step, { minLength: length / 4, maxLength: length, size: 'max' });
}

/** Pushes everything out, one entry at a time, so that the whole order shows. */
function drain({ maxEntries }: Bounds): Step[] {
  return Array.from({ length: maxEntries }, (_, at) => ({
    kind: 'set' as const,
    key: 1_000_000 + at,
    weightBytes: 1,
    ttlMs: 0,
  }));
}

interface Scale {
  readonly title: string;
  readonly entries: { min: number; max: number };
  readonly bytes: { min: number; max: number };
  readonly steps: fc.Arbitrary<Step[]>;
  readonly runs: number;
}

const scales: readonly Scale[] = [
  {
    title: 'up to 8 entries',
    entries: { min: 1, max: 8 },
    bytes: { min: 1, max: 100 },
    steps: steps(14, 40, 120),
    runs: 400,
  },
  {
    title: 'up to 300 entries',
    entries: { min: 64, max: 300 },
    bytes: { min: 2_000, max: 8_000 },
    steps: steps(600, 60, 2_000),
    runs: 25,
  },
];

describe('policy lru against lru-cache', () => {
  it.each(scales)(
    '$title: same results, sizes, weights and victims at every step [POLICY-LRU, CACHE-LRU, HAZARD-13, CACHE-EVICT-ENTRIES, CACHE-EVICT-BYTES]',
    ({ entries, bytes, steps, runs }) => {
      let evictions = 0;
      const bounds = fc.record({
        maxEntries: fc.integer(entries),
        maxBytes: fc.integer(bytes),
        ttlMs: fc.constantFrom(0, 10, 900_000),
      });
      fc.assert(
        fc.property(bounds, steps, (bounds, sequence) => {
          const clock = new ManualClock(1_700_000_000_000);
          const sides: readonly Side[] = [new Granary(bounds, clock), new Rival(bounds, clock)];
          for (const [at, step] of [...sequence, ...drain(bounds)].entries()) {
            if (step.kind === 'advance') clock.advance(step.ms);
            const [ours, theirs] = sides.map((side) => ({
              result: side.take(step, `value ${at}`),
              evicted: side.takeEvicted(),
              size: side.size,
              weightBytes: side.weightBytes,
            }));
            expect(ours).toEqual(theirs);
            evictions += ours!.evicted.length;
          }
        }),
        { numRuns: runs },
      );
      expect(evictions).toBeGreaterThan(1_000);
    },
  );

  it('a, b, a within one tick leaves b as the victim [HAZARD-13, CACHE-LRU]', () => {
    const clock = new ManualClock();
    for (const policy of ['lru', 'tinylfu', 'adaptive'] as const) {
      const cache = new ResourceCache<number>({ policy, maxEntries: 2, clock });
      cache.set('mem://a', 1);
      cache.set('mem://b', 2);
      for (const name of ['a', 'b', 'a']) cache.get(`mem://${name}`);
      cache.set('mem://c', 3);
      expect([policy, ...cache.keys()]).toEqual([policy, 'mem://a', 'mem://c']);
      cache.close();
    }
  });
});
