import type { Partition } from '../cache/partition-key.ts';
import { isClosedError } from '../errors.ts';
import type { EventHub } from '../events/event-hub.ts';
import type { ResourceEvent, ResourceEventName } from '../events/resource-event.ts';
import { isNotFound } from './not-found.ts';
import type { Reader } from './partition.ts';
import type { Drop, PartitionedCache, TagListener } from './partitioned-cache.ts';
import { fingerprintOf, type ReadResult } from './read-result.ts';

/** Where timers come from; a test brings its own. */
export interface Timers {
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** Timers of the process that do not keep it alive. */
export const unreferencedTimers: Timers = {
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

/** When and how expired resources that somebody watches are loaded again. */
export interface ReloadSchedule {
  /** A reload starts at a random time up to this many ms after the expiry. */
  readonly jitterMs: number;
  readonly timers: Timers;
  /** @returns a number from 0 up to, not including, 1. */
  random(): number;
}

/** What a watcher asks of its manager. */
export interface WatchedManager {
  read(uri: string, reader: Reader): Promise<ReadResult>;
  /** Where the reader's copy lives: `undefined` for one that may not be kept. */
  partitionOf(uri: string, reader: Reader): Partition | undefined;
  /** How long what is read lives, in ms, and its tags, as far as the pattern tells. */
  lifetimeOf(uri: string): { readonly ttlMs: number; readonly tags: readonly string[] };
}

/** One registered interest in a URI. */
interface Interest {
  readonly reader: Reader;
  readonly listener: (uri: string) => void;
}

/** All interests in one partition of one URI. */
interface Topic {
  readonly uri: string;
  readonly partition: Partition | undefined;
  readonly interests: Set<Interest>;
  /** Of the content that was last seen; `undefined` while the interested may hold anything. */
  fingerprint: string | undefined;
  /**
   * Those of the content that was last loaded, also once it has been evicted; `undefined` before the
   * first. A loader may choose others than its pattern has.
   */
  tags: readonly string[] | undefined;
  timer: unknown;
  failures: number;
}

/** The fingerprint of a resource that is not there; no hash looks like it. */
const GONE = 'gone';
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 300_000;

/**
 * Tells who watches a URI that its content may have changed or has changed: after an invalidation,
 * whether or not anything was cached, and after a load that brought other content than the last.
 *
 * What expires while it is watched is loaded again, so that a change shows although nobody reads.
 * What was evicted is looked at once a lifetime instead, so as not to push others out again.
 */
export class ResourceWatcher {
  readonly #manager: WatchedManager;
  readonly #cache: PartitionedCache;
  readonly #hub: EventHub<ReadResult>;
  readonly #schedule: ReloadSchedule;
  readonly #topics = new Map<string, Map<Partition | undefined, Topic>>();
  /** Topics whose entry went in the invalidation under way. */
  readonly #dropped = new Set<Topic>();

  constructor(
    manager: WatchedManager,
    cache: PartitionedCache,
    hub: EventHub<ReadResult>,
    schedule: ReloadSchedule,
  ) {
    this.#manager = manager;
    this.#cache = cache;
    this.#hub = hub;
    this.#schedule = schedule;
  }

  /** @returns a function that ends the watch. */
  watch(uri: string, reader: Reader, listener: (uri: string) => void): () => void {
    const interest = { reader, listener };
    this.#join(uri, interest);
    return () => this.#leave(uri, interest);
  }

  /** Another loader, or none, stands behind these URIs, and perhaps another partition. */
  rehome(matches: (uri: string) => boolean): void {
    for (const [uri, topics] of [...this.#topics]) {
      if (!matches(uri)) continue;
      const interests = [...topics.values()].flatMap((topic) => [...topic.interests]);
      for (const interest of interests) this.#leave(uri, interest);
      for (const interest of interests) this.#join(uri, interest);
    }
  }

  close(): void {
    for (const topics of this.#topics.values()) {
      for (const topic of topics.values()) this.#cancel(topic);
    }
    if (this.#topics.size > 0) this.#stopListening();
    this.#topics.clear();
  }

  #join(uri: string, interest: Interest): void {
    const partition = this.#manager.partitionOf(uri, interest.reader);
    if (this.#topics.size === 0) this.#startListening();
    let topics = this.#topics.get(uri);
    if (topics === undefined) this.#topics.set(uri, (topics = new Map()));
    let topic = topics.get(partition);
    if (topic === undefined) {
      topic = {
        uri,
        partition,
        interests: new Set(),
        fingerprint: undefined,
        tags: undefined,
        timer: undefined,
        failures: 0,
      };
      topics.set(partition, topic);
    }
    const isFirst = topic.interests.size === 0;
    topic.interests.add(interest);
    if (isFirst) this.#takeStock(topic);
  }

  #leave(uri: string, interest: Interest): void {
    const topics = this.#topics.get(uri);
    for (const [partition, topic] of topics ?? []) {
      if (!topic.interests.delete(interest) || topic.interests.size > 0) continue;
      this.#cancel(topic);
      this.#dropped.delete(topic);
      topics?.delete(partition);
    }
    if (topics?.size !== 0) return;
    this.#topics.delete(uri);
    if (this.#topics.size === 0) this.#stopListening();
  }

  /** Learns the present content, so that the next can be compared with it. */
  #takeStock(topic: Topic): void {
    if (topic.partition === undefined) return;
    const held = this.#cache.peek(topic.uri, topic.partition);
    if (held === undefined) {
      this.#reload(topic);
      return;
    }
    topic.tags = this.#cache.tagsOf(topic.uri, topic.partition);
    topic.fingerprint = fingerprintOf(held);
  }

  #startListening(): void {
    this.#hub.add('loaded', this.#onLoaded, false);
    for (const event of LEAVING) this.#hub.add(event, this.#onLeft, false);
    this.#cache.onDrop(this.#onDrop);
    this.#cache.onTags(this.#onTags);
  }

  #stopListening(): void {
    this.#hub.remove('loaded', this.#onLoaded);
    for (const event of LEAVING) this.#hub.remove(event, this.#onLeft);
    this.#cache.offDrop(this.#onDrop);
    this.#cache.offTags(this.#onTags);
  }

  readonly #onLoaded = (event: ResourceEvent<ReadResult>): void => {
    const topic = this.#topicOf(event);
    if (topic === undefined || event.value === undefined) return;
    this.#cancel(topic);
    this.#compare(topic, event.value);
  };

  readonly #onLeft = (event: ResourceEvent<ReadResult>): void => {
    const topic = this.#topicOf(event);
    if (topic === undefined) return;
    if (event.event === 'invalidated') {
      if (this.#cache.dropping) this.#dropped.add(topic);
      else this.#tell(topic, undefined);
    } else if (event.event === 'expired') {
      this.#reloadWithin(topic, 0);
    } else {
      const { ttlMs } = this.#manager.lifetimeOf(topic.uri);
      if (ttlMs > 0) this.#reloadWithin(topic, ttlMs);
    }
  };

  readonly #onDrop = (drop: Drop): void => {
    const affected = new Set(this.#dropped);
    this.#dropped.clear();
    const uris = drop.uri === undefined ? [...this.#topics.keys()] : [drop.uri];
    for (const uri of uris) {
      const topics = this.#topics.get(uri);
      if (topics === undefined) continue;
      const { tags } = this.#manager.lifetimeOf(uri);
      for (const topic of topics.values()) {
        if (drop.matches(uri, topic.tags ?? tags)) affected.add(topic);
      }
    }
    for (const topic of affected) this.#tell(topic, undefined);
  };

  readonly #onTags: TagListener = (uri, partition, tags) => {
    const topic = this.#topics.get(uri)?.get(partition);
    if (topic !== undefined) topic.tags = tags;
  };

  #topicOf(event: ResourceEvent<ReadResult>): Topic | undefined {
    const partition = event.metadata?.['partition'] as Partition | undefined;
    return this.#topics.get(event.uri)?.get(partition);
  }

  #compare(topic: Topic, content: ReadResult): void {
    const fingerprint = fingerprintOf(content);
    const isKnown = topic.fingerprint === undefined || topic.fingerprint === fingerprint;
    topic.failures = 0;
    if (isKnown) topic.fingerprint = fingerprint;
    else this.#tell(topic, fingerprint);
  }

  #tell(topic: Topic, fingerprint: string | undefined): void {
    topic.fingerprint = fingerprint;
    if (fingerprint === undefined) this.#cancel(topic);
    for (const interest of [...topic.interests]) {
      // One that an earlier listener has ended hears no more.
      if (!topic.interests.has(interest)) continue;
      try {
        interest.listener(topic.uri);
      } catch (error) {
        process.emitWarning(`a watch of ${topic.uri} failed: ${String(error)}`, {
          type: 'GranaryListenerWarning',
          code: 'GRANARY_LISTENER_FAILED',
        });
      }
    }
  }

  #reloadWithin(topic: Topic, delayMs: number): void {
    this.#cancel(topic);
    const { jitterMs, timers } = this.#schedule;
    topic.timer = timers.setTimeout(
      () => {
        topic.timer = undefined;
        this.#reload(topic);
      },
      Math.min(delayMs + jitterMs * this.#schedule.random(), MAX_TIMER_MS),
    );
  }

  #reload(topic: Topic): void {
    const [interest] = topic.interests;
    if (interest === undefined) return;
    this.#manager
      .read(topic.uri, interest.reader)
      .then((content) => this.#compare(topic, content))
      // Also where the content is more than one string can hold, so that it has no fingerprint.
      .catch((error: unknown) => {
        if (topic.interests.size > 0) this.#reloadFailed(topic, error);
      });
  }

  #reloadFailed(topic: Topic, error: unknown): void {
    if (isClosedError(error)) return;
    if (isNotFound(error, topic.uri) && topic.fingerprint !== GONE) {
      if (topic.fingerprint === undefined) topic.fingerprint = GONE;
      else this.#tell(topic, GONE);
    }
    const backOffMs = Math.min(FIRST_RETRY_MS * 2 ** topic.failures, LAST_RETRY_MS);
    topic.failures++;
    this.#reloadWithin(topic, backOffMs);
  }

  #cancel(topic: Topic): void {
    if (topic.timer === undefined) return;
    this.#schedule.timers.clearTimeout(topic.timer);
    topic.timer = undefined;
  }
}

const LEAVING: readonly ResourceEventName[] = ['invalidated', 'expired', 'evicted'];

/** Node fires a timer with a longer delay at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
