import type { GranaryError } from '../errors.ts';
import { HeapCore } from '../native/heap-core.ts';
import { AdmissionOrder, sharesOf } from './admission-order.ts';
import type { CacheSettings } from './cache-options.ts';
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
  /** With this many entries another order may be called for. */
  readonly reviewAt: number;
  /** A fault of the core that nobody has been told of. */
  takeFault(): GranaryError | undefined;
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
    return {
      clock: new ManualClock(clock),
      createOrder: createLruOrder,
      reviewAt: Infinity,
      takeFault: () => undefined,
      close: () => {},
    };
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
      if (ledger.size < FEWEST_FOR_ADMISSION) {
        return createLruOrder(ledger, residence, now, current, ENTRY_SHARE);
      }
      return new AdmissionOrder<V>(ledger, residence, now, core, clock !== undefined);
    },
    reviewAt: isExact ? Infinity : FEWEST_FOR_ADMISSION,
    takeFault: () => core.takeFault(),
    close: () => core.close(),
  };
}

function createLruOrder<V>(
  ledger: Ledger,
  residence: Residence<V>,
  now: number,
  current?: Order<V>,
  entryShare = 1,
): Order<V> {
  if (!(current instanceof LruOrder)) return new LruOrder<V>(ledger, residence, now, entryShare);
  current.entryShare = entryShare;
  return current as LruOrder<V>;
}
