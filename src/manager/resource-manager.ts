import { checkAbortSignal } from '../cache/cache-options.ts';
import type { LoadContext, Loaded, LoadOptions } from '../cache/loader.ts';
import type { CacheStats } from '../cache/cache-stats.ts';
import {
  PARTITION_SEPARATOR,
  partitionKey,
  PUBLIC_PARTITION,
  type Partition,
} from '../cache/partition-key.ts';
import { remainingMs, ResourceCache } from '../cache/resource-cache.ts';
import { NOT_MODIFIED } from '../cache/validator.ts';
import { GranaryError } from '../errors.ts';
import { EventHub } from '../events/event-hub.ts';
import type { ResourceEventName, ResourceListener } from '../events/resource-event.ts';
import { badOption, checkFunction, checkOptions, checkTag, checkUri } from '../options.ts';
import type { RegisterOptions, Registration, ResourceLoader } from '../registry/registration.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';
import {
  precedes,
  UriRegistry,
  type RegistryChange,
  type Resolution,
} from '../registry/uri-registry.ts';
import { ChangeFeed } from './change-feed.ts';
import { readManagerOptions, type ManagerOptions } from './manager-options.ts';
import { partitionOf, readerOf, type Reader } from './partition.ts';
import { PartitionedCache } from './partitioned-cache.ts';
import type { ReadContext, ReadOptions } from './read-context.ts';
import { readFailure } from './read-failure.ts';
import { Grace, gracedLevel, type GraceStats, type InnerLoad } from '../tiers/grace.ts';
import { type Invalidation, patternInvalidation } from '../tiers/invalidation.ts';
import { SecondLevel } from '../tiers/second-level.ts';
import {
  isTierEventName,
  type TierEventListener,
  type TierEventName,
  TierJournal,
} from '../tiers/tier-journal.ts';
import type { TierStats } from '../tiers/tier-stats.ts';
import { fingerprintOf, splitValidator, toReadResult, type ReadResult } from './read-result.ts';
import { ResourceWatcher } from './resource-watcher.ts';
import { loadUncached } from './uncached-load.ts';

/**
 * Drops every partition of the URIs that match, and tells who watches them. Other processes, which are
 * told of patterns as they are written, drop what `wide` matches.
 */
export let invalidateUris: (
  manager: ResourceManager,
  uris: UriPattern,
  wide: string | RegExp,
) => number;

type ManagerListener = ResourceListener<ReadResult> | TierEventListener;

/** For how long, and for whom, a kept resource is good. */
export interface Freshness {
  /** ms from now, if nobody invalidates it; `Infinity` for what does not expire. */
  readonly remainingMs: number;
  /** Whether everybody who reads it gets the same copy. */
  readonly public: boolean;
}

/** Counters of a manager: those of its cache, and the reads that bypassed it. */
export interface ManagerStats extends CacheStats {
  /** Reads of patterns that are not public, by readers with neither principal nor session. */
  readonly uncachedReads: number;
  /** What lies behind the cache, where it has a `tier`. */
  readonly tier: TierStats | undefined;
  /** Where any option about grace is given. */
  readonly grace: GraceStats | undefined;
}

/**
 * Reads resources by URI: finds the loader of the pattern, loads once however many ask, caches under
 * the pattern's time to live, and tells what happens.
 *
 * What is read through a pattern that is not `public` is kept apart for each principal, or for each
 * session where there is no principal, and not kept at all without either.
 *
 * @example
 * ```ts
 * import { ResourceManager } from 'mcp-granary';
 * const manager = new ResourceManager();
 * manager.register('user://{id}/profile', (uri, { id }) => ({ id, name: `User ${id}` }), {
 *   ttlMs: 300_000,
 *   public: true,
 * });
 * const { contents } = await manager.read('user://42/profile');
 * console.log(contents[0]?.text); // {"id":"42","name":"User 42"}
 * manager.close();
 * ```
 */
export class ResourceManager implements Disposable {
  /** Which loader a URI belongs to; may serve other managers too. */
  readonly registry: UriRegistry<ReadContext>;
  readonly #cache: PartitionedCache;
  readonly #ownsCache: boolean;
  readonly #hub = new EventHub<ReadResult>();
  readonly #watcher: ResourceWatcher;
  readonly #feed: ChangeFeed;
  readonly #level: SecondLevel<ReadResult> | undefined;
  readonly #grace: Grace<ReadResult> | undefined;
  readonly #journal = new TierJournal();
  readonly #stopFollowingRegistry: () => void;
  #uncachedReads = 0;
  #closed = false;

  static {
    invalidateUris = (manager, uris, wide) => {
      manager.#checkOpen();
      const drop = (): number => manager.#cache.invalidateMatching(uris);
      return manager.#drop(patternInvalidation(wide), drop);
    };
  }

  /**
   * Without options: 15 minutes, 100 entries, 100 MiB.
   *
   * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range.
   */
  constructor(options?: ManagerOptions) {
    const { cache, cacheOptions, tier, grace, registry, schedule } = readManagerOptions(options);
    this.registry = registry ?? new UriRegistry<ReadContext>();
    this.#ownsCache = cache === undefined;
    this.#cache = PartitionedCache.of(cache ?? new ResourceCache<ReadResult>(cacheOptions));
    this.#cache.addHub(this.#hub);
    this.#grace = grace && new Grace(grace, this.#journal, cacheOptions, this.#cache.cache);
    this.#level =
      tier &&
      new SecondLevel(
        tier,
        gracedLevel(this.#cache, this.#grace),
        cacheOptions.clock,
        this.#journal,
      );
    this.#watcher = new ResourceWatcher(
      {
        read: (uri, reader) => this.read(uri, reader),
        partitionOf: (uri, reader) => this.#partitionOf(uri, reader),
        lifetimeOf: (uri) => this.#lifetimeOf(uri),
      },
      this.#cache,
      this.#hub,
      schedule,
    );
    this.#feed = new ChangeFeed(this.#cache, this.#hub, (uri) => this.#lifetimeOf(uri).tags);
    this.#stopFollowingRegistry = this.registry.onChange((change) =>
      this.#onRegistryChange(change),
    );
  }

  /**
   * Registers a loader for an exact URI or a URI template; what was cached of the URIs that it wins
   * is dropped.
   *
   * @param loader a string becomes text, a `Uint8Array` a blob, `{ contents }` goes out as it is,
   * anything else as JSON. Beside `contents` it may give an `etag`, a `lastModified` or both, which stay
   * here: once the resource has expired it gets them as `context.validator`, and may return
   * `context.notModified()`. For a resource that does not exist it throws a `GranaryError` with code
   * `ERR_GRANARY_NO_MATCH`.
   * @throws `ERR_GRANARY_BAD_TEMPLATE` with the position; `ERR_GRANARY_BAD_OPTION`, also for a
   * pattern that is registered already; `ERR_GRANARY_CLOSED`
   */
  register(
    pattern: string,
    loader: ResourceLoader<ReadContext>,
    options?: RegisterOptions,
  ): Registration<ReadContext> {
    this.#checkOpen();
    return this.registry.register(pattern, loader, options);
  }

  /** Forgets a pattern, drops what is cached of the URIs that it won. @returns whether it was there */
  unregister(pattern: string): boolean {
    this.#checkOpen();
    return this.registry.unregister(pattern);
  }

  /**
   * The resource under a URI, from the cache or else from its loader; one loader call for all who
   * share a copy. A hit converts nothing: every reader gets the same object.
   *
   * @param options.principal who reads, verified; comes before `session`
   * @param options.session the session of the reader
   * @throws (rejects with) `ERR_GRANARY_NO_MATCH` where there is no such resource,
   * `ERR_GRANARY_LOAD_FAILED` with the loader's error as `cause`, `ERR_GRANARY_ABORTED`,
   * `ERR_GRANARY_BAD_URI`, `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_CLOSED`
   */
  async read(uri: string, options?: ReadOptions): Promise<ReadResult> {
    this.#checkOpen();
    const given = checkOptions('options', options);
    const { signal } = given;
    checkAbortSignal('signal', signal);
    const reader = readerOf(given);
    const resolution = this.#resolve(uri);
    const partition = resolution.public ? PUBLIC_PARTITION : partitionOf(reader);
    const loader = (context: LoadContext<ReadResult>): Promise<Loaded<ReadResult>> =>
      load(uri, resolution, context, reader);
    if (partition === undefined) return this.#readUncached(uri, loader, signal);
    const key = partitionKey(uri, partition);
    const kept = { signal, ttlMs: resolution.ttlMs, tags: resolution.tags };
    const first = this.#level?.firstLevelOptions(kept) ?? kept;
    try {
      const behind = this.#behind(key, loader, kept, first);
      return await this.#cache.load(uri, partition, behind, first);
    } catch (error) {
      throw readFailure(error, uri, key);
    }
  }

  /**
   * Reads several URIs as `read` does each, at the same time.
   *
   * @returns the results by URI, in the order of `uris`
   * @throws (rejects with) the first failure, as `read`
   */
  async readMany(uris: Iterable<string>, options?: ReadOptions): Promise<Map<string, ReadResult>> {
    this.#checkOpen();
    if (typeof uris !== 'object' || uris === null || !(Symbol.iterator in uris)) {
      badOption('uris', uris, 'an iterable, such as an array');
    }
    return new Map(
      await Promise.all(
        Array.from(new Set(uris), async (uri) => [uri, await this.read(uri, options)] as const),
      ),
    );
  }

  /**
   * Calls a listener whenever the content under a URI may have changed (an invalidation, also of
   * what is not cached) or has changed (a load that brought other content). While a URI is watched
   * it is loaded again when it expires, up to `reloadJitterMs` later.
   *
   * @returns ends the watch
   * @throws `ERR_GRANARY_NO_MATCH`, `ERR_GRANARY_BAD_URI`, `ERR_GRANARY_BAD_OPTION`,
   * `ERR_GRANARY_CLOSED`
   */
  watch(uri: string, listener: (uri: string) => void, reader?: Reader): () => void {
    this.#checkOpen();
    checkFunction('listener', listener);
    const checked = readerOf(checkOptions('reader', reader));
    this.#resolve(uri);
    return this.#watcher.watch(uri, checked, listener);
  }

  /**
   * Calls a listener with every URI whose content may have changed (an invalidation of it, of what is
   * held or was read lately) or has changed (a load that brought other content). Unlike `watch` it
   * loads nothing by itself: what has expired shows its change when it is read again.
   *
   * @returns ends it
   * @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_CLOSED`
   */
  watchAll(listener: (uri: string) => void): () => void {
    this.#checkOpen();
    checkFunction('listener', listener);
    return this.#feed.subscribe(listener);
  }

  /**
   * For how long what a reader was given is fresh; no access is recorded.
   *
   * @param content what was read: where something else is kept by now, it is not fresh any more
   * @returns `undefined` where nothing is kept for that reader, or not this
   * @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_CLOSED`
   */
  freshness(uri: string, reader?: Reader, content?: ReadResult): Freshness | undefined {
    this.#checkOpen();
    const partition = this.#partitionOf(uri, readerOf(checkOptions('reader', reader)));
    if (partition === undefined) return undefined;
    if (content !== undefined && !this.#keeps(uri, partition, content)) return undefined;
    const remaining = remainingMs(this.#cache.cache, partitionKey(uri, partition));
    if (remaining === undefined) return undefined;
    return { remainingMs: remaining, public: partition === PUBLIC_PARTITION };
  }

  /** Drops every partition of one URI. @returns whether there was any */
  invalidate(uri: string): boolean {
    this.#checkOpen();
    checkUri(uri);
    return this.#drop({ kind: 'uri', uri }, () => this.#cache.invalidate(uri));
  }

  /**
   * Drops every partition of every URI that matches: a RegExp at index 0, tried on every URI; a
   * string as a template (with `{`), a prefix (with a trailing `*`) or the exact URI.
   *
   * @returns how many entries
   * @throws `ERR_GRANARY_BAD_TEMPLATE`, `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_CLOSED`
   */
  invalidatePattern(pattern: RegExp | string): number {
    this.#checkOpen();
    return this.#drop(patternInvalidation(pattern), () => this.#cache.invalidatePattern(pattern));
  }

  /** Drops every entry with this tag. @returns how many */
  invalidateTag(tag: string): number {
    this.#checkOpen();
    checkTag('tag', tag);
    return this.#drop({ kind: 'tag', tag }, () => this.#cache.invalidateTag(tag));
  }

  /** Drops everything, in a cache from outside also what others have put there. */
  clear(): void {
    this.#checkOpen();
    this.#drop({ kind: 'all' }, () => this.#cache.clear());
  }

  /**
   * Waits for what is on its way to the `tier`: after an invalidation, so that no other process finds
   * there what it is about; before a process ends, so that what it has loaded last is there for others.
   *
   * @returns resolves when it is there, or cannot be told now: then it is told when the tier is back
   * @throws (rejects with) `ERR_GRANARY_CLOSED`
   */
  async flush(): Promise<void> {
    this.#checkOpen();
    await this.#level?.flush();
  }

  /** Frees what has expired now instead of within 50 ms. @returns how many this call freed */
  cleanupExpired(): number {
    this.#checkOpen();
    return this.#cache.cache.cleanupExpired();
  }

  /** Frees what has expired and settles all pending work of the cache. */
  sync(): void {
    this.#checkOpen();
    this.#cache.cache.sync();
  }

  stats(): ManagerStats {
    this.#checkOpen();
    const tier = this.#level?.stats();
    const grace = this.#grace?.stats();
    return { ...this.#cache.cache.stats(), uncachedReads: this.#uncachedReads, tier, grace };
  }

  /**
   * Events carry the URI, and in `metadata.partition` whose copy it was: `public` or a hash. With a
   * cache from outside they tell of everything in it. With a `tier` there are the events of
   * `TieredCache` too.
   */
  on(event: ResourceEventName, listener: ResourceListener<ReadResult>): this;
  on(event: TierEventName, listener: TierEventListener): this;
  on(event: ResourceEventName | TierEventName, listener: ManagerListener): this {
    return this.#listen(event, listener, false);
  }

  once(event: ResourceEventName, listener: ResourceListener<ReadResult>): this;
  once(event: TierEventName, listener: TierEventListener): this;
  once(event: ResourceEventName | TierEventName, listener: ManagerListener): this {
    return this.#listen(event, listener, true);
  }

  off(event: ResourceEventName, listener: ResourceListener<ReadResult>): this;
  off(event: TierEventName, listener: TierEventListener): this;
  off(event: ResourceEventName | TierEventName, listener: ManagerListener): this {
    if (isTierEventName(event)) {
      this.#journal.remove(event, listener as TierEventListener);
    } else this.#hub.remove(event, listener as ResourceListener<ReadResult>);
    return this;
  }

  /** Ends watches and closes the cache, unless that came from outside; a second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopFollowingRegistry();
    this.#level?.close();
    this.#grace?.close();
    this.#journal.removeAll();
    this.#watcher.close();
    this.#feed.close();
    this.#hub.removeAll();
    this.#cache.removeHub(this.#hub);
    if (this.#ownsCache) this.#cache.cache.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #listen(
    event: ResourceEventName | TierEventName,
    listener: ManagerListener,
    once: boolean,
  ): this {
    this.#checkOpen();
    if (isTierEventName(event)) {
      this.#journal.add(event, listener as TierEventListener, once);
    } else this.#hub.add(event, listener as ResourceListener<ReadResult>, once);
    return this;
  }

  /**
   * Drops from all levels. What was kept goes first, as listeners may read at once; the tier is told
   * later where it is away: nobody need wait for it, but may by `flush`.
   */
  #drop<T>(invalidation: Invalidation, dropCached: () => T): T {
    this.#grace?.apply(invalidation);
    const dropped = dropCached();
    void this.#level?.invalidate(invalidation);
    return dropped;
  }

  /** What the cache calls where it has nothing. */
  #behind(
    key: string,
    loader: (context: LoadContext<ReadResult>) => Promise<Loaded<ReadResult>>,
    kept: LoadOptions,
    first: LoadOptions,
  ): (context: LoadContext<ReadResult>) => Promise<Loaded<ReadResult>> {
    const level = this.#level;
    const grace = this.#grace;
    const ask: InnerLoad<ReadResult> =
      level === undefined
        ? loader
        : (context, isForced) => level.load(key, context, loader, kept, isForced);
    if (grace === undefined) return (context) => ask(context, false);
    if (this.#cache.cache.has(key)) grace.onHit(key, ask, first);
    return (context) => grace.load(key, context, ask, first);
  }

  async #readUncached(
    uri: string,
    loader: (context: LoadContext<ReadResult>) => Promise<Loaded<ReadResult>>,
    signal: AbortSignal | undefined,
  ): Promise<ReadResult> {
    this.#uncachedReads++;
    const value = await loadUncached(uri, loader, signal);
    if (this.#hub.heard.accessed) {
      this.#hub.queue({ uri, event: 'accessed', value, metadata: { cached: false } });
      this.#hub.flush();
    }
    return value;
  }

  #resolve(uri: string): Resolution<ReadContext> {
    checkUri(uri);
    if (uri.includes(PARTITION_SEPARATOR)) {
      throw new GranaryError(
        'ERR_GRANARY_NO_MATCH',
        `no resource has a URI with the character U+0000: ${JSON.stringify(uri.slice(0, 60))}`,
        { data: { uri } },
      );
    }
    return this.registry.resolve(uri);
  }

  #keeps(uri: string, partition: Partition, content: ReadResult): boolean {
    const held = this.#cache.peek(uri, partition);
    if (held === undefined || held === content) return held !== undefined;
    // With storage 'native' each that asks is given an object of its own.
    return fingerprintOf(held) === fingerprintOf(content);
  }

  #partitionOf(uri: string, reader: Reader): Partition | undefined {
    try {
      return this.registry.resolve(uri).public ? PUBLIC_PARTITION : partitionOf(reader);
    } catch {
      return undefined; // its pattern was unregistered while it was watched
    }
  }

  #lifetimeOf(uri: string): { ttlMs: number; tags: readonly string[] } {
    const defaultTtlMs = this.#cache.cache.stats().ttlSeconds * 1_000;
    try {
      const { ttlMs = defaultTtlMs, tags } = this.registry.resolve(uri);
      return { ttlMs, tags };
    } catch {
      return { ttlMs: 0, tags: [] }; // as above
    }
  }

  /**
   * What another loader made must not be served as this one's, nor public what was private. Threads
   * that share a cache, and processes that share a tier, register the same patterns as they start: one that has read nothing yet
   * changes nothing for the others.
   */
  #onRegistryChange({ registration }: RegistryChange<ReadContext>): void {
    const { pattern, template } = registration;
    const isWon = (uri: string): boolean =>
      template.match(uri) !== undefined && this.#wins(registration, uri);
    const isShared = this.#cache.cache.isShared || this.#level !== undefined;
    if (isShared && !this.#cache.isUsed) return this.#watcher.rehome(isWon);
    this.#drop(patternInvalidation(pattern), () => {
      if (template.variables.length === 0) this.#cache.invalidate(pattern);
      else {
        const { literalPrefix: prefix } = template;
        this.#cache.invalidateMatching({ kind: 'template', prefix, matches: isWon });
      }
    });
    this.#watcher.rehome(isWon);
  }

  /**
   * Whether a URI belongs to a registration that matches it, or did as long as that was there. A
   * listener before us may have changed the registry again; of that we are told next.
   */
  #wins(registration: Registration<ReadContext>, uri: string): boolean {
    let winner: Registration<ReadContext>;
    try {
      winner = this.registry.resolve(uri).registration;
    } catch {
      return true; // nothing else matches it
    }
    return winner === registration || precedes(registration, winner);
  }

  #checkOpen(): void {
    if (this.#closed) {
      throw new GranaryError('ERR_GRANARY_CLOSED', 'this manager is closed: make a new one');
    }
  }
}

async function load(
  uri: string,
  { loader, params, mimeType, public: isPublic }: Resolution<ReadContext>,
  context: LoadContext<ReadResult>,
  reader: Reader,
): Promise<Loaded<ReadResult>> {
  const told = Object.freeze(isPublic ? { ...context } : { ...context, ...reader });
  const loaded: unknown = await loader(uri, params, told);
  if (loaded === NOT_MODIFIED) return loaded;
  const { value, validator } = splitValidator(loaded);
  const result = toReadResult(value, uri, mimeType);
  if (validator !== undefined) context.setValidator(validator);
  return result;
}
