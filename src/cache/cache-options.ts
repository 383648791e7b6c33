import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import {
  badOption,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkTags,
} from '../options.ts';
import type { SetOptions } from './loader.ts';
import type { Lifetime } from './store.ts';
import { checkValidator } from './validator.ts';
import { weighValue } from './value-weight.ts';

/** V8 refuses a Map of 2^24 keys. */
const MOST_ENTRIES = 2 ** 24 - 1;

const DEFAULT_NEAR_ENTRIES = 1_000;
/** A day. */
export const DEFAULT_STALE_TTL_MS = 86_400_000;
const MOST_NEAR_ENTRIES = 1_000_000;

const NEVER_EXPIRES = 'never expires';
const OFF = 'off';

/** What bounds a cache: both hold at all times. */
export interface Bounds {
  readonly maxEntries: number;
  /** Sum of the entries' weights, in bytes. */
  readonly maxBytes: number;
}

/** New bounds; what is left out stays. */
export type BoundsChange = { readonly [Name in keyof Bounds]?: Bounds[Name] | undefined };

/**
 * Who stays when there is no room: `lru`, exact least-recently-used order; `tinylfu`, a window of a
 * tenth in front of a main region that lets in by frequency (W-TinyLFU; Einziger, Friedman and Manes,
 * ACM TOS 2017; in storage `native` main is moka's); `adaptive`, the default, the same with a window
 * that follows the workload, up to plain LRU. A cache that holds fewer than 64 entries is in exact LRU
 * order whatever its policy.
 */
export type Policy = 'adaptive' | 'tinylfu' | 'lru';

/** Options of `ResourceCache`; each has a default. */
export interface CacheOptions<V> {
  /** Default 100; 1 to 16,777,215. */
  readonly maxEntries?: number | undefined;
  /** Default 104,857,600 (100 MiB). */
  readonly maxBytes?: number | undefined;
  /** Default 900,000 (15 minutes); 0 = never expires. */
  readonly ttlMs?: number | undefined;
  /** ms after the last access; default 0 = off. */
  readonly idleTtlMs?: number | undefined;
  /**
   * ms after its time to live that a value with a validator is kept, so that its loader can be asked
   * whether it is still that. It is never served meanwhile, counts in both bounds, and leaves before
   * anything that lives. Default 86,400,000 (1 day); 0 = off.
   */
  readonly staleTtlMs?: number | undefined;
  /** Default `adaptive`. */
  readonly policy?: Policy | undefined;
  /**
   * Where values are held. `heap`, the default: on this thread's heap, by reference, whatever they
   * are. `native`: as bytes outside of it, where they cost no garbage collection; strings,
   * Uint8Arrays, JSON and what structured clone takes. What `native` gives back is a copy: plain data
   * frozen, all else with memory of its own.
   */
  readonly storage?: 'heap' | 'native' | undefined;
  /**
   * With storage `native`: threads of this process that open the same name share one store, with one
   * load per URI, and see each other's changes with their next call.
   */
  readonly name?: string | undefined;
  /**
   * With storage `native`: how many decoded values this thread keeps at hand, so that reading one
   * costs no call; they take up to a quarter of `maxBytes` besides. Default 1,000; 0 = none; at most
   * 1,000,000.
   */
  readonly nearEntries?: number | undefined;
  /** Bytes of a value; default: an estimate, exact for strings, buffers and MCP read results. */
  readonly weigh?: ((value: V, uri: string) => number) | undefined;
  /** A clock that the user moves; the cache then does no background work. */
  readonly clock?: Clock | undefined;
  /** Gets what an operator may want to know: at level debug, values that were too large. */
  readonly logger?: Logger | undefined;
}

/** Options after the checks, with defaults filled in. */
export interface CacheSettings<V> extends Bounds {
  readonly storage: 'heap' | 'native';
  readonly name: string | undefined;
  readonly nearEntries: number;
  readonly policy: Policy;
  readonly lifetime: Lifetime;
  readonly staleTtlMs: number;
  readonly clock: Clock | undefined;
  readonly logger: Logger | undefined;
  readonly weigh: (value: V, uri: string) => number;
}

/** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
export function readCacheOptions<V>(options: CacheOptions<V> | undefined): CacheSettings<V> {
  const given = checkOptions('options', options);
  const { weigh = weighValue, policy = 'adaptive', storage = 'heap', clock, logger } = given;
  checkFunction('weigh', weigh);
  checkOneOf('storage', storage, ['heap', 'native']);
  if (storage === 'heap') checkHeapOnly(given);
  const { name, nearEntries = DEFAULT_NEAR_ENTRIES } = given;
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    badOption('name', name, 'a non-empty string');
  }
  if (clock !== undefined) checkMethods('clock', clock, ['now']);
  if (logger !== undefined) checkMethods('logger', logger, ['debug', 'info', 'warn', 'error']);
  return {
    ...readBounds(given, { maxEntries: 100, maxBytes: 104_857_600 }),
    storage,
    name,
    nearEntries: checkInteger('nearEntries', nearEntries, 0, MOST_NEAR_ENTRIES),
    policy: checkOneOf('policy', policy, ['adaptive', 'tinylfu', 'lru']),
    lifetime: readLifetime(given, { ttlMs: 900_000, idleTtlMs: 0, tags: [] }, 0),
    staleTtlMs: checkDurationMs('staleTtlMs', given.staleTtlMs ?? DEFAULT_STALE_TTL_MS, OFF),
    clock,
    logger,
    weigh,
  };
}

/** @returns the bounds given, with those of `defaults` where there are none. */
export function readBounds(bounds: BoundsChange, defaults: Bounds): Bounds {
  const given = checkOptions('bounds', bounds);
  const { maxEntries = defaults.maxEntries, maxBytes = defaults.maxBytes } = given;
  return {
    maxEntries: checkInteger('maxEntries', maxEntries, 1, MOST_ENTRIES),
    maxBytes: checkInteger('maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER),
  };
}

/**
 * @param staleTtlMs how long what has a validator may be revalidated
 * @returns the lifetime given, with that of `defaults` where there is none.
 */
export function readLifetime(
  options: SetOptions,
  defaults: Lifetime,
  staleTtlMs: number,
): Lifetime {
  const given = checkOptions('options', options);
  const { ttlMs = defaults.ttlMs, idleTtlMs = defaults.idleTtlMs, tags = defaults.tags } = given;
  const lifetime = {
    ttlMs: checkDurationMs('ttlMs', ttlMs, NEVER_EXPIRES),
    idleTtlMs: checkDurationMs('idleTtlMs', idleTtlMs, OFF),
    tags: tags === defaults.tags ? tags : checkTags('tags', tags),
  };
  if (given.validator === undefined) return lifetime;
  const validator = checkValidator('validator', given.validator);
  return staleTtlMs === 0 ? lifetime : { ...lifetime, revalidation: { validator, staleTtlMs } };
}

/** @returns a weight in whole bytes; fractions are rounded up. */
export function checkWeight(option: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
    badOption(option, value, `a number of bytes from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  return Math.ceil(value);
}

/** Throws unless `value` is an AbortSignal or left out. */
export function checkAbortSignal(option: string, value: unknown): void {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    badOption(option, value, 'an AbortSignal');
  }
}

function checkHeapOnly({
  name,
  nearEntries,
}: Pick<CacheOptions<never>, 'name' | 'nearEntries'>): void {
  const allowed = "left out with storage 'heap', whose values one thread holds";
  if (name !== undefined) badOption('name', name, allowed);
  if (nearEntries !== undefined) badOption('nearEntries', nearEntries, allowed);
}

function checkMethods(option: string, value: unknown, methods: readonly string[]): void {
  const object: Readonly<Record<string, unknown>> | undefined =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  if (object === undefined || methods.some((method) => typeof object[method] !== 'function')) {
    badOption(option, value, `an object with ${methods.map((name) => `${name}()`).join(', ')}`);
  }
}
