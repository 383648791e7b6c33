import type { Validator } from './validator.ts';

/** What a cache knows of one entry. */
export interface EntryInfo {
  readonly createdAtMs: number;
  readonly lastAccessedAtMs: number;
  readonly accessCount: number;
  readonly weightBytes: number;
  /** Last ms at which the entry lives; `undefined` = never expires. */
  readonly expiresAtMs: number | undefined;
  readonly tags: readonly string[];
  /** By which it may be revalidated once it has expired. */
  readonly validator: Validator | undefined;
}

/** Counters since the cache was made, and what it holds now. */
export interface CacheStats {
  readonly size: number;
  readonly maxSize: number;
  readonly memoryBytes: number;
  readonly maxMemoryBytes: number;
  /** 0 = never expires. */
  readonly ttlSeconds: number;
  readonly hits: number;
  readonly misses: number;
  /** hits / (hits + misses); 0 before the first look-up. */
  readonly hitRatio: number;
  /** Calls of loaders. */
  readonly loads: number;
  readonly loadFailures: number;
  /** Loads that joined one under way. */
  readonly coalescedLoads: number;
  /** Loads whose loader found the expired value unchanged. */
  readonly revalidations: number;
  /** Expired entries that are kept to be revalidated; part of `size` and `memoryBytes`. */
  readonly staleEntries: number;
  readonly evictions: number;
  readonly expirations: number;
  readonly invalidations: number;
  /**
   * Events of other threads that this one did not take in time: they came without their values, or
   * not at all. Always 0 with storage `heap`.
   */
  readonly droppedEvents: number;
}
