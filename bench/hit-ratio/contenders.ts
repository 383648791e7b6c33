import { LRUCache } from 'lru-cache';
import { ResourceCache } from 'mcp-granary';
import { newCache } from 'transitory';

/** A cache as a trace is replayed on it. */
export interface ReplayedCache {
  get(key: string): number | undefined;
  set(key: string, value: number, bytes: number): void;
  /** Does all work that the cache has put off. */
  settle(): void;
  /** What is in it: entries, or bytes. */
  readonly used: number;
}

/** What a cache must hold. */
export interface Room {
  /** Entries, or bytes where `weighted`. */
  readonly capacity: number;
  readonly weighted: boolean;
  /** Of the whole trace. */
  readonly distinctKeys: number;
}

const MOST_ENTRIES = 16_777_215;
/** A cache of a few entries has an order of its own; this is above that. */
const FEWEST_ENTRIES = 64;

function granary(policy: 'lru' | 'tinylfu' | undefined, room: Room): ReplayedCache {
  const { capacity, weighted, distinctKeys } = room;
  const entries = Math.min(MOST_ENTRIES, Math.max(FEWEST_ENTRIES, distinctKeys + 1));
  const cache = new ResourceCache<number>({
    ...(policy === undefined ? {} : { policy }),
    ...(weighted ? { maxEntries: entries, maxBytes: capacity } : { maxEntries: capacity }),
  });
  return {
    get: (key) => cache.get(key),
    set: weighted
      ? (key, value, weightBytes) => cache.set(key, value, { weightBytes })
      : (key, value) => cache.set(key, value),
    settle: () => cache.sync(),
    get used() {
      return weighted ? cache.weightBytes : cache.size;
    },
  };
}

function lruCache({ capacity, weighted }: Room): ReplayedCache {
  const cache = new LRUCache<string, number>(weighted ? { maxSize: capacity } : { max: capacity });
  return {
    get: (key) => cache.get(key),
    set: weighted
      ? (key, value, size) => cache.set(key, value, { size })
      : (key, value) => cache.set(key, value),
    settle() {},
    get used() {
      return weighted ? cache.calculatedSize : cache.size;
    },
  };
}

function transitory({ capacity, weighted }: Room): ReplayedCache {
  // It asks for the weight of what is being set while it sets it.
  let weight = 1;
  const builder = newCache<string, number>().maxSize(capacity);
  const cache = (weighted ? builder.withWeigher(() => weight) : builder).build();
  return {
    get: (key) => cache.getIfPresent(key) ?? undefined,
    set(key, value, bytes) {
      weight = bytes;
      cache.set(key, value);
    },
    settle: () => cache.cleanUp(),
    get used() {
      return weighted ? cache.weightedSize : cache.size;
    },
  };
}

/** Those that run in this process, by name. */
export const CACHES: ReadonlyMap<string, (room: Room) => ReplayedCache> = new Map([
  ['lru-cache', lruCache],
  ['transitory', transitory],
  ['granary-lru', (room: Room) => granary('lru', room)],
  ['granary-tinylfu', (room: Room) => granary('tinylfu', room)],
  ['granary', (room: Room) => granary(undefined, room)],
]);

export const OPTIMAL = 'optimal';
export const MOKA = 'moka';

/** All of them, in the order of the tables. */
export const CONTENDERS: readonly string[] = [
  ...['lru-cache', 'transitory', MOKA],
  ...['granary-lru', 'granary-tinylfu', 'granary'],
  OPTIMAL,
];

/** They give the same answers in every round. */
export const STEADY: ReadonlySet<string> = new Set(['lru-cache', 'granary-lru', OPTIMAL]);

/**
 * They let go of what is too much only now and then where nobody calls their maintenance, so that
 * live they may hold more than the capacity.
 */
export const LATE: ReadonlySet<string> = new Set(['transitory', MOKA]);
