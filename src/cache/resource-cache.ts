import { describeUri, describeValue } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { EventHub } from '../events/event-hub.ts';
import type { ResourceEventName, ResourceListener } from '../events/resource-event.ts';
import { badOption, callGiven, checkFunction, checkTag, checkUri } from '../options.ts';
import { parsePattern, type UriPattern } from '../registry/uri-pattern.ts';
import {
  type BoundsChange,
  type CacheOptions,
  type CacheSettings,
  checkAbortSignal,
  checkWeight,
  readBounds,
  readCacheOptions,
  readLifetime,
} from './cache-options.ts';
import type { CacheStats, EntryInfo } from './cache-stats.ts';
import type { DumpHost } from './dump-host.ts';
import { type DumpSource, restoreDump, type RestoreSummary } from './dump-restore.ts';
import { createHeapParts } from './heap-parts.ts';
import { HeapStore } from './heap-store.ts';
import type { BulkLoader, Loader, LoadOptions, SetOptions } from './loader.ts';
import { NativeStore } from './native-store.ts';
import { ReadThrough } from './read-through.ts';
import { Restores } from './restores.ts';
import type { Lifetime, Revalidatable, Store } from './store.ts';
import { weighValue } from './value-weight.ts';

/**
 * Drops what matches from a cache, as its `invalidatePattern` does: for who keys entries by more than
 * a URI, which the patterns that users write cannot tell from it.
 */
export let dropMatching: <V>(cache: ResourceCache<V>, pattern: UriPattern) => number;

/**
 * Stores a value as a load of the cache does: tells of it by `loaded`, unless the loader has found it
 * unchanged. For loads of who stands behind it.
 */
export let storeLoaded: <V>(
  cache: ResourceCache<V>,
  uri: string,
  value: V,
  options: SetOptions,
  isNew: boolean,
) => void;

/** What a cache keeps of a URI that has expired, to be revalidated. For who stands around it. */
export let revalidatableIn: <V>(
  cache: ResourceCache<V>,
  uri: string,
) => Revalidatable<V> | undefined;

/**
 * For how many ms an entry lives from now, if nobody asks for it: `Infinity` until it is dropped,
 * `undefined` where there is none.
 */
export let remainingMs: <V>(cache: ResourceCache<V>, uri: string) => number | undefined;

/**
 * A cache of resources by URI, bounded in entries and bytes at all times.
 *
 * With storage `heap`, values are held by reference: an object that a caller changes is changed in the
 * cache. With storage `native` they are held as bytes outside of the heap, shared by threads that open
 * one `name`; what it gives is frozen or a copy. A hit crosses into nothing: one map look-up and a read
 * of a clock that a native thread ticks (`native`: for what this thread has at hand). No expired
 * value is returned, with a lag of at most one tick (1 ms, longer only while the machine gives that
 * thread no time).
 *
 * @example
 * ```ts
 * import { ResourceCache } from 'mcp-granary';
 * const cache = new ResourceCache<string>({ maxEntries: 1_000, ttlMs: 60_000 });
 * cache.set('user://42/profile', 'Ada');
 * console.log(cache.get('user://42/profile')); // Ada
 * ```
 */
export class ResourceCache<V = unknown> implements Disposable {
  readonly #settings: CacheSettings<V>;
  readonly #hub = new EventHub<V>();
  readonly #heard = this.#hub.heard;
  readonly #store: Store<V>;
  readonly #readThrough: ReadThrough<V>;
  readonly #restores = Restores.of(this);
  #closed = false;
  /** Whether a set of a string without options is nothing but one of the store. */
  #isPlain: boolean;

  static {
    dropMatching = (cache, pattern) => cache.#dropMatching(pattern);
    storeLoaded = (cache, uri, value, options, isNew) => {
      if (!isNew) cache.#readThrough.revalidations++;
      cache.#set(uri, value, options, isNew);
    };
    revalidatableIn = (cache, uri) => (cache.#closed ? undefined : cache.#store.revalidatable(uri));
    remainingMs = (cache, uri) => (cache.#closed ? undefined : cache.#store.remainingMs(uri));
  }

  /** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
  constructor(options?: CacheOptions<V>) {
    this.#settings = readCacheOptions(options);
    this.#store = openStore(this.#settings, this.#hub);
    const { storage, logger, weigh } = this.#settings;
    this.#isPlain = storage === 'heap' && logger === undefined && weigh === weighValue;
    this.#readThrough = new ReadThrough<V>({
      get: (uri) => this.get(uri),
      lastKnown: (uri) => this.#store.lastKnown(uri),
      revalidatable: (uri) => this.#store.revalidatable(uri),
      store: (uri, value, given, isNew) => this.#set(uri, value, given, isNew),
      fleet: this.#store.fleet,
      land: (number, uri, value, given, isNew) => this.#land(number, uri, value, given, isNew),
      served: (uri, value, callers) => this.#tellServed(uri, value, callers),
    });
  }

  /**
   * Entries held; what has expired counts until it is freed, at most 50 ms later, or `staleTtlMs` where it
   * has a validator.
   */
  get size(): number {
    return this.#closed ? 0 : this.#store.size;
  }

  /** Bytes held, as `weigh` counts them. */
  get weightBytes(): number {
    return this.#closed ? 0 : this.#store.weightBytes;
  }

  /**
   * Heavier entries are not kept: half of `maxBytes`, or all of it with policy `lru` or a `maxEntries`
   * below 64.
   */
  get maxEntryBytes(): number {
    return this.#store.maxEntryBytes;
  }

  /** Whether other threads may have the same entries: with a `name`. Costs a field's read. */
  get isShared(): boolean {
    return this.#settings.name !== undefined;
  }

  /**
   * The cached value; counts as an access. No crossing and no allocation, but with storage `native` for
   * what this thread has not at hand.
   *
   * @returns `undefined` on a miss.
   * @throws `ERR_GRANARY_BAD_URI`, `ERR_GRANARY_CLOSED`
   */
  get(uri: string): V | undefined {
    const value = this.#store.get(uri);
    if (value === undefined) {
      // Everything that a miss may turn out to be; a hit pays for none of it.
      if (this.#closed || typeof uri !== 'string' || uri.length === 0) this.#checkKey(uri);
      this.#store.countMiss();
      if (this.#hub.isHeard) this.#hub.flush();
    } else if (this.#heard.accessed) {
      this.#hub.queue({ uri, event: 'accessed', value });
      this.#hub.flush();
    }
    return value;
  }

  /** As `get`, but no access is recorded and no counter moves. */
  peek(uri: string): V | undefined {
    this.#checkKey(uri);
    const value = this.#store.peek(uri);
    this.#hub.flush();
    return value;
  }

  /** Whether `get` would return a value; no access is recorded. */
  has(uri: string): boolean {
    return this.peek(uri) !== undefined;
  }

  /**
   * Caches a value; its time to live starts anew. Weighs it, unless `weightBytes` is given; what
   * leaves to make room is told by `evicted`.
   *
   * @throws `ERR_GRANARY_BAD_OPTION` where the value is `undefined` or an option is out of range
   */
  set(uri: string, value: V, options?: SetOptions): void {
    const isPlain =
      this.#isPlain &&
      options === undefined &&
      typeof value === 'string' &&
      typeof uri === 'string' &&
      uri.length > 0 &&
      this.#readThrough.flights.size === 0 &&
      !this.#restores.areUnderWay;
    if (!isPlain) {
      this.#set(uri, value, options, false);
      return;
    }
    // All that `#set` comes to then: so short that it is compiled as one with the store's part.
    const store = this.#store;
    store.set(uri, value, store.weigh(value), this.#settings.lifetime, false);
    if (this.#hub.isHeard) this.#hub.flush();
  }

  /** The cached values of those URIs that have one, in the order of `uris`. */
  getMany(uris: Iterable<string>): Map<string, V> {
    const found = new Map<string, V>();
    for (const uri of this.#checkUris(uris)) {
      const value = this.get(uri);
      if (value !== undefined) found.set(uri, value);
    }
    return found;
  }

  /** Caches several values with the same options; all are checked before the first is stored. */
  setMany(entries: Iterable<readonly [string, V]>, options?: SetOptions): void {
    this.#checkOpen();
    const given = this.#lifetimeOf(options);
    const weighed = [...checkIterable('entries', entries)].map((pair: readonly [string, V]) => {
      if (!Array.isArray(pair)) badOption('entries', pair, 'an iterable of [uri, value]');
      const [uri, value] = pair;
      checkUri(uri);
      const form = this.#prepare(uri, value);
      return { uri, form, weight: this.#weigh(uri, value, form, options) };
    });
    for (const { uri, form, weight } of weighed) this.#put(uri, form, weight, given, false);
  }

  /**
   * The cached value, else that of the loader: one call of it however many callers ask meanwhile.
   * A value that was set or invalidated while the load ran is not overwritten by it.
   *
   * @throws (rejects with) `ERR_GRANARY_LOAD_FAILED` with the loader's error as `cause`,
   * `ERR_GRANARY_NO_LOADER`, `ERR_GRANARY_ABORTED`, `ERR_GRANARY_CLOSED`
   *
   * @example
   * ```ts
   * import { ResourceCache } from 'mcp-granary';
   * const cache = new ResourceCache<string>();
   * console.log(await cache.load('user://42', async (uri) => `loaded ${uri}`)); // loaded user://42
   * ```
   */
  async load(uri: string, loader?: Loader<V>, options?: LoadOptions): Promise<V> {
    this.#checkKey(uri);
    if (loader !== undefined) checkFunction('loader', loader);
    if (!this.#store.accepts(uri)) refuseUri(uri);
    return this.#readThrough.load(uri, loader, this.#checkLoad(options));
  }

  /**
   * As `load` for several URIs: one call of the bulk loader for all that are neither cached nor
   * under way.
   *
   * @returns the values by URI, in the order of `uris`; without those that the loader left out.
   */
  async loadMany(
    uris: Iterable<string>,
    loader: BulkLoader<V>,
    options?: LoadOptions,
  ): Promise<Map<string, V>> {
    const checked = this.#checkUris(uris);
    checkFunction('loader', loader);
    for (const uri of checked) if (!this.#store.accepts(uri)) refuseUri(uri);
    return this.#readThrough.loadMany(checked, loader, this.#checkLoad(options));
  }

  /** Drops one entry. @returns whether there was one. */
  invalidate(uri: string): boolean {
    this.#checkKey(uri);
    const removed = this.#store.invalidate(uri);
    this.#readThrough.flights.detach(uri);
    this.#restores.overtake(uri);
    this.#end();
    return removed;
  }

  /**
   * Drops every entry whose URI matches. A RegExp must match at index 0 and is tried on every key;
   * a string is a template (with `{`), a prefix (with a trailing `*`) or the exact URI, and only
   * keys with its literal prefix are looked at.
   *
   * @returns how many
   * @throws `ERR_GRANARY_BAD_TEMPLATE`, `ERR_GRANARY_BAD_OPTION`
   */
  invalidatePattern(pattern: RegExp | string): number {
    this.#checkOpen();
    const parsed = parsePattern(pattern);
    if (parsed.kind === 'exact') return this.invalidate(parsed.prefix) ? 1 : 0;
    return this.#dropMatching(parsed);
  }

  /** Drops every entry with this tag. @returns how many */
  invalidateTag(tag: string): number {
    this.#checkOpen();
    checkTag('tag', tag);
    const removed = this.#store.invalidateTag(tag);
    this.#readThrough.flights.detachTag(tag);
    this.#restores.overtakeWhere((_, tags) => tags.includes(tag));
    this.#end();
    return removed;
  }

  /** Drops every entry. */
  clear(): void {
    this.#checkOpen();
    this.#store.clear();
    this.#readThrough.flights.detachWhere(() => true);
    this.#restores.overtakeWhere(() => true);
    this.#end();
  }

  /** Frees what has expired now instead of within 50 ms. @returns how many this call freed */
  cleanupExpired(): number {
    this.#checkOpen();
    const freed = this.#store.expire();
    this.#end();
    return freed;
  }

  /** What is known of an entry; no access is recorded. */
  info(uri: string): EntryInfo | undefined {
    this.#checkKey(uri);
    const info = this.#store.info(uri);
    this.#hub.flush();
    return info;
  }

  stats(): CacheStats {
    this.#checkOpen();
    const { size, weightBytes, maxEntries, maxBytes, hits, misses, ...counts } =
      this.#store.census();
    const { loads, loadFailures, coalescedLoads, revalidations } = this.#readThrough;
    return {
      size,
      maxSize: maxEntries,
      memoryBytes: weightBytes,
      maxMemoryBytes: maxBytes,
      ttlSeconds: this.#settings.lifetime.ttlMs / 1_000,
      hits,
      misses,
      hitRatio: hits + misses === 0 ? 0 : hits / (hits + misses),
      loads,
      loadFailures,
      coalescedLoads,
      revalidations,
      ...counts,
    };
  }

  /** URIs of the living entries, oldest first; entries may change meanwhile. */
  keys(): IterableIterator<string> {
    return this.#each(this.#store.keys());
  }

  /** Living entries, oldest first; entries may change meanwhile. No access is recorded. */
  entries(): IterableIterator<[string, V]> {
    return this.#each(this.#store.living());
  }

  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.entries();
  }

  /** Listeners run synchronously, after the state has changed and before the call returns. */
  on(event: ResourceEventName, listener: ResourceListener<V>): this {
    this.#checkOpen();
    this.#hub.add(event, listener, false);
    return this;
  }

  once(event: ResourceEventName, listener: ResourceListener<V>): this {
    this.#checkOpen();
    this.#hub.add(event, listener, true);
    return this;
  }

  off(event: ResourceEventName, listener: ResourceListener<V>): this {
    this.#hub.remove(event, listener);
    return this;
  }

  /**
   * The living entries as a stream of bytes that `restore` takes in, now or in another process:
   * compressed, checksummed, least recently used first. What the cache holds may change meanwhile;
   * each entry is dumped as it is at one moment. Entries that cannot be cloned are left out, and the
   * logger is told how many.
   *
   * Costs a list of all URIs at once, then work in slices of about 1 ms; holds about 256 kB and the
   * largest entry.
   *
   * @throws `ERR_GRANARY_CLOSED`, also while it is read
   *
   * @example
   * ```ts
   * import { ResourceCache } from 'mcp-granary';
   * const cache = new ResourceCache<string>();
   * cache.set('user://42', 'Ada');
   * const next = new ResourceCache<string>();
   * await next.restore(cache.dump());
   * console.log(next.get('user://42')); // Ada
   * ```
   */
  dump(): AsyncIterable<Uint8Array> {
    this.#checkOpen();
    return this.#store.dump(this.#dumpHost());
  }

  /**
   * Takes in the entries of a dump, once all of it has been read and found whole. Their lives go on
   * by the wall clock: what has expired since is dropped. What the cache holds, or what is set or
   * invalidated meanwhile, wins over the dump; bounds hold throughout, and what leaves for them is
   * told by `evicted`. Restored entries count as used after those that are held, in their order.
   * Values are structured clones; restore only what you trust, as V8 is not made for hostile ones.
   *
   * Costs a second reading from memory, beyond 8 MB from a temporary file, in slices of about 1 ms.
   *
   * @param source a stream or file of any size, or what `dump` returned
   * @returns how many entries were restored, had expired, or were skipped
   * @throws (rejects with) `ERR_GRANARY_BAD_DUMP`, `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_CLOSED`, or
   * what the source throws; the cache then stays as it was
   */
  async restore(source: DumpSource): Promise<RestoreSummary> {
    this.#checkOpen();
    checkSource(source);
    const restore = this.#restores.begin(this.#store.beginRestore());
    try {
      return await restoreDump(source, () => {
        this.#checkOpen();
        const restored = (uri: string): void => this.#restores.tellRestored(uri);
        return this.#store.openSink(restore, { ...this.#dumpHost(), restored });
      });
    } finally {
      this.#restores.end(restore);
      if (!this.#closed) this.#store.endRestore();
    }
  }

  /** Changes the bounds; what no longer fits is evicted with cause `resize`. */
  resize(bounds: BoundsChange): void {
    this.#checkOpen();
    this.#store.resize(readBounds(bounds, this.#store.census()));
    this.#end();
  }

  /** Frees what has expired and settles all pending policy work. */
  sync(): void {
    this.#checkOpen();
    this.#store.sync();
    this.#end();
  }

  /** Frees everything and ends loads under way; a second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#isPlain = false;
    this.#hub.removeAll();
    this.#readThrough.flights.close(closedError());
    this.#store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #dropMatching(pattern: UriPattern): number {
    this.#checkOpen();
    const removed = this.#store.invalidateMatching(pattern);
    this.#readThrough.flights.detachWhere((uri) => pattern.matches(uri));
    this.#restores.overtakeWhere((uri) => pattern.matches(uri));
    this.#end();
    return removed;
  }

  #set(uri: string, value: V, options: SetOptions | undefined, loaded: boolean): void {
    this.#checkKey(uri);
    const lifetime = this.#lifetimeOf(options);
    const form = this.#prepare(uri, value);
    this.#put(uri, form, this.#weigh(uri, value, form, options), lifetime, loaded);
  }

  #put(uri: string, form: unknown, weight: number, lifetime: Lifetime, loaded: boolean): void {
    // `weigh`, or a listener of a value set before this one, may have closed the cache.
    this.#checkOpen();
    const { flights } = this.#readThrough;
    if (flights.size > 0) flights.detach(uri);
    this.#restores.overtake(uri);
    if (this.#settings.logger !== undefined) this.#logIfTooLarge(uri, weight);
    this.#store.set(uri, form, weight, lifetime, loaded);
    if (loaded) this.#hub.flush();
    else this.#end();
  }

  #land(number: number, uri: string, value: V, options: LoadOptions, isNew: boolean): V {
    const form = this.#prepare(uri, value);
    const weight = this.#weigh(uri, value, form, options);
    this.#checkOpen();
    this.#logIfTooLarge(uri, weight);
    this.#restores.overtake(uri);
    const lifetime = this.#lifetimeOf(options);
    const kept = this.#store.fleet!.land(number, form, weight, lifetime, isNew);
    this.#hub.flush();
    return kept;
  }

  #dumpHost(): DumpHost {
    return {
      logger: this.#settings.logger,
      checkOpen: () => this.#checkOpen(),
      flush: () => this.#hub.flush(),
    };
  }

  #logIfTooLarge(uri: string, weightBytes: number): void {
    const { logger } = this.#settings;
    if (logger === undefined) return;
    const { maxEntryBytes } = this;
    if (weightBytes <= maxEntryBytes) return;
    logger.debug('a value is too large for its cache and is not kept', {
      uri: describeUri(uri),
      weightBytes,
      maxEntryBytes,
    });
  }

  #lifetimeOf(options: SetOptions | undefined): Lifetime {
    return options === undefined ? this.#settings.lifetime : this.#readLifetime(options);
  }

  #readLifetime(options: SetOptions): Lifetime {
    const read = readLifetime(options, this.#settings.lifetime, this.#settings.staleTtlMs);
    for (const tag of read.tags) {
      if (!this.#store.accepts(tag)) badOption('tags', tag, WELL_FORMED);
    }
    return read;
  }

  #prepare(uri: string, value: V): unknown {
    if (value === undefined) badOption('value', value, 'anything but undefined');
    if (!this.#store.accepts(uri)) refuseUri(uri);
    return this.#store.prepare(uri, value);
  }

  #weigh(uri: string, value: V, form: unknown, options: SetOptions | undefined): number {
    const isOurs = options === undefined && this.#settings.weigh === weighValue;
    return isOurs ? this.#store.weigh(form) : this.#askWeight(uri, value, form, options);
  }

  #askWeight(uri: string, value: V, form: unknown, options: SetOptions | undefined): number {
    const given = options?.weightBytes;
    if (given !== undefined) return checkWeight('weightBytes', given);
    const { weigh } = this.#settings;
    if (weigh === weighValue) return this.#store.weigh(form);
    return checkWeight(
      'the result of weigh',
      callGiven('weigh', () => weigh(value, uri)),
    );
  }

  /** The end of a call that changed something: tells it, then what went wrong in the core. */
  #end(): void {
    this.#hub.flush();
    this.#store.throwFault();
  }

  #tellServed(uri: string, value: V, callers: number): void {
    this.#store.fleet?.served(uri, value, callers);
    if (this.#hub.heard.accessed) {
      for (let caller = 0; caller < callers; caller++) {
        this.#hub.queue({ uri, event: 'accessed', value });
      }
    }
    this.#hub.flush();
  }

  #each<T>(living: Iterable<T>): Generator<T> {
    this.#checkOpen();
    return this.#tellingEach(living);
  }

  *#tellingEach<T>(living: Iterable<T>): Generator<T> {
    for (const entry of living) {
      this.#hub.flush();
      yield entry;
    }
    this.#hub.flush();
  }

  /** The checks themselves are called only to fail: this stands in the way of every set and miss. */
  #checkKey(uri: unknown): asserts uri is string {
    if (this.#closed) this.#checkOpen();
    if (typeof uri !== 'string' || uri.length === 0) checkUri(uri);
  }

  #checkUris(uris: Iterable<string>): string[] {
    this.#checkOpen();
    const checked = [...checkIterable('uris', uris)];
    for (const uri of checked) checkUri(uri);
    return checked;
  }

  #checkLoad(options: LoadOptions | undefined): LoadOptions {
    if (options === undefined) return {};
    this.#lifetimeOf(options);
    if (options.weightBytes !== undefined) checkWeight('weightBytes', options.weightBytes);
    checkAbortSignal('signal', options.signal);
    return options;
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function openStore<V>(settings: CacheSettings<V>, hub: EventHub<V>): Store<V> {
  return settings.storage === 'native'
    ? new NativeStore<V>(settings, hub)
    : new HeapStore<V>(settings, createHeapParts(settings), hub);
}

const WELL_FORMED = "well-formed Unicode with storage 'native'";

function refuseUri(uri: string): never {
  throw new GranaryError(
    'ERR_GRANARY_BAD_URI',
    `a URI must be ${WELL_FORMED}, got ${describeValue(uri)}`,
    { data: { uri: describeValue(uri), allowed: WELL_FORMED } },
  );
}

function closedError(): GranaryError {
  return new GranaryError('ERR_GRANARY_CLOSED', 'this cache is closed: make a new one');
}

function checkSource(source: DumpSource): void {
  const isIterable =
    typeof source === 'object' &&
    source !== null &&
    (Symbol.asyncIterator in source || Symbol.iterator in source);
  if (!isIterable) badOption('source', source, 'an iterable or async iterable of Uint8Arrays');
}

function checkIterable<T>(option: string, value: Iterable<T>): Iterable<T> {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
    badOption(option, value, 'an iterable, such as an array');
  }
  return value;
}
