import { HeapClock } from '../native/heap-clock.ts';
import { AdmissionOrder } from './admission-order.ts';
import type { CacheSettings } from './cache-options.ts';
import type { EntryTable } from './entry-table.ts';
import type { Ledger } from './ledger.ts';
import { LruOrder } from './lru-order.ts';
import type { Order, Residence } from './order.ts';
import { ManualClock, NativeClock, type StoreClock } from './store-clock.ts';

/**
 * Below this many entries a sketch has too little to count, shares of the bounds are too coarse, and
 * exact order is as cheap: every store begins with it and changes when it has this many.
 */
const FEWEST_FOR_ADMISSION = 64;

/** The share of `maxBytes` that one entry may have where admission is, or may come to be, in force. */
const ENTRY_SHARE = 1 / 2;

/** @returns the order that the ledger's bounds call for: `current`, where that still fits. */
export type OrderFactory = (
  ledger: Ledger,
  table: EntryTable<unknown>,
  residence: Residence,
  current?: Order,
) => Order;

/** What a heap store is put together from. */
export interface HeapParts {
  readonly clock: StoreClock;
  readonly createOrder: OrderFactory;
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
export function createHeapParts(
  settings: Pick<CacheSettings<unknown>, 'clock' | 'policy'>,
  startMs = 0,
): HeapParts {
  const { policy } = settings;
  const order = {
    createOrder: policy === 'lru' ? keepLruOrder : orderFactory(policy === 'adaptive'),
    reviewAt: policy === 'lru' ? Infinity : FEWEST_FOR_ADMISSION,
  };
  if (settings.clock !== undefined) {
    return { ...order, clock: new ManualClock(settings.clock), close: () => {} };
  }
  const native = new HeapClock(startMs);
  return { ...order, clock: new NativeClock(native), close: () => native.close() };
}

function orderFactory(adaptive: boolean): OrderFactory {
  return (ledger, table, residence, current) => {
    if (ledger.maxEntries < FEWEST_FOR_ADMISSION) {
      return keepLruOrder(ledger, table, residence, current);
    }
    if (current instanceof AdmissionOrder) return current;
    if (ledger.size < FEWEST_FOR_ADMISSION) {
      return keepLruOrder(ledger, table, residence, current, ENTRY_SHARE);
    }
    return new AdmissionOrder(ledger, table, residence, adaptive);
  };
}

function keepLruOrder(
  ledger: Ledger,
  table: EntryTable<unknown>,
  residence: Residence,
  current?: Order,
  entryShare = 1,
): Order {
  if (!(current instanceof LruOrder)) return new LruOrder(ledger, table, residence, entryShare);
  current.entryShare = entryShare;
  return current;
}
