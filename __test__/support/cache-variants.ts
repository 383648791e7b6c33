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
  readonly storage: 'heap' | 'native';
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

function variantOf(storage: 'heap' | 'native', policy: Policy, maxEntries: number): CacheVariant {
  return {
    title: `${storage}, ${policy}, ${maxEntries} entries`,
    storage,
    policy,
    maxEntries,
    exactOrder: policy === 'lru' || maxEntries < EXACT_BELOW,
    open: <V>({ clock = new ManualClock(), ...options }: ContractOptions<V> = {}) => {
      const cache = new ResourceCache<V>({ maxEntries, ...options, policy, storage, clock });
      opened.push(cache);
      return { cache, clock };
    },
  };
}

const opened: Disposable[] = [];

/** Every variant that there is. */
export const cacheVariants: readonly CacheVariant[] = [
  variantOf('heap', 'lru', 32),
  variantOf('heap', 'lru', 200),
  variantOf('heap', 'tinylfu', 32),
  variantOf('heap', 'tinylfu', 200),
  variantOf('heap', 'adaptive', 32),
  variantOf('heap', 'adaptive', 200),
  variantOf('native', 'lru', 32),
  variantOf('native', 'lru', 200),
  variantOf('native', 'tinylfu', 32),
  variantOf('native', 'tinylfu', 200),
  variantOf('native', 'adaptive', 32),
  variantOf('native', 'adaptive', 200),
];

/** Runs a contract over every variant, or over some. */
export function describeEachVariant(
  contract: string,
  tests: (variant: CacheVariant) => void,
  variants = cacheVariants,
): void {
  describe.each(variants)(`${contract} ($title)`, (variant) => {
    afterEach(() => {
      for (const cache of opened.splice(0)) cache[Symbol.dispose]();
    });
    tests(variant);
  });
}
