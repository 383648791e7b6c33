import type { LoadContext, Loaded, LoadOptions } from '../cache/loader.ts';
import {
  PARTITION_SEPARATOR,
  partitionKey,
  PUBLIC_PARTITION,
  splitKey,
  type Partition,
} from '../cache/partition-key.ts';
import { type ResourceCache, revalidatableIn } from '../cache/resource-cache.ts';
import { Restores } from '../cache/restores.ts';
import { NOT_MODIFIED } from '../cache/validator.ts';
import type { EventHub } from '../events/event-hub.ts';
import {
  RESOURCE_EVENT_NAMES,
  type ResourceEvent,
  type ResourceEventName,
} from '../events/resource-event.ts';
import { parsePattern, type UriPattern } from '../registry/uri-pattern.ts';
import type { Invalidation } from '../tiers/invalidation.ts';
import type { FirstLevel } from '../tiers/second-level.ts';
import { PartitionIndex } from './partition-index.ts';
import type { ReadResult } from './read-result.ts';
import { dropUri, dropUris } from './shared-partitions.ts';

/** An invalidation that was asked for, whether or not anything was held. */
export interface Drop {
  /** The one URI that it is about, where it is about one. */
  readonly uri?: string;
  /** @param tags the tags that a read of the URI would carry. */
  matches(uri: string, tags: readonly string[]): boolean;
}

/** What is told of a load that has brought a value, before the value is stored. */
export type TagListener = (uri: string, partition: Partition, tags: readonly string[]) => void;

const partitionedCaches = new WeakMap<ResourceCache<ReadResult>, PartitionedCache>();

/**
 * A cache of (partition, URI): invalidations reach every partition of a URI, loads under way
 * included, and events carry the URI.
 *
 * There is one for a cache, however many managers use it, so that all know the same partitions.
 */
export class PartitionedCache implements FirstLevel {
  readonly cache: ResourceCache<ReadResult>;
  readonly #hubs = new Set<EventHub<ReadResult>>();
  /** Not kept where other threads fill the cache too: it would know their keys too late. */
  readonly #index: PartitionIndex;
  /** Public URIs that are being loaded, or may be revalidated: the cache lists neither. */
  readonly #publicLoads = new PartitionIndex(
    () => false,
    (uri, key) => this.#retire(uri, key),
  );
  readonly #dropListeners = new Set<(drop: Drop) => void>();
  readonly #tagListeners = new Set<TagListener>();
  readonly #heard = new Set<ResourceEventName>();
  #drops = 0;
  #isUsed = false;

  /** @returns the one partitioned view of a cache. */
  static of(cache: ResourceCache<ReadResult>): PartitionedCache {
    let view = partitionedCaches.get(cache);
    if (view === undefined) {
      view = new PartitionedCache(cache);
      partitionedCaches.set(cache, view);
    }
    return view;
  }

  private constructor(cache: ResourceCache<ReadResult>) {
    this.cache = cache;
    this.#index = new PartitionIndex(
      (key) => this.#holds(key),
      (uri, key) => this.#retire(uri, key),
    );
    this.#followHubs();
    if (cache.isShared) return;
    for (const key of cache.keys()) this.#enter(key);
    Restores.of(cache).onRestored((key) => this.#enter(key));
  }

  /** Whether an invalidation is under way, whose `Drop` is still to be announced. */
  get dropping(): boolean {
    return this.#drops > 0;
  }

  /** Whether anything was read through here yet. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  load(
    uri: string,
    partition: Partition,
    loader: (context: LoadContext<ReadResult>) => Promise<Loaded<ReadResult>>,
    options: LoadOptions,
  ): Promise<ReadResult> {
    this.#isUsed = true;
    const key = partitionKey(uri, partition);
    if (this.cache.isShared) {
      const telling = (_: string, context: LoadContext<ReadResult>): Promise<Loaded<ReadResult>> =>
        this.#tellingTags(uri, partition, loader, context, options.tags);
      return this.cache.load(key, telling, options);
    }
    const index = partition === PUBLIC_PARTITION ? this.#publicLoads : this.#index;
    return this.cache.load(
      key,
      async (_, context) => {
        index.beginLoad(uri, key);
        try {
          return await this.#tellingTags(uri, partition, loader, context, options.tags);
        } finally {
          index.endLoad(uri, key);
        }
      },
      options,
    );
  }

  peek(uri: string, partition: Partition): ReadResult | undefined {
    return this.cache.peek(partitionKey(uri, partition));
  }

  /** @returns the tags of what is held, `undefined` where nothing is. */
  tagsOf(uri: string, partition: Partition): readonly string[] | undefined {
    return this.cache.info(partitionKey(uri, partition))?.tags;
  }

  invalidate(uri: string): boolean {
    const drop = { uri, matches: (other: string) => other === uri };
    return (
      this.#drop(drop, () => {
        if (this.cache.isShared) return dropUri(this.cache, uri);
        const shared = this.cache.invalidate(uri) ? 1 : 0;
        return shared + this.#invalidateKeys(this.#index.keysOf(uri));
      }) > 0
    );
  }

  invalidatePattern(pattern: RegExp | string): number {
    const parsed = parsePattern(pattern);
    if (this.cache.isShared) return this.invalidateMatching(parsed);
    // The cache matches whole keys: it is left out where that would reach a URI that does not match.
    const isStrict = parsed.prefix.includes(PARTITION_SEPARATOR) || this.#index.hasStray(parsed);
    if (isStrict) return this.invalidateMatching(parsed);
    return this.#drop({ matches: (uri) => parsed.matches(uri) }, () => {
      // The index first, so that each entry is counted once.
      const partitioned = this.#invalidateKeys(this.#index.keysMatching(parsed));
      return partitioned + this.cache.invalidatePattern(pattern);
    });
  }

  /** Drops every partition of the URIs that match, and nothing else; looks at every entry. */
  invalidateMatching(pattern: UriPattern): number {
    return this.#drop({ matches: (uri) => pattern.matches(uri) }, () => {
      if (this.cache.isShared) return dropUris(this.cache, pattern);
      const keys = [...this.#index.keysMatching(pattern), ...this.#publicKeysMatching(pattern)];
      return this.#invalidateKeys(keys);
    });
  }

  invalidateTag(tag: string): number {
    return this.#drop({ matches: (_, tags) => tags.includes(tag) }, () =>
      this.cache.invalidateTag(tag),
    );
  }

  clear(): void {
    this.#drop({ matches: () => true }, () => {
      this.cache.clear();
      return 0;
    });
  }

  has(key: string): boolean {
    return this.cache.has(key);
  }

  staleTagsOf(key: string): readonly string[] | undefined {
    return revalidatableIn(this.cache, key)?.life.tags;
  }

  /** Another process has written to one entry, or dropped it. */
  invalidateKey(key: string): void {
    this.cache.invalidate(key);
  }

  /** Another process has invalidated: whoever watches is told as if it had been here. */
  apply(invalidation: Invalidation): void {
    switch (invalidation.kind) {
      case 'uri':
        this.invalidate(invalidation.uri);
        break;
      case 'tag':
        this.invalidateTag(invalidation.tag);
        break;
      case 'pattern':
        this.invalidatePattern(invalidation.pattern);
        break;
      case 'all':
        this.clear();
        break;
    }
  }

  /** From now on the hub gets the cache's events, each with the URI and the partition of its key. */
  addHub(hub: EventHub<ReadResult>): void {
    this.#hubs.add(hub);
    hub.onHeard = () => this.#followHubs();
    this.#followHubs();
  }

  removeHub(hub: EventHub<ReadResult>): void {
    this.#hubs.delete(hub);
    hub.onHeard = undefined;
    this.#followHubs();
  }

  onDrop(listener: (drop: Drop) => void): void {
    this.#dropListeners.add(listener);
  }

  offDrop(listener: (drop: Drop) => void): void {
    this.#dropListeners.delete(listener);
  }

  /** Tells of the tags of every load through here, also of what the cache will not keep. */
  onTags(listener: TagListener): void {
    this.#tagListeners.add(listener);
  }

  offTags(listener: TagListener): void {
    this.#tagListeners.delete(listener);
  }

  async #tellingTags(
    uri: string,
    partition: Partition,
    loader: (context: LoadContext<ReadResult>) => Promise<Loaded<ReadResult>>,
    context: LoadContext<ReadResult>,
    given: readonly string[] = [],
  ): Promise<Loaded<ReadResult>> {
    const staleTags = this.staleTagsOf(partitionKey(uri, partition));
    let chosen: readonly string[] | undefined;
    const setTags = (tags: readonly string[]): void => {
      context.setTags(tags);
      chosen = [...tags];
    };
    const value = await loader({ ...context, setTags });
    const before = value === NOT_MODIFIED ? staleTags : undefined;
    const tags = chosen ?? before ?? given;
    for (const listener of this.#tagListeners) listener(uri, partition, tags);
    return value;
  }

  #enter(key: string): void {
    const { uri, partition } = splitKey(key);
    if (partition !== PUBLIC_PARTITION) this.#index.add(uri, key);
    if (!this.#holds(key)) this.#retire(uri, key);
  }

  /** What has expired is to be found by invalidations while it may be revalidated. */
  #retire(uri: string, key: string): void {
    const index = key === uri ? this.#publicLoads : this.#index;
    if (revalidatableIn(this.cache, key) === undefined) index.forget(uri, key);
    else index.retire(uri, key, this.cache.stats().maxSize);
  }

  #holds(key: string): boolean {
    try {
      return this.cache.has(key);
    } catch {
      return false; // a closed cache
    }
  }

  /**
   * Listens to what a hub hears, so that what nobody hears builds no event and wakes no thread, and
   * to what the index is kept by.
   */
  #followHubs(): void {
    for (const event of RESOURCE_EVENT_NAMES) {
      const isIndexed = event !== 'accessed' && !this.cache.isShared;
      const isWanted = isIndexed || [...this.#hubs].some((hub) => hub.heard[event]);
      if (isWanted === this.#heard.has(event)) continue;
      if (isWanted) {
        this.#heard.add(event);
        this.cache.on(event, this.#forward);
      } else {
        this.#heard.delete(event);
        this.cache.off(event, this.#forward);
      }
    }
  }

  readonly #forward = (event: ResourceEvent<ReadResult>): void => {
    const { uri, partition } = splitKey(event.uri);
    if (!this.cache.isShared) this.#follow(event, uri, partition);
    const metadata = { ...event.metadata, partition };
    for (const hub of this.#hubs) {
      if (hub.heard[event.event]) hub.queue({ ...event, uri, metadata });
    }
    // Within a drop listeners wait until all partitions are gone.
    if (this.#drops === 0) this.#flush();
  };

  #flush(): void {
    for (const hub of this.#hubs) hub.flush();
  }

  #follow(event: ResourceEvent<ReadResult>, uri: string, partition: Partition): void {
    if (event.event === 'expired') return this.#retire(uri, event.uri);
    if (partition === PUBLIC_PARTITION) return;
    switch (event.event) {
      case 'loaded':
        this.#index.add(uri, event.uri);
        break;
      case 'invalidated':
      case 'evicted':
        this.#index.forget(uri, event.uri);
        break;
      case 'accessed':
        break;
    }
  }

  #publicKeysMatching(pattern: UriPattern): Iterable<string> {
    const keys = new Set(this.#publicLoads.keysMatching(pattern));
    for (const key of this.cache.keys()) {
      if (!key.startsWith(pattern.prefix) || key.includes(PARTITION_SEPARATOR)) continue;
      if (pattern.matches(key)) keys.add(key);
    }
    return keys;
  }

  #invalidateKeys(keys: readonly string[]): number {
    let count = 0;
    for (const key of keys) if (this.cache.invalidate(key)) count++;
    return count;
  }

  #drop(drop: Drop, remove: () => number): number {
    this.#drops++;
    let count: number;
    try {
      count = remove();
    } finally {
      this.#flush();
      this.#drops--;
    }
    // Keys that a restore has yet to bring are in no index.
    Restores.of(this.cache).overtakeWhere((key, tags) => drop.matches(splitKey(key).uri, tags));
    for (const listener of [...this.#dropListeners]) listener(drop);
    return count;
  }
}
