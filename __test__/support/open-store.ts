import { readCacheOptions } from '../../src/cache/cache-options.ts';
import { createHeapParts, type HeapParts } from '../../src/cache/heap-parts.ts';
import { HeapStore } from '../../src/cache/heap-store.ts';
import type { Lifetime } from '../../src/cache/store.ts';
import { EventHub } from '../../src/events/event-hub.ts';

/** A heap store on the native clock, with its parts in reach. */
export interface OpenStore {
  readonly store: HeapStore<string>;
  readonly parts: HeapParts;
  readonly hub: EventHub<string>;
  /** Sets `uri` with a weight of 1 byte. */
  set(uri: string, lifetime?: Partial<Lifetime>): void;
}

/** @param startMs what its clock reads at first */
export function openStore(
  options: { policy: 'lru' | 'tinylfu'; maxEntries?: number },
  startMs = 0,
): OpenStore {
  const settings = readCacheOptions<string>({ maxEntries: 200, ...options });
  const parts = createHeapParts(settings, startMs);
  const hub = new EventHub<string>();
  const store = new HeapStore<string>(settings, parts, hub);
  const forever: Lifetime = { ttlMs: 0, idleTtlMs: 0, tags: [] };
  return {
    store,
    parts,
    hub,
    set: (uri, lifetime) => store.set(uri, uri, 1, { ...forever, ...lifetime }, false),
  };
}
