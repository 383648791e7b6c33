import { Keyv } from 'keyv';
import { afterEach, describe } from 'vitest';

import { OwnTier } from '../../examples/parts/own-tier.ts';
import { KeyvTier } from '../../src/keyv/keyv-tier.ts';
import { RedisTier } from '../../src/redis/redis-tier.ts';
import type { Tier } from '../../src/tiers/tier.ts';
import { useRedis } from './redis-server.ts';

/** A level that is open, and another view of the same: what another process would have. */
export interface OpenTier {
  readonly tier: Tier;
  readonly sibling: Tier;
}

/** One kind of second level that has to keep the whole contract. */
export interface TierVariant {
  readonly title: string;
  /** Whether an invalidation by pattern drops no more than what matches. */
  readonly hasPatterns: boolean;
  /** Whether values are held as bytes, so that not every kind of value comes back. */
  readonly hasBytes: boolean;
  /** Whether one process at a time may load what the level lacks. */
  readonly hasLocks: boolean;
  /** Closed when the test ends. */
  open(options?: { trusted?: boolean; compressAboveBytes?: number }): OpenTier;
}

const opened: Tier[] = [];
let prefixes = 0;

function keep(tier: Tier, sibling: Tier): OpenTier {
  opened.push(tier, sibling);
  return { tier, sibling };
}

/** Runs a contract over every kind of second level. */
export function describeEachTier(contract: string, tests: (variant: TierVariant) => void): void {
  const redis = useRedis();
  const variants: readonly TierVariant[] = [
    {
      title: 'one of your own',
      hasPatterns: true,
      hasBytes: false,
      hasLocks: true,
      open: () => {
        const tier = new OwnTier();
        return keep(tier, tier);
      },
    },
    {
      title: 'RedisTier',
      hasPatterns: true,
      hasBytes: true,
      hasLocks: true,
      open: (options) => {
        const given = { ...options, url: redis.url, prefix: `test-${++prefixes}:` };
        return keep(new RedisTier(given), new RedisTier(given));
      },
    },
    ...[new Map<string, string>(), undefined].map((map): TierVariant => ({
      title: map === undefined ? 'KeyvTier over a Keyv' : 'KeyvTier over a Map',
      hasPatterns: false,
      hasBytes: true,
      hasLocks: false,
      open: (options) => {
        const store = map === undefined ? new Keyv() : new Map<string, string>();
        const tier = new KeyvTier(store, options);
        return keep(tier, tier);
      },
    })),
  ];
  describe.each(variants)(`${contract} ($title)`, (variant) => {
    afterEach(async () => {
      for (const tier of opened.splice(0)) await tier.close();
    });
    tests(variant);
  });
}
