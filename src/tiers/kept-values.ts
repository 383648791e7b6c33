import type { CacheOptions } from '../cache/cache-options.ts';
import { splitKey } from '../cache/partition-key.ts';
import { dropMatching, ResourceCache } from '../cache/resource-cache.ts';
import type { Validator } from '../cache/validator.ts';
import { weighValue } from '../cache/value-weight.ts';
import { parsePattern, type UriPattern } from '../registry/uri-pattern.ts';
import { entryMatcher, type Invalidation } from './invalidation.ts';

/** A value that outlives its time to live. */
export interface Kept<V> {
  readonly value: V;
  readonly tags: readonly string[];
  readonly validator: Validator | undefined;
  /** Its time to live; 0 = for ever. */
  readonly ttlMs: number;
  /** Last ms of its time to live; Infinity = for ever. */
  readonly freshUntilMs: number;
  /** From here on a hit has it loaded anew; Infinity = never. */
  readonly eagerAtMs: number;
}

/** What bounds the values that are kept, and how they are weighed: as in the first level. */
export type KeptBounds<V> = Pick<
  CacheOptions<V>,
  'maxEntries' | 'maxBytes' | 'policy' | 'weigh' | 'clock'
>;

/**
 * Values by key, longer than a first level keeps them, in the bounds of that: where both are on the heap
 * it is the same objects. What is invalidated leaves.
 */
export class KeptValues<V> {
  readonly #cache: ResourceCache<Kept<V>>;

  constructor({ weigh = weighValue, ...bounds }: KeptBounds<V>) {
    this.#cache = new ResourceCache<Kept<V>>({
      ...bounds,
      ttlMs: 0,
      weigh: ({ value }, key) => weigh(value, key),
    });
  }

  find(key: string): Kept<V> | undefined {
    return this.#cache.peek(key);
  }

  /** @param ttlMs how long it is kept; 0 = for ever */
  keep(key: string, kept: Kept<V>, ttlMs: number): void {
    this.#cache.set(key, kept, { ttlMs, tags: kept.tags });
  }

  drop(key: string): void {
    this.#cache.invalidate(key);
  }

  /** Drops what is matched, in every partition. */
  apply(invalidation: Invalidation): void {
    if (invalidation.kind === 'all') this.#cache.clear();
    else if (invalidation.kind === 'tag') this.#cache.invalidateTag(invalidation.tag);
    else dropMatching(this.#cache, keyPattern(invalidation));
  }

  close(): void {
    this.#cache.close();
  }
}

/** @returns the keys that an invalidation of URIs is about, with a partition or without */
export function keyPattern(
  invalidation: Extract<Invalidation, { kind: 'uri' | 'pattern' }>,
): UriPattern {
  const isWanted = entryMatcher(invalidation);
  const matches = (key: string): boolean => isWanted(key, []) || isWanted(splitKey(key).uri, []);
  const { prefix } =
    invalidation.kind === 'uri' ? { prefix: invalidation.uri } : parsePattern(invalidation.pattern);
  return { kind: 'template', prefix, matches };
}
