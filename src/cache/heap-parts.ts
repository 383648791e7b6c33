import { HeapClock } from '../native/heap-clock.ts';
import { AdmissionOrder } from './admission-order.ts';
import type { CacheSettings } from './cache-options.ts';
import type { Ledger } from './ledger.ts';
import { LruOrder } from './lru-order.ts';
import type { Order, Residence } from './order.ts';
import type { SlotTable } from './slot-table.ts';
import { ManualClock, NativeClock, type StoreClock } from './store-clock.ts';

/**
 * Below this many entries a sketch has too little to count, shares of the bounds are too coarse, and
 * exact order is as cheap: every store begins with it and changes when it has this many.
 */
const FEWEST_FOR_ADMISSION = 64;

/** The share of `maxBytes` that one entry may have where admission is, or may come to be, in force. */
const ENTRY_SHARE = 1 / 2;

/** @returns the order that the ledger's bounds call for: `current`, where that still fits. */
export type OrderFactory<V> = (
  ledger: Ledger,
  slots: SlotTable<V>,
  residence: Residence<V>,
  current?: Order<V>,
) => Order<V>;

/** What a heap store is put together from. */
export interface HeapParts<V> {
  readonly clock: StoreClock;
  readonly createOrder: OrderFactory<V>;
  /** With this many entries another order may be called for. */
  readonly reviewAt: number;
  close(): void;
}

/**
 * Chooses clock and order by the settings. With a clock of the user's nothing is native.
 *
 * @param startMs what the native clock reads at first
 * @throws `ERR_GRANARY_UNSUPPORTED_RUNTIME`
 */
export function createHeapParts<V>(
  settings: Pick<CacheSettings<V>, 'clock' | 'policy'>,
  startMs = 0,
): HeapParts<V> {
  const { policy } = settings;
  const order = {
    createOrder: policy === 'lru' ? keepLruOrder<V> : orderFactory<V>(policy === 'adaptive'),
    reviewAt: policy === 'lru' ? Infinity : FEWEST_FOR_ADMISSION,
  };
  if (settings.clock !== undefined) {
    return { ...order, clock: new ManualClock(settings.clock), close: () => {} };
  }
  const native = new HeapClock(startMs);
  return { ...order, clock: new NativeClock(native), close: () => native.close() };
}

function orderFactory<V>(adaptive: boolean): OrderFactory<V> {
  return (ledger, slots, residence, current) => {
    if (ledger.maxEntries < FEWEST_FOR_ADMISSION) {
      return keepLruOrder(ledger, slots, residence, current);
    }
    if (current instanceof AdmissionOrder) return current as AdmissionOrder<V>;
    if (ledger.size < FEWEST_FOR_ADMISSION) {
      return keepLruOrder(ledger, slots, residence, current, ENTRY_SHARE);
    }
    return new AdmissionOrder<V>(ledger, slots, residence, adaptive);
  };
}

function keepLruOrder<V>(
  ledger: Ledger,
  slots: SlotTable<V>,
  residence: Residence<V>,
  current?: Order<V>,
  entryShare = 1,
): Order<V> {
  if (!(current instanceof LruOrder)) return new LruOrder<V>(ledger, slots, residence, entryShare);
  current.entryShare = entryShare;
  return current as LruOrder<V>;
}
