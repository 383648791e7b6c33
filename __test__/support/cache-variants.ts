import { afterEach, describe } from 'vitest';
import type { CacheOptions, Policy } from '../../src/cache/cache-options.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ManualClock } from './manual-clock.ts';

/** A cache under test and the clock that moves it. */
export interface OpenCache<V> {
  readonly cache: ResourceCache<V>;
  readonly clock: ManualClock;
}

/** Options that a contract may vary: the variant itself fixes policy, storage and clock. */
export type ContractOptions<V> = Omit<CacheOptions<V>, 'policy' | 'storage' | 'clock'> & {
  readonly clock?: ManualClock;
};

/**
 * One way of building a `ResourceCache` that has to keep the whole contract.
 *
 * A contract compares values by structure, so that a storage which holds bytes can be a row here.
 */
export interface CacheVariant {
  readonly title: string;
  readonly policy: Policy;
  /** Bound of entries where a contract names none; the contracts hold fewer than that. */
  readonly maxEntries: number;
  /** Whether victims are those of exact LRU order. */
  readonly exactOrder: boolean;
  /** Closed when the test ends. */
  open<V = unknown>(options?: ContractOptions<V>): OpenCache<V>;
}

/** From here on, policies other than `lru` are a window in front of TinyLFU. */
const EXACT_BELOW = 64;

function heapVariant(policy: Policy, maxEntries: number): CacheVariant {
  return {
    title: `heap, ${policy}, ${maxEntries} entries`,
    policy,
    maxEntries,
    exactOrder: policy === 'lru' || maxEntries < EXACT_BELOW,
    open: <V>({ clock = new ManualClock(), ...options }: ContractOptions<V> = {}) => {
      const cache = new ResourceCache<V>({ maxEntries, ...options, policy, clock });
      opened.push(cache);
      return { cache, clock };
    },
  };
}

const opened: Disposable[] = [];

/** Every variant that there is. */
export const cacheVariants: readonly CacheVariant[] = [
  heapVariant('lru', 32),
  heapVariant('lru', 200),
  heapVariant('tinylfu', 32),
  heapVariant('tinylfu', 200),
  heapVariant('adaptive', 32),
  heapVariant('adaptive', 200),
];

/** Runs a contract over every variant. */
export function describeEachVariant(
  contract: string,
  tests: (variant: CacheVariant) => void,
): void {
  describe.each(cacheVariants)(`${contract} ($title)`, (variant) => {
    afterEach(() => {
      for (const cache of opened.splice(0)) cache[Symbol.dispose]();
    });
    tests(variant);
  });
}
