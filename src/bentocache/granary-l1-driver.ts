import type { AdaptedCache } from '../adapters/adapted-cache.ts';
import { KeySpace } from '../adapters/key-space.ts';
import type { ResourceCache } from '../cache/resource-cache.ts';

const SPACE = new KeySpace('bentocache:');

/** A remaining life of 0 ms would be read as one without end. */
const LEAST_TTL_MS = 1;

/**
 * A `ResourceCache` as the first level of a BentoCache store: what `granaryDriver` makes. A key stands
 * in the cache under `bentocache:PREFIX:KEY`, percent-encoded where a URI asks for it; namespaces are
 * parts of the prefix. Each method costs what that of the cache does, and a scan of the key.
 *
 * Once it has closed the cache it has nothing and keeps nothing, and throws nothing either: factories
 * that BentoCache has left running write what they made when they end, and nobody catches that.
 */
export class GranaryL1Driver {
  readonly type = 'l1';
  /** Where the entries are, for `stats()`, events and invalidation. */
  readonly cache: ResourceCache;
  readonly #adapted: AdaptedCache;
  /** With its colon, or empty. */
  readonly #prefix: string;
  readonly #isRoot: boolean;

  /** Use `granaryDriver`. */
  constructor(adapted: AdaptedCache, prefix: string, isRoot: boolean) {
    this.cache = adapted.cache;
    this.#adapted = adapted;
    const bare = prefix.replace(/:+$/, '');
    this.#prefix = bare === '' ? '' : `${bare}:`;
    this.#isRoot = isRoot;
  }

  /** @returns a driver of the same cache for the keys that begin with `namespace:` here. */
  namespace(namespace: string): GranaryL1Driver {
    return new GranaryL1Driver(this.#adapted, this.#prefix + namespace, false);
  }

  /** Counts as an access. @returns `undefined` on a miss. */
  get(key: string): string | undefined {
    if (this.#adapted.isClosed) return undefined;
    // With `serialize: false` BentoCache hands over objects, though its types say otherwise.
    return this.cache.get(this.#uriOf(key)) as string | undefined;
  }

  /** As `get`, and drops the key. */
  pull(key: string): string | undefined {
    const value = this.get(key);
    this.delete(key);
    return value;
  }

  /**
   * @param ttl ms; 0 = never; left out: as the cache has it
   * @returns whether the value was kept; one that is too large for the cache is not
   * @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_NOT_CLONEABLE`
   */
  set(key: string, value: string, ttl?: number): boolean {
    return !this.#adapted.isClosed && this.#adapted.set(this.#uriOf(key), value, ttl);
  }

  /** Counts as an access. @returns ms from now; `undefined` for what never expires or is not there. */
  getRemainingTtl(key: string): number | undefined {
    // The clock may be the user's own: an access writes down what it reads.
    if (this.get(key) === undefined) return undefined;
    const info = this.cache.info(this.#uriOf(key));
    if (info?.expiresAtMs === undefined) return undefined;
    return Math.max(LEAST_TTL_MS, info.expiresAtMs - info.lastAccessedAtMs);
  }

  /** Drops the keys of this prefix, those of its namespaces too; what else the cache holds stays. */
  clear(): void {
    if (!this.#adapted.isClosed) this.cache.invalidatePattern(SPACE.patternOf(this.#prefix));
  }

  /** @returns whether there was such a key. */
  delete(key: string): boolean {
    return !this.#adapted.isClosed && this.cache.invalidate(this.#uriOf(key));
  }

  /** @returns true, as BentoCache's own drivers do. */
  deleteMany(keys: string[]): boolean {
    for (const key of keys) this.delete(key);
    return true;
  }

  /** Frees what has expired now instead of within 50 ms. */
  prune(): void {
    if (!this.#adapted.isClosed) this.cache.cleanupExpired();
  }

  /** Closes the cache if the driver has made it; those of namespaces leave it open. */
  disconnect(): void {
    if (this.#isRoot) this.#adapted.close();
  }

  #uriOf(key: string): string {
    return SPACE.uriOf(this.#prefix + key);
  }
}
