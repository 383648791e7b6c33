import type {
  BulkLoadContext,
  BulkLoader,
  LoadContext,
  Loaded,
  Loader,
  LoadOptions,
  SetOptions,
} from '../cache/loader.ts';
import { ResourceCache, revalidatableIn } from '../cache/resource-cache.ts';
import type { CacheStats } from '../cache/cache-stats.ts';
import { describeUri } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import type { ResourceEventName, ResourceListener } from '../events/resource-event.ts';
import { checkFunction, checkOptions, checkUri } from '../options.ts';
import { Grace, type GraceStats, type InnerLoad } from './grace.ts';
import { splitGraceOptions } from './grace-options.ts';
import { type Invalidation, patternInvalidation } from './invalidation.ts';
import { SecondLevel } from './second-level.ts';
import { readTierOptions, type TieredCacheOptions } from './tiered-options.ts';
import {
  isTierEventName,
  type TierEventListener,
  type TierEventName,
  TierJournal,
} from './tier-journal.ts';
import type { TierStats } from './tier-stats.ts';

/** Counters of a tiered cache: of its first level, and of what lies behind it. */
export interface TieredCacheStats extends TierStats {
  /** A look-up of the second level counts as a load of the first. */
  readonly l1: CacheStats;
  /** Where any option about grace is given. */
  readonly grace: GraceStats | undefined;
}

/**
 * A cache in two levels in front of an origin: this process's memory, then a second level that several
 * processes share (`RedisTier`, `KeyvTier`, or one of your own).
 *
 * A hit of the first level waits for nothing but a promise; anything else takes one round trip to the
 * second. Where that fails, is slow or is away, loads go to the origin, and what could not be told to
 * it is told when it is back.
 *
 * @example
 * ```ts
 * import { TieredCache } from 'mcp-granary';
 * import { RedisTier } from 'mcp-granary/redis';
 * const tier = new RedisTier({ url: 'redis://localhost' });
 * const cache = new TieredCache<string>({ tier });
 * console.log(await cache.load('user://42', async (uri) => `loaded ${uri}`)); // loaded user://42
 * cache.close();
 * await tier.close();
 * ```
 */
export class TieredCache<V = unknown> implements Disposable {
  readonly #l1: ResourceCache<V>;
  readonly #level: SecondLevel<V>;
  readonly #grace: Grace<V> | undefined;
  readonly #journal = new TierJournal();

  /** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range */
  constructor(options: TieredCacheOptions<V>) {
    const { grace, rest } = splitGraceOptions<Partial<TieredCacheOptions<V>>>(
      checkOptions('options', options),
    );
    const { settings, cacheOptions } = readTierOptions<V>(rest);
    this.#l1 = new ResourceCache<V>(cacheOptions);
    this.#grace = grace && new Grace<V>(grace, this.#journal, cacheOptions, this.#l1);
    const first = {
      has: (key: string) => this.#l1.has(key),
      staleTagsOf: (key: string) =>
        revalidatableIn(this.#l1, key)?.life.tags ?? this.#grace?.tagsOf(key),
      invalidateKey: (key: string): void => {
        this.#grace?.invalidateKey(key);
        this.#l1.invalidate(key);
      },
      apply: (invalidation: Invalidation) => void this.#dropFirst(invalidation),
    };
    this.#level = new SecondLevel<V>(settings, first, cacheOptions.clock, this.#journal);
  }

  /** The first level; what is changed there by hand stays unknown to the second. */
  get l1(): ResourceCache<V> {
    return this.#l1;
  }

  /**
   * The value of the first level, else of the second.
   *
   * @returns `undefined` where neither has it
   * @throws (rejects with) `ERR_GRANARY_BAD_URI`, `ERR_GRANARY_CLOSED`
   */
  async get(uri: string): Promise<V | undefined> {
    return (await this.getMany([uri])).get(uri);
  }

  /** As `get` for several URIs: one round trip for all that the first level lacks. */
  async getMany(uris: Iterable<string>): Promise<Map<string, V>> {
    const asked = typeof uris === 'object' && uris !== null ? [...uris] : uris;
    try {
      return await this.#lookUp(asked);
    } catch (error) {
      if (!isLoadFailure(error)) throw error;
      // A load of somebody's, which this had joined, has failed: that is no answer for the others.
      const found = await Promise.all(asked.map((uri) => this.#lookUp([uri]).catch(nothing)));
      return new Map(found.flatMap((one) => [...one]));
    }
  }

  /**
   * Caches a value in both levels; its time to live starts anew.
   *
   * @returns resolves when the second level has it, or could not be told: that is made up for later
   * @throws (rejects with) `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_BAD_URI`, `ERR_GRANARY_CLOSED`
   */
  async set(uri: string, value: V, options?: SetOptions): Promise<void> {
    await this.setMany([[uri, value]], options);
  }

  /** As `set` for several entries: one round trip. */
  async setMany(entries: Iterable<readonly [string, V]>, options?: SetOptions): Promise<void> {
    const given = checkOptions('options', options);
    const isIterable =
      typeof entries === 'object' && entries !== null && Symbol.iterator in entries;
    const pairs = isIterable ? [...entries] : entries;
    const first = this.#level.firstLevelOptions(given);
    this.#l1.setMany(pairs, first);
    for (const [uri, value] of pairs) this.#grace?.keep(uri, value, first);
    await this.#level.put(pairs, given);
  }

  /**
   * The value of the first level, of the second, or of the loader: one call of it in this process
   * however many callers.
   *
   * @throws (rejects with) as `ResourceCache.load`
   */
  async load(uri: string, loader?: Loader<V>, options?: LoadOptions): Promise<V> {
    if (loader !== undefined) checkFunction('loader', loader);
    const given = checkOptions('options', options);
    // A hit needs no more, and is most of what is asked for.
    if (given.signal?.aborted !== true && this.#l1.has(uri)) {
      if (loader !== undefined) this.#renewEarly(uri, loader, given);
      const cached = this.#l1.get(uri);
      if (cached !== undefined) return cached;
    }
    const first = this.#level.firstLevelOptions(given);
    const behind = this.#behind(uri, loader, given, first);
    for (;;) {
      try {
        return await this.#l1.load(uri, behind, first);
      } catch (error) {
        if (!isNotHeld(error)) throw error;
        // It had joined somebody who only asked the levels.
        if (loader === undefined) throw noLoader(uri);
      }
    }
  }

  /**
   * As `load` for several URIs: one pass over the first level, one round trip to the second, and one
   * call of the bulk loader for all that neither has.
   *
   * @returns the values by URI, in the order of `uris`; without those that the loader left out
   */
  async loadMany(
    uris: Iterable<string>,
    loader: BulkLoader<V>,
    options?: LoadOptions,
  ): Promise<Map<string, V>> {
    checkFunction('loader', loader);
    const given = checkOptions('options', options);
    const grace = this.#grace;
    const first = this.#level.firstLevelOptions(given);
    return this.#l1.loadMany(
      uris,
      (missing, context) => {
        const ask = (told: BulkLoadContext<V>): Promise<ReadonlyMap<string, Loaded<V>>> =>
          this.#level.loadMany(missing, told, loader, given);
        return grace === undefined ? ask(context) : grace.loadMany(missing, context, ask, first);
      },
      first,
    );
  }

  /**
   * Drops one URI in every process.
   *
   * @returns whether the first level had it; resolves when the second knows, or could not be told:
   *   then it is told when it is back
   */
  async invalidate(uri: string): Promise<boolean> {
    checkUri(uri);
    return (await this.#drop({ kind: 'uri', uri })) > 0;
  }

  /**
   * Drops what matches in every process, as `ResourceCache.invalidatePattern` does. One write to the
   * second level, whatever it holds; a RegExp is tried on every key of every first level, and on every
   * entry that is read from the second.
   *
   * @returns how many entries the first level had; resolves as `invalidate`
   */
  async invalidatePattern(pattern: RegExp | string): Promise<number> {
    return this.#drop(patternInvalidation(pattern));
  }

  /** Drops every entry with this tag, in every process. @returns as `invalidatePattern` */
  async invalidateTag(tag: string): Promise<number> {
    return this.#drop({ kind: 'tag', tag });
  }

  /** Drops everything that this and other processes have put into the second level. */
  async clear(): Promise<void> {
    await this.#drop({ kind: 'all' });
  }

  /**
   * Waits for what is on its way to the second level: before a process ends, so that what it has loaded
   * last is there for others.
   *
   * @returns resolves when it is there, or cannot be told now; takes no longer than `tierTimeoutMs` each
   *   500 entries
   */
  async flush(): Promise<void> {
    await this.#level.flush();
  }

  stats(): TieredCacheStats {
    return { l1: this.#l1.stats(), grace: this.#grace?.stats(), ...this.#level.stats() };
  }

  /**
   * Listens to the first level (`loaded` is also what came from the second), or to what happens between
   * the levels: names that begin with `tier-` and `breaker-`, `deferred`, `replayed`, `superseded`,
   * `overflowed`, `invalidation-received`.
   */
  on(event: ResourceEventName, listener: ResourceListener<V>): this;
  on(event: TierEventName, listener: TierEventListener): this;
  on(
    event: ResourceEventName | TierEventName,
    listener: ResourceListener<V> | TierEventListener,
  ): this {
    if (isTierEventName(event)) {
      this.#journal.add(event, listener as TierEventListener, false);
    } else this.#l1.on(event, listener as ResourceListener<V>);
    return this;
  }

  once(event: ResourceEventName, listener: ResourceListener<V>): this;
  once(event: TierEventName, listener: TierEventListener): this;
  once(
    event: ResourceEventName | TierEventName,
    listener: ResourceListener<V> | TierEventListener,
  ): this {
    if (isTierEventName(event)) {
      this.#journal.add(event, listener as TierEventListener, true);
    } else this.#l1.once(event, listener as ResourceListener<V>);
    return this;
  }

  off(event: ResourceEventName, listener: ResourceListener<V>): this;
  off(event: TierEventName, listener: TierEventListener): this;
  off(
    event: ResourceEventName | TierEventName,
    listener: ResourceListener<V> | TierEventListener,
  ): this {
    if (isTierEventName(event)) this.#journal.remove(event, listener as TierEventListener);
    else this.#l1.off(event, listener as ResourceListener<V>);
    return this;
  }

  /** Closes the first level and leaves the tier open; what has not reached that is given up. */
  close(): void {
    this.#level.close();
    this.#journal.removeAll();
    this.#grace?.close();
    this.#l1.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What the first level calls where it has nothing. */
  #behind(
    uri: string,
    loader: Loader<V> | undefined,
    given: LoadOptions,
    first: LoadOptions,
  ): Loader<V> {
    const ask = this.#asking(uri, loader, given);
    const grace = this.#grace;
    // Without a loader nothing can be made anew: what was kept is for who has one.
    if (grace === undefined || loader === undefined) return (_, context) => ask(context, false);
    return (_, context) => grace.load(uri, context, ask, first);
  }

  /** A hit: its value may be due to be loaded anew. */
  #renewEarly(uri: string, loader: Loader<V>, given: LoadOptions): void {
    const grace = this.#grace;
    if (grace === undefined) return;
    grace.onHit(uri, this.#asking(uri, loader, given), this.#level.firstLevelOptions(given));
  }

  /** Asks the second level, then the origin. */
  #asking(uri: string, loader: Loader<V> | undefined, given: LoadOptions): InnerLoad<V> {
    const make = (context: LoadContext<V>): Loaded<V> | Promise<Loaded<V>> => {
      if (loader === undefined) throw new NotHeld();
      return loader(uri, context);
    };
    return (context, isForced) => this.#level.load(uri, context, make, given, isForced);
  }

  #lookUp(uris: readonly string[]): Promise<Map<string, V>> {
    return this.#l1.loadMany(uris, (missing, context) =>
      this.#level.loadMany(missing, context, undefined, {}),
    );
  }

  async #drop(invalidation: Invalidation): Promise<number> {
    const dropped = this.#dropFirst(invalidation);
    await this.#level.invalidate(invalidation);
    return dropped;
  }

  #dropFirst(invalidation: Invalidation): number {
    this.#grace?.apply(invalidation);
    switch (invalidation.kind) {
      case 'uri':
        return this.#l1.invalidate(invalidation.uri) ? 1 : 0;
      case 'tag':
        return this.#l1.invalidateTag(invalidation.tag);
      case 'pattern':
        return this.#l1.invalidatePattern(invalidation.pattern);
      case 'all': {
        const { size } = this.#l1;
        this.#l1.clear();
        return size;
      }
    }
  }
}

/** Ends a load without a loader that neither level can answer. */
class NotHeld extends Error {}

function isLoadFailure(error: unknown): error is GranaryError {
  return error instanceof GranaryError && error.code === 'ERR_GRANARY_LOAD_FAILED';
}

function isNotHeld(error: unknown): boolean {
  return isLoadFailure(error) && (error.cause instanceof NotHeld || error.data['absent'] === true);
}

function nothing(error: unknown): Map<string, never> {
  if (!isLoadFailure(error)) throw error;
  return new Map<string, never>();
}

function noLoader(uri: string): GranaryError {
  return new GranaryError(
    'ERR_GRANARY_NO_LOADER',
    `${describeUri(uri)} is not cached and no loader was given: pass one to load(uri, loader)`,
    { data: { uri } },
  );
}
