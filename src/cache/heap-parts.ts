import { HeapCore } from '../native/heap-core.ts';
import { AdmissionOrder, sharesOf } from './admission-order.ts';
import type { CacheSettings } from './cache-options.ts';
import type { Ledger } from './ledger.ts';
import { LruOrder } from './lru-order.ts';
import type { Order, Residence } from './order.ts';
import { ManualClock, NativeClock, type StoreClock } from './store-clock.ts';

/** Below this many entries a sketch has too little to count, and exact order is as cheap. */
const FEWEST_FOR_ADMISSION = 64;

/** @returns the order that the ledger's bounds call for: `current`, where that still fits. */
export type OrderFactory<V> = (
  ledger: Ledger,
  residence: Residence<V>,
  now: number,
  current?: Order<V>,
) => Order<V>;

/** What a heap store is put together from. */
export interface HeapParts<V> {
  readonly clock: StoreClock;
  readonly createOrder: OrderFactory<V>;
  close(): void;
}

/**
 * Chooses clock and order by the settings. Exact LRU on a clock of the user's needs nothing native;
 * everything else has one core for both, so that the keeper serves it as one.
 *
 * @param startMs what the native clock reads at first
 * @throws `ERR_GRANARY_UNSUPPORTED_RUNTIME`
 */
export function createHeapParts<V>(
  settings: Pick<CacheSettings<V>, 'clock' | 'policy' | 'maxEntries' | 'maxBytes'>,
  startMs = 0,
): HeapParts<V> {
  const { clock, policy } = settings;
  const isExact = policy === 'lru';
  if (clock !== undefined && isExact) {
    return { clock: new ManualClock(clock), createOrder: createLruOrder, close: () => {} };
  }
  const core = new HeapCore({
    background: clock === undefined,
    startMs,
    ...(isExact ? {} : { main: sharesOf(settings).core }),
  });
  return {
    clock: clock === undefined ? new NativeClock(core) : new ManualClock(clock),
    createOrder: (ledger, residence, now, current) => {
      if (isExact || ledger.maxEntries < FEWEST_FOR_ADMISSION) {
        return createLruOrder(ledger, residence, now, current);
      }
      if (current instanceof AdmissionOrder) return current as AdmissionOrder<V>;
      const order = new AdmissionOrder<V>(ledger, residence, now, core, clock !== undefined);
      // The core was made for other bounds.
      if (current !== undefined) order.resize();
      return order;
    },
    close: () => core.close(),
  };
}

function createLruOrder<V>(
  ledger: Ledger,
  residence: Residence<V>,
  now: number,
  current?: Order<V>,
): Order<V> {
  return current instanceof LruOrder
    ? (current as LruOrder<V>)
    : new LruOrder<V>(ledger, residence, now);
}
