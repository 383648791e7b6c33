import type { EventHub } from '../events/event-hub.ts';
import type { ResourceEvent } from '../events/resource-event.ts';
import type { Drop, PartitionedCache, TagListener } from './partitioned-cache.ts';
import { fingerprintOf, type ReadResult } from './read-result.ts';

/** Of so many URIs and copies of them it is remembered what was read last. */
const MOST_REMEMBERED = 10_000;

/** What a listener of a feed is given. */
export type ChangeListener = (uri: string) => void;

/**
 * Tells of every URI whose content may have changed or has changed: after an invalidation, of what it
 * names and of what matches it and was read lately, held or not; and after a load that brought other
 * content than the last.
 *
 * For who cannot say which URIs others wait for. Nothing is loaded for it: what has expired shows its
 * change when somebody reads it again.
 */
export class ChangeFeed {
  readonly #cache: PartitionedCache;
  readonly #hub: EventHub<ReadResult>;
  readonly #tagsOf: (uri: string) => readonly string[];
  readonly #listeners = new Set<ChangeListener>();
  /** Tags of the last load, by URI; the one that was loaded last comes last. */
  readonly #tags = new Map<string, readonly string[]>();
  /** Of the content that was loaded last, by partition and URI. */
  readonly #fingerprints = new Map<string, string>();
  /** URIs of entries that went in the invalidation under way. */
  readonly #dropped = new Set<string>();

  /** @param tagsOf the tags of a URI as far as its pattern tells */
  constructor(
    cache: PartitionedCache,
    hub: EventHub<ReadResult>,
    tagsOf: (uri: string) => readonly string[],
  ) {
    this.#cache = cache;
    this.#hub = hub;
    this.#tagsOf = tagsOf;
  }

  /** @returns ends it */
  subscribe(listener: ChangeListener): () => void {
    // The same function may listen twice, and end once.
    const own: ChangeListener = (uri) => listener(uri);
    if (this.#listeners.size === 0) this.#start();
    this.#listeners.add(own);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#stop();
    };
  }

  close(): void {
    if (this.#listeners.size > 0) this.#stop();
    this.#listeners.clear();
  }

  #start(): void {
    this.#hub.add('loaded', this.#onLoaded, false);
    this.#hub.add('invalidated', this.#onInvalidated, false);
    this.#cache.onDrop(this.#onDrop);
    this.#cache.onTags(this.#onTags);
  }

  #stop(): void {
    this.#hub.remove('loaded', this.#onLoaded);
    this.#hub.remove('invalidated', this.#onInvalidated);
    this.#cache.offDrop(this.#onDrop);
    this.#cache.offTags(this.#onTags);
    for (const memory of [this.#tags, this.#fingerprints, this.#dropped]) memory.clear();
  }

  readonly #onLoaded = ({ uri, value, metadata }: ResourceEvent<ReadResult>): void => {
    if (value === undefined) return;
    if (!this.#tags.has(uri)) remember(this.#tags, uri, this.#tagsOf(uri));
    const copy = `${String(metadata?.['partition'])} ${uri}`;
    const former = this.#fingerprints.get(copy);
    let fingerprint: string;
    try {
      fingerprint = fingerprintOf(value);
    } catch {
      // More than one string can hold: whether it is another content is not known.
      this.#fingerprints.delete(copy);
      return;
    }
    remember(this.#fingerprints, copy, fingerprint);
    if (former !== undefined && former !== fingerprint) this.#tell(uri);
  };

  readonly #onInvalidated = ({ uri, metadata }: ResourceEvent<ReadResult>): void => {
    this.#fingerprints.delete(`${String(metadata?.['partition'])} ${uri}`);
    if (this.#cache.dropping) this.#dropped.add(uri);
    else this.#tell(uri);
  };

  readonly #onDrop = (drop: Drop): void => {
    const affected = new Set(this.#dropped);
    this.#dropped.clear();
    if (drop.uri !== undefined) affected.add(drop.uri);
    else {
      for (const [uri, tags] of this.#tags) if (drop.matches(uri, tags)) affected.add(uri);
    }
    for (const uri of affected) this.#tell(uri);
  };

  readonly #onTags: TagListener = (uri, _, tags) => remember(this.#tags, uri, tags);

  #tell(uri: string): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener(uri);
      } catch (error) {
        process.emitWarning(`a watch of all resources failed at ${uri}: ${String(error)}`, {
          type: 'GranaryListenerWarning',
          code: 'GRANARY_LISTENER_FAILED',
        });
      }
    }
  }
}

/** Forgets what was remembered longest ago. */
function remember<V>(memory: Map<string, V>, key: string, value: V): void {
  memory.delete(key);
  memory.set(key, value);
  if (memory.size <= MOST_REMEMBERED) return;
  const [oldest] = memory.keys();
  if (oldest !== undefined) memory.delete(oldest);
}
