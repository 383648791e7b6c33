import type { EventHub } from '../events/event-hub.ts';
import type { CacheSettings } from './cache-options.ts';
import { HeapStore } from './heap-store.ts';
import { LruOrder } from './lru-order.ts';
import { ManualClock } from './store-clock.ts';

export function createHeapStore<V>(settings: CacheSettings<V>, hub: EventHub<V>): HeapStore<V> {
  return new HeapStore<V>(
    settings,
    new ManualClock(settings.clock ?? { now: () => Date.now() }),
    hub,
    (ledger, residence, now, current) => current ?? new LruOrder<V>(ledger, residence, now),
  );
}
