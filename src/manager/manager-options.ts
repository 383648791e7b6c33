import type { CacheOptions } from '../cache/cache-options.ts';
import { ResourceCache } from '../cache/resource-cache.ts';
import { badOption, checkDurationMs, checkFunction, checkOptions } from '../options.ts';
import {
  type GraceOptions,
  type GraceSettings,
  splitGraceOptions,
} from '../tiers/grace-options.ts';
import type { Tier } from '../tiers/tier.ts';
import { readTierOptions, type TierOptions, type TierSettings } from '../tiers/tiered-options.ts';
import { UriRegistry } from '../registry/uri-registry.ts';
import type { ReadResult } from './read-result.ts';
import type { ReadContext } from './read-context.ts';
import { unreferencedTimers, type ReloadSchedule, type Timers } from './resource-watcher.ts';

/**
 * Options of `ResourceManager`: those of its cache, or a cache, how a second level is used, and how watched
 * URIs are reloaded. With a `tier`, `ttlMs` is how long a resource lives there, and `maxEntries` is 1,000
 * by default.
 */
export interface ManagerOptions
  extends CacheOptions<ReadResult>, Omit<TierOptions, 'tier'>, GraceOptions {
  /** A second level that several processes share; whoever opened it closes it. */
  readonly tier?: Tier | undefined;
  /** A cache from outside, in place of options for one; `close` leaves it open. */
  readonly cache?: ResourceCache<ReadResult> | undefined;
  /** A registry from outside. */
  readonly registry?: UriRegistry<ReadContext> | undefined;
  /** What is watched is loaded again at a random time up to this many ms after it expired; default 1,000. */
  readonly reloadJitterMs?: number | undefined;
  /** Where the timers of reloads come from; default: the process, without keeping it alive. */
  readonly timers?: Timers | undefined;
  /** From 0 up to, not including, 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Options after the checks. */
export interface ManagerSettings {
  readonly cache: ResourceCache<ReadResult> | undefined;
  readonly cacheOptions: CacheOptions<ReadResult>;
  readonly tier: TierSettings | undefined;
  readonly grace: GraceSettings | undefined;
  readonly registry: UriRegistry<ReadContext> | undefined;
  readonly schedule: ReloadSchedule;
}

/** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
export function readManagerOptions(options: ManagerOptions | undefined): ManagerSettings {
  const { grace, rest } = splitGraceOptions<ManagerOptions>(checkOptions('options', options));
  const {
    cache,
    registry,
    reloadJitterMs = 1_000,
    timers = unreferencedTimers,
    random = Math.random,
    ...levels
  } = rest;
  if (cache !== undefined) {
    if (!(cache instanceof ResourceCache)) badOption('cache', cache, 'a ResourceCache');
    for (const [option, value] of Object.entries(levels)) {
      if (value !== undefined) badOption(option, value, 'left out where a cache is given');
    }
  }
  if (registry !== undefined && !(registry instanceof UriRegistry)) {
    badOption('registry', registry, 'a UriRegistry');
  }
  if (typeof timers?.setTimeout !== 'function' || typeof timers.clearTimeout !== 'function') {
    badOption('timers', timers, 'an object with setTimeout() and clearTimeout()');
  }
  checkFunction('random', random);
  const jitterMs = checkDurationMs('reloadJitterMs', reloadJitterMs, 'at once');
  const schedule = { jitterMs, timers, random };
  if (levels.tier === undefined) {
    checkUntiered(levels);
    return { cache, cacheOptions: levels, tier: undefined, grace, registry, schedule };
  }
  const { settings, cacheOptions } = readTierOptions(levels);
  return { cache, cacheOptions, tier: settings, grace, registry, schedule };
}

function checkUntiered(options: Omit<TierOptions, 'tier'>): void {
  for (const option of TIER_ONLY) {
    const value = options[option];
    if (value !== undefined) badOption(option, value, 'left out without a tier');
  }
}

const TIER_ONLY = [
  'l1TtlMs',
  'tierTimeoutMs',
  'breakerFailures',
  'breakerMs',
  'onDisconnect',
  'maxPending',
  'loadLeaseMs',
] as const satisfies readonly (keyof TierOptions)[];
