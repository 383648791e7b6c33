import { readCacheOptions } from '../cache/cache-options.ts';
import { ResourceCache } from '../cache/resource-cache.ts';
import type { Clock } from '../clock.ts';
import { badOption, checkInteger } from '../options.ts';
import type { ResponseKey } from './response-key.ts';

const DEFAULT_MAX_BYTES = 67_108_864;
const LEAST_MAX_BYTES = 1_024;

/** As many as a `ResourceCache` takes. */
const MOST_ENTRIES = 2 ** 24 - 1;

/** Bounds of a store's own memory, or a cache that it shares with others. */
export interface ResponseCacheBounds {
  /** Of all responses and what keeping them costs; default 67,108,864 (64 MiB), at least 1,024. */
  readonly maxBytes?: number | undefined;
  /** Of reads, besides; default 0 = as many as the bytes allow. */
  readonly maxEntries?: number | undefined;
  /**
   * A cache from outside, in place of bounds: one byte bound over several stores, or with storage
   * `native` and a `name` one copy for all threads. Whoever made it closes it.
   */
  readonly cache?: ResourceCache | undefined;
  /** ms since 1970; default `Date.now`. A store of its own with one does no background work. */
  readonly clock?: Clock | undefined;
}

/** What the caches of a store hold, and what has left them. */
export interface ResponseCensus {
  readonly size: number;
  readonly maxSize: number;
  readonly memoryBytes: number;
  readonly maxMemoryBytes: number;
  readonly evictions: number;
  readonly expirations: number;
}

/**
 * Where responses are held.
 *
 * Lists are apart from reads: there are few of them, and without its `tools/list` a client neither
 * checks what tools return nor mirrors arguments into headers, so reads must not displace it. Lists
 * take up to half of the bytes, reads what lists leave.
 */
export class ResponseCaches {
  readonly #lists: ResourceCache;
  readonly #reads: ResourceCache;
  /** 0 where the cache is from outside. */
  readonly #maxBytes: number;
  #listBytes = 0;

  /** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
  constructor(options: ResponseCacheBounds) {
    const { cache, maxBytes, maxEntries = 0, clock } = options;
    if (cache !== undefined) {
      if (!(cache instanceof ResourceCache)) badOption('cache', cache, 'a ResourceCache');
      const allowed = 'left out where a cache is given';
      if (maxBytes !== undefined) badOption('maxBytes', maxBytes, allowed);
      if (options.maxEntries !== undefined) badOption('maxEntries', options.maxEntries, allowed);
      readCacheOptions({ clock });
      this.#maxBytes = 0;
      this.#lists = cache;
      this.#reads = cache;
      return;
    }
    this.#maxBytes = checkInteger(
      'maxBytes',
      maxBytes ?? DEFAULT_MAX_BYTES,
      LEAST_MAX_BYTES,
      Number.MAX_SAFE_INTEGER,
    );
    checkInteger('maxEntries', maxEntries, 0, MOST_ENTRIES);
    const common = { ttlMs: 0, clock };
    this.#lists = new ResourceCache({
      ...common,
      policy: 'lru',
      maxBytes: Math.floor(this.#maxBytes / 2),
      maxEntries: MOST_ENTRIES,
    });
    this.#reads = new ResourceCache({
      ...common,
      maxBytes: this.#maxBytes,
      maxEntries: maxEntries === 0 ? MOST_ENTRIES : maxEntries,
    });
  }

  get size(): number {
    return this.#all().reduce((total, { size }) => total + size, 0);
  }

  /** The cache that a response is in. */
  of({ params = '' }: ResponseKey): ResourceCache {
    return params === '' ? this.#lists : this.#reads;
  }

  /** To be called after a change of lists: leaves to reads what lists do not take. */
  divide(): void {
    const { weightBytes } = this.#lists;
    if (this.#maxBytes === 0 || weightBytes === this.#listBytes) return;
    this.#listBytes = weightBytes;
    this.#reads.resize({ maxBytes: this.#maxBytes - weightBytes });
  }

  dropTag(tag: string): void {
    for (const cache of this.#all()) cache.invalidateTag(tag);
    this.divide();
  }

  /** @throws `ERR_GRANARY_CLOSED` */
  census(): ResponseCensus {
    const all = this.#all().map((cache) => cache.stats());
    const reads = this.#reads.stats();
    const sum = (name: 'size' | 'memoryBytes' | 'evictions' | 'expirations'): number =>
      all.reduce((total, stats) => total + stats[name], 0);
    return {
      size: sum('size'),
      maxSize: reads.maxSize,
      memoryBytes: sum('memoryBytes'),
      maxMemoryBytes: this.#maxBytes === 0 ? reads.maxMemoryBytes : this.#maxBytes,
      evictions: sum('evictions'),
      expirations: sum('expirations'),
    };
  }

  close(): void {
    if (this.#maxBytes === 0) return;
    for (const cache of this.#all()) cache.close();
  }

  #all(): readonly ResourceCache[] {
    return this.#maxBytes === 0 ? [this.#reads] : [this.#lists, this.#reads];
  }
}
