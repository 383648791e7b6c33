import { type CacheOptions, readCacheOptions } from '../cache/cache-options.ts';
import { ResourceCache } from '../cache/resource-cache.ts';
import { badOption, checkOptions } from '../options.ts';

/** Options of an adapter: a cache, or those of one that it makes. */
export interface AdapterOptions extends CacheOptions<unknown> {
  /**
   * A cache from outside, in place of options for one; whoever made it closes it. What comes without
   * a time to live has the cache's own.
   */
  readonly cache?: ResourceCache | undefined;
  /** Default 0 = never expires: other libraries mean that by no time to live. */
  readonly ttlMs?: number | undefined;
}

/** The cache behind an adapter, which the adapter closes if it has made it. */
export class AdaptedCache {
  readonly cache: ResourceCache;
  readonly #isOwn: boolean;
  #isClosed = false;

  /** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
  constructor(options: AdapterOptions | undefined) {
    const { cache, ...cacheOptions } = readAdapterOptions(options);
    this.#isOwn = cache === undefined;
    this.cache = cache ?? new ResourceCache(cacheOptions);
  }

  /** Whether `close` has closed the cache. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @returns whether the value was kept; one that is too large for the cache is not. */
  set(uri: string, value: unknown, ttlMs: number | undefined): boolean {
    this.cache.set(uri, value, ttlMs === undefined ? undefined : { ttlMs });
    return this.cache.info(uri) !== undefined;
  }

  close(): void {
    if (!this.#isOwn) return;
    this.#isClosed = true;
    this.cache.close();
  }
}

/**
 * Checks options for a cache that is made later.
 *
 * @returns them, with the default of `ttlMs`
 * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range
 */
export function readAdapterOptions(options: AdapterOptions | undefined): AdapterOptions {
  const { cache, ...given } = checkOptions('options', options);
  if (cache === undefined) {
    const cacheOptions = { ...given, ttlMs: given.ttlMs ?? 0 };
    readCacheOptions(cacheOptions);
    return cacheOptions;
  }
  if (!(cache instanceof ResourceCache)) badOption('cache', cache, 'a ResourceCache');
  for (const [option, value] of Object.entries(given)) {
    if (value !== undefined) badOption(option, value, 'left out where a cache is given');
  }
  return { cache };
}
