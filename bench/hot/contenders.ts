import type { AsyncCache, SyncCache } from './operations.ts';

/** What a workload asks of the caches. */
export interface Demand {
  /** How many entries a cache may hold. */
  readonly capacity: number;
  /**
   * How many decoded values storage `native` keeps at hand, where a workload is about hits: its near
   * map is what near hits come from. Left out: granary's default.
   */
  readonly nearEntries?: number;
  /** Where what the workload keeps does not fit granary's default. */
  readonly maxBytes?: number;
  /** Whether lru-cache weighs values too, as granary always does. */
  readonly isWeighed?: boolean;
}

interface Contestant {
  /** What `get` gives where there is nothing. */
  readonly miss: undefined | null;
  /** The most entries that it may hold by its own documentation. */
  readonly mostEntries: number;
  /** How many it holds, where it can tell. */
  size?(): number;
  /** Does what it has put off. */
  settle?(): void;
}

export interface SyncContestant extends Contestant {
  readonly isAsync: false;
  readonly cache: SyncCache;
}

export interface AsyncContestant extends Contestant {
  readonly isAsync: true;
  readonly cache: AsyncCache;
}

/** One cache of a contender. */
export type AnyContestant = SyncContestant | AsyncContestant;

/** One of the caches that are compared. */
export interface Contender {
  /** Whether an access takes a microsecond or more: then its batches of hits are one pass each. */
  readonly isSlow?: boolean;
  /** Loads the package too: no contender's process holds another one's code. */
  make(demand: Demand): Promise<AnyContestant>;
}

/** granary's default, given to whoever can have one. */
const TTL_MS = 900_000;

/** granary's default. */
const MAX_BYTES = 104_857_600;

function sync(
  cache: SyncCache & { readonly size: number },
  mostEntries: number,
  more: Partial<Contestant> = {},
): SyncContestant {
  return { isAsync: false, cache, miss: undefined, mostEntries, size: () => cache.size, ...more };
}

async function granary(
  storage: 'heap' | 'native',
  { capacity, nearEntries, maxBytes }: Demand,
): Promise<SyncContestant> {
  const { ResourceCache } = await import('mcp-granary');
  const cache = new ResourceCache<unknown>({
    maxEntries: capacity,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(storage === 'native' ? { storage, nearEntries } : {}),
  });
  return sync(cache, capacity, { settle: () => cache.sync() });
}

async function lruCache(
  ttl: number | undefined,
  { capacity, isWeighed = false }: Demand,
): Promise<SyncContestant> {
  const { LRUCache } = await import('lru-cache');
  // Its type asks for objects; it takes any value but undefined.
  const cache = new LRUCache<string, object>({
    max: capacity,
    ...(ttl === undefined ? {} : { ttl }),
    ...(isWeighed
      ? { maxSize: MAX_BYTES, sizeCalculation: (value) => JSON.stringify(value).length }
      : {}),
  });
  return sync(cache, capacity);
}

/** By name. */
export const CONTENDERS: ReadonlyMap<string, Contender> = new Map<string, Contender>([
  [
    'map',
    {
      // The floor: no bound, no TTL.
      make: () => Promise.resolve(sync(new Map<string, unknown>(), Number.POSITIVE_INFINITY)),
    },
  ],
  ['lru-cache', { make: (demand) => lruCache(undefined, demand) }],
  ['lru-cache-ttl', { make: (demand) => lruCache(TTL_MS, demand) }],
  [
    'quick-lru',
    {
      // In its plain, fastest form, without maxAge. It holds up to twice its maxSize, as it says,
      // which its hit ratios profit from.
      async make({ capacity }) {
        const { default: QuickLRU } = await import('quick-lru');
        return sync(new QuickLRU<string, unknown>({ maxSize: capacity }), 2 * capacity);
      },
    },
  ],
  [
    'tiny-lru',
    {
      async make({ capacity }) {
        const { lru } = await import('tiny-lru');
        return sync(lru<unknown>(capacity, TTL_MS), capacity);
      },
    },
  ],
  [
    'transitory',
    {
      isSlow: true,
      // In its plain, fastest form, without expireAfterWrite. It evicts late, when it is 1 % (at
      // least 5 entries) above its bound.
      async make({ capacity }) {
        const { newCache } = await import('transitory');
        const cache = Object.assign(newCache<string, unknown>().maxSize(capacity).build(), {
          get(this: { getIfPresent(key: string): unknown }, key: string) {
            return this.getIfPresent(key);
          },
        });
        const late = Math.max(Math.floor(capacity / 100), 5);
        return sync(cache, capacity + late, { miss: null });
      },
    },
  ],
  [
    'cacheable-memory',
    {
      isSlow: true,
      async make({ capacity }) {
        const { CacheableMemory } = await import('@cacheable/memory');
        return sync(new CacheableMemory({ lruSize: capacity, ttl: TTL_MS }), capacity);
      },
    },
  ],
  [
    'cache-manager',
    {
      isSlow: true,
      // Its own default is an unbounded Map; the bounded store is the one that its documentation
      // names, of the same authors.
      async make({ capacity }) {
        const { createCache } = await import('cache-manager');
        const { createKeyv } = await import('@cacheable/memory');
        const stores = [createKeyv({ lruSize: capacity, ttl: TTL_MS })];
        return {
          isAsync: true,
          cache: createCache({ stores, ttl: TTL_MS }),
          miss: undefined,
          mostEntries: capacity,
        };
      },
    },
  ],
  ['granary', { make: (demand) => granary('heap', demand) }],
  ['granary-native', { make: (demand) => granary('native', demand) }],
]);
