import type { KeyvStoreAdapter } from 'keyv';

import { AdaptedCache, type AdapterOptions } from '../adapters/adapted-cache.ts';
import { encodeSegment, KeySpace } from '../adapters/key-space.ts';
import type { ResourceCache } from '../cache/resource-cache.ts';
import { badOption } from '../options.ts';

/** Options of `GranaryKeyvStore`: a cache, or those of one that it makes. */
export type GranaryKeyvStoreOptions = AdapterOptions;

/**
 * A `ResourceCache` as the storage of a Keyv, and so of whatever is built on Keyv.
 *
 * A key stands in the cache under `keyv://NAMESPACE/KEY`, both percent-encoded where a URI asks for it,
 * so that any string is a key, and events, `invalidatePattern` and the like know where it is. Keyv puts
 * its namespace before the key as well. Make one store for each Keyv, over one `cache` if they are to
 * share bounds: a Keyv tells its namespace to its store.
 *
 * What Keyv serializes is held as text; a Keyv without `serialize` hands over objects, which storage
 * `heap` holds by reference and storage `native` freezes or copies. A value too large for the cache is
 * not kept: its `set` resolves to `false`. There is no `setMany`: Keyv then sets one after another and
 * tells of each, and nothing is faster here than that.
 *
 * Each method costs what that of the cache does, and a scan of the key.
 *
 * @example
 * ```ts
 * import { Keyv } from 'keyv';
 * import { GranaryKeyvStore } from 'mcp-granary/keyv';
 * const keyv = new Keyv({ store: new GranaryKeyvStore({ maxEntries: 10_000 }) });
 * await keyv.set('user 42', { name: 'Ada' }, 60_000);
 * console.log(await keyv.get('user 42')); // { name: 'Ada' }
 * ```
 */
export class GranaryKeyvStore implements KeyvStoreAdapter {
  /** Where this store's entries are, for `stats()`, events and invalidation. */
  readonly cache: ResourceCache;
  /** Keyv 5 iterates over the dialects of a list of its own and no others; `sqlite` is one in-process. */
  readonly opts = { dialect: 'sqlite' };
  readonly #adapted: AdaptedCache;
  #namespace: string | undefined;
  #space = spaceOf(undefined);

  /** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
  constructor(options?: GranaryKeyvStoreOptions) {
    this.#adapted = new AdaptedCache(options);
    this.cache = this.#adapted.cache;
  }

  /** What this store's keys are under; set by Keyv. None and `''` are the same. */
  get namespace(): string | undefined {
    return this.#namespace;
  }

  set namespace(namespace: string | undefined) {
    this.#space = spaceOf(namespace);
    this.#namespace = namespace;
  }

  /** Counts as an access. @returns what Keyv had stored; `undefined` on a miss. */
  async get<Value>(key: string): Promise<Value | undefined> {
    return this.cache.get(this.#space.uriOf(key)) as Value | undefined;
  }

  /** @returns one item for each key, `undefined` for a miss. */
  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return keys.map((key) => this.cache.get(this.#space.uriOf(key)) as Value | undefined);
  }

  /**
   * @param ttl ms; 0 = never; left out: as the cache has it
   * @returns whether the value was kept
   * @throws (rejects with) `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_NOT_CLONEABLE`
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    return this.#adapted.set(this.#space.uriOf(key), value, ttl);
  }

  /** @returns whether there was such a key. */
  async delete(key: string): Promise<boolean> {
    return this.cache.invalidate(this.#space.uriOf(key));
  }

  /** @returns whether there was any of them. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return keys.filter((key) => this.cache.invalidate(this.#space.uriOf(key))).length > 0;
  }

  /** Drops the keys of this namespace; what else the cache holds stays. */
  async clear(): Promise<void> {
    this.cache.invalidatePattern(this.#space.patternOf(''));
  }

  /** No access is recorded. */
  async has(key: string): Promise<boolean> {
    return this.cache.has(this.#space.uriOf(key));
  }

  /** As `has`, for each key. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return keys.map((key) => this.cache.has(this.#space.uriOf(key)));
  }

  /**
   * Keys of a namespace and what Keyv had stored, oldest first; entries may change meanwhile. Looks at
   * everything that the cache holds, and records no access.
   *
   * @param namespace default: this store's own
   */
  async *iterator<Value>(
    namespace: string | undefined = this.#namespace,
  ): AsyncGenerator<(string | Awaited<Value> | undefined)[], void> {
    const space = spaceOf(namespace);
    for (const [uri, value] of this.cache.entries()) {
      const key = space.keyOf(uri);
      if (key !== undefined) yield [key, value as Awaited<Value>];
    }
  }

  /** Listeners are not kept, since nothing is emitted: what fails rejects. Keyv asks for the method. */
  on(_event: string, _listener: (...args: never[]) => void): this {
    return this;
  }

  /** Closes the cache if the store has made it; a call after that rejects with `ERR_GRANARY_CLOSED`. */
  async disconnect(): Promise<void> {
    this.#adapted.close();
  }
}

function spaceOf(namespace: string | undefined): KeySpace {
  if (namespace !== undefined && typeof namespace !== 'string') {
    badOption('namespace', namespace, 'a string, or left out');
  }
  return new KeySpace(`keyv://${encodeSegment(namespace ?? '')}/`);
}
