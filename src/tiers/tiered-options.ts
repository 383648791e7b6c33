import { type CacheOptions, DEFAULT_STALE_TTL_MS } from '../cache/cache-options.ts';
import {
  badOption,
  checkDurationMs,
  checkInteger,
  checkOneOf,
  MAX_DURATION_MS,
} from '../options.ts';
import type { GraceOptions } from './grace-options.ts';
import type { Tier } from './tier.ts';

/** How a cache uses a second level; each but `tier` has a default. */
export interface TierOptions {
  /** The second level; whoever opened it closes it. */
  readonly tier: Tier;
  /**
   * ms at most that this process serves its own copy before it asks the second level again; default
   * 60,000 (1 minute); 0 = as long as the entry lives.
   */
  readonly l1TtlMs?: number | undefined;
  /** ms that anybody waits for the second level before going on without; default 1,000. */
  readonly tierTimeoutMs?: number | undefined;
  /** Failures in a row after which the second level is left alone for a while; default 5. */
  readonly breakerFailures?: number | undefined;
  /** ms that it is left alone; default 1,000. */
  readonly breakerMs?: number | undefined;
  /**
   * What becomes of this process's memory when the second level cannot tell any more what others change:
   * `serve`, the default, goes on with what it has, up to `l1TtlMs`; `flush` drops it. Either way it is
   * dropped when the level is back.
   */
  readonly onDisconnect?: 'serve' | 'flush' | undefined;
  /**
   * Writes and invalidations that are kept while the second level cannot take them; default 10,000.
   * Beyond that all of it is invalidated instead, when it is back.
   */
  readonly maxPending?: number | undefined;
  /**
   * ms for which one process has to itself what it loads, and others wait for what it makes of it,
   * where the second level has locks; default 5,000. A load that takes longer, or whose process has
   * died, is begun by another after that. 0 = every process loads what it lacks at once.
   */
  readonly loadLeaseMs?: number | undefined;
}

/**
 * Options of `TieredCache`: those of its first level, and of the second. `ttlMs` is how long an entry
 * lives, 15 minutes by default, `maxEntries` is 1,000 by default.
 */
export interface TieredCacheOptions<V> extends CacheOptions<V>, TierOptions, GraceOptions {}

/** Options after the checks. */
export interface TierSettings {
  readonly tier: Tier;
  readonly l1TtlMs: number;
  /** Of an entry for which none is given. */
  readonly ttlMs: number;
  /** How long what has a validator is kept beyond its time to live. */
  readonly staleTtlMs: number;
  readonly tierTimeoutMs: number;
  readonly breakerFailures: number;
  readonly breakerMs: number;
  readonly onDisconnect: 'serve' | 'flush';
  readonly maxPending: number;
  readonly loadLeaseMs: number;
}

const METHODS = ['getMany', 'setMany', 'invalidate', 'subscribe', 'close'] as const;
const DEFAULT_L1_ENTRIES = 1_000;
/** A timer takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range */
export function readTierOptions<V>(
  given: CacheOptions<V> & Omit<TierOptions, 'tier'> & { readonly tier?: Tier | undefined },
): {
  settings: TierSettings;
  /** Of the first level. */
  cacheOptions: CacheOptions<V>;
} {
  const {
    tier,
    l1TtlMs = 60_000,
    tierTimeoutMs = 1_000,
    breakerFailures = 5,
    breakerMs = 1_000,
    onDisconnect = 'serve',
    maxPending = 10_000,
    loadLeaseMs = 5_000,
    ttlMs = 900_000,
    maxEntries = DEFAULT_L1_ENTRIES,
    ...cacheOptions
  } = given;
  const settings: TierSettings = {
    tier: checkTier(tier),
    l1TtlMs: checkDurationMs('l1TtlMs', l1TtlMs, 'as long as the entry lives'),
    ttlMs: checkDurationMs('ttlMs', ttlMs, 'never expires'),
    staleTtlMs: checkDurationMs('staleTtlMs', given.staleTtlMs ?? DEFAULT_STALE_TTL_MS, 'off'),
    tierTimeoutMs: checkInteger('tierTimeoutMs', tierTimeoutMs, 1, LONGEST_TIMER_MS),
    breakerFailures: checkInteger('breakerFailures', breakerFailures, 1, 1_000_000),
    breakerMs: checkInteger('breakerMs', breakerMs, 1, LONGEST_TIMER_MS),
    onDisconnect: checkOneOf('onDisconnect', onDisconnect, ['serve', 'flush']),
    maxPending: checkInteger('maxPending', maxPending, 1, 1_000_000),
    loadLeaseMs: checkInteger('loadLeaseMs', loadLeaseMs, 0, LONGEST_TIMER_MS),
  };
  const firstTtlMs = shorterTtlMs(settings.l1TtlMs, settings.ttlMs);
  return { settings, cacheOptions: { ...cacheOptions, maxEntries, ttlMs: firstTtlMs } };
}

/** @returns the shorter of two times to live, of which 0 is the longest */
export function shorterTtlMs(a: number, b: number): number {
  const shorter = Math.min(a === 0 ? Infinity : a, b === 0 ? Infinity : b);
  return shorter > MAX_DURATION_MS ? 0 : shorter;
}

function checkTier(tier: Tier | undefined): Tier {
  const isTier =
    typeof tier === 'object' &&
    tier !== null &&
    METHODS.every((method) => typeof tier[method] === 'function');
  if (!isTier) badOption('tier', tier, `an object with ${METHODS.join('(), ')}()`);
  return tier;
}
