import { OwnTier } from '../../examples/parts/own-tier.ts';
import type { LoadContext, Loaded } from '../../src/cache/loader.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import type { GraceOptions } from '../../src/tiers/grace-options.ts';
import type { GraceStats } from '../../src/tiers/grace.ts';
import type { TierEventListener, TierEventName } from '../../src/tiers/tier-journal.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import { ManualClock } from './manual-clock.ts';

/** What an entry lives. */
export const TTL_MS = 1_000;

/** Makes the value of one load. */
export type Origin = (
  context: Omit<LoadContext<unknown>, 'stale'>,
) => Loaded<string> | Promise<Loaded<string>>;

/** Whoever takes options about grace, in one shape: values are strings. */
export interface GraceHost {
  readonly clock: ManualClock;
  load(uri: string, origin: Origin): Promise<string>;
  set?(uri: string, value: string): Promise<void>;
  invalidate(uri: string): Promise<unknown>;
  invalidatePattern(pattern: string | RegExp): Promise<unknown>;
  invalidateTag(tag: string): Promise<unknown>;
  clear(): Promise<unknown>;
  on(event: TierEventName, listener: TierEventListener): void;
  stats(): GraceStats;
  close(): void;
}

function overTier(options: GraceOptions): GraceHost {
  const clock = new ManualClock();
  const cache = new TieredCache<string>({ ...options, tier: new OwnTier(), clock, ttlMs: TTL_MS });
  return {
    clock,
    load: (uri, origin) => cache.load(uri, (_, context) => origin(context)),
    set: (uri, value) => cache.set(uri, value),
    invalidate: (uri) => cache.invalidate(uri),
    invalidatePattern: (pattern) => cache.invalidatePattern(pattern),
    invalidateTag: (tag) => cache.invalidateTag(tag),
    clear: () => cache.clear(),
    on: (event, listener) => void cache.on(event, listener),
    stats: () => cache.stats().grace!,
    close: () => cache.close(),
  };
}

/** @param principal whose partition is read; public where it is left out */
function byManager(options: GraceOptions, hasTier: boolean, principal?: string): GraceHost {
  const clock = new ManualClock();
  const tier = hasTier ? { tier: new OwnTier() } : {};
  const manager = new ResourceManager({ ...options, ...tier, clock, ttlMs: TTL_MS });
  let current: Origin | undefined;
  manager.register('mem://{+path}', (_, __, context) => current!(context), {
    public: principal === undefined,
  });
  return {
    clock,
    async load(uri, origin) {
      current = origin;
      const { contents } = await manager.read(uri, principal === undefined ? {} : { principal });
      return contents[0]!.text as string;
    },
    invalidate: async (uri) => manager.invalidate(uri),
    invalidatePattern: async (pattern) => manager.invalidatePattern(pattern),
    invalidateTag: async (tag) => manager.invalidateTag(tag),
    clear: async () => manager.clear(),
    on: (event, listener) => void manager.on(event, listener),
    stats: () => manager.stats().grace!,
    close: () => manager.close(),
  };
}

export const GRACE_HOSTS = {
  'TieredCache over a tier': overTier,
  'ResourceManager without a tier': (options: GraceOptions) => byManager(options, false),
  'ResourceManager over a tier, of one principal': (options: GraceOptions) =>
    byManager(options, true, 'ada'),
} as const satisfies Record<string, (options: GraceOptions) => GraceHost>;
