import { LRUCache } from 'lru-cache';
import { ResourceCache } from 'mcp-granary';

import type { MemoryWorkload } from './workloads.ts';

/** One way to keep values by key. */
export interface KeyedStore {
  set(uri: string, value: unknown): void;
  get(uri: string): unknown;
  clear(): void;
  /** Bytes of the values, where it holds them outside of the JS heap. */
  readonly nativeBytes: number;
}

const TTL_MS = 900_000;
const MAX_BYTES = 2 ** 30;

function granary(storage: 'heap' | 'native', { entries }: MemoryWorkload): KeyedStore {
  const cache = new ResourceCache<unknown>({
    storage,
    maxEntries: 2 * entries,
    maxBytes: MAX_BYTES,
    ttlMs: TTL_MS,
    // Decoded values that are kept at hand would count twice.
    ...(storage === 'native' ? { nearEntries: 0 } : {}),
  });
  return {
    set: (uri, value) => cache.set(uri, value),
    get: (uri) => cache.get(uri),
    clear() {
      cache.clear();
      cache.sync();
    },
    get nativeBytes() {
      return storage === 'native' ? cache.weightBytes : 0;
    },
  };
}

function lruCache({ valueBytes }: MemoryWorkload): KeyedStore {
  const cache = new LRUCache<string, object>({
    maxSize: MAX_BYTES,
    sizeCalculation: () => valueBytes,
    ttl: TTL_MS,
  });
  return {
    // Its type asks for objects; it takes any value but undefined.
    set: (uri, value) => cache.set(uri, value as object),
    get: (uri) => cache.get(uri),
    clear: () => cache.clear(),
    nativeBytes: 0,
  };
}

/** The floor: no bounds, no TTL. */
function map(): KeyedStore {
  const entries = new Map<string, unknown>();
  return {
    set: (uri, value) => entries.set(uri, value),
    get: (uri) => entries.get(uri),
    clear: () => entries.clear(),
    nativeBytes: 0,
  };
}

/** By name. */
export const CONTENDERS: ReadonlyMap<string, (workload: MemoryWorkload) => KeyedStore> = new Map([
  ['granary', (workload: MemoryWorkload) => granary('heap', workload)],
  ['granary-native', (workload: MemoryWorkload) => granary('native', workload)],
  ['lru-cache', lruCache],
  ['map', map],
]);
