import { LRUCache } from 'lru-cache';
import { ResourceCache } from 'mcp-granary';

/** A store with room for all that a workload sets. */
export interface RoomyStore {
  set(uri: string, value: object | string): void;
  get(uri: string): unknown;
  clear(): void;
}

const MAX_BYTES = 2 ** 31;

function granary(storage: 'heap' | 'native', maxEntries: number): RoomyStore {
  return new ResourceCache<object | string>({ storage, maxEntries, maxBytes: MAX_BYTES });
}

function lruCache(max: number): RoomyStore {
  const cache = new LRUCache<string, object>({ max });
  return {
    // Its type asks for objects; it takes any value but undefined.
    set: (uri, value) => cache.set(uri, value as object),
    get: (uri) => cache.get(uri),
    clear: () => cache.clear(),
  };
}

/** By name. */
export const CONTENDERS: ReadonlyMap<string, (maxEntries: number) => RoomyStore> = new Map<
  string,
  (maxEntries: number) => RoomyStore
>([
  // The floor: no bounds, no TTL.
  ['map', () => new Map<string, object | string>()],
  ['lru-cache', lruCache],
  ['granary', (maxEntries) => granary('heap', maxEntries)],
  ['granary-native', (maxEntries) => granary('native', maxEntries)],
]);
