import { weighValue } from '../cache/value-weight.ts';
import type { Clock } from '../clock.ts';
import { badOption, checkOneOf, checkOptions, MAX_DURATION_MS } from '../options.ts';
import {
  CoalescedRequests,
  type CoalescableClient,
  type CoalescedVerb,
} from './coalesced-requests.ts';
import {
  ResponseCaches,
  type ResponseCacheBounds,
  type ResponseCensus,
} from './response-caches.ts';
import { checkString, type ResponseKey, ResponseSpace } from './response-key.ts';

/**
 * What an entry costs besides response and key: its record, deadline and tags. Measured as the growth
 * of the heap over 100,000 entries, Node 20.
 */
const ENTRY_OVERHEAD_BYTES = 600;

/** Read anew each time: a host may put another `Date` in place. */
const WALL_CLOCK: Clock = { now: () => Date.now() };

/** The one response that a client reads after its time: what `callTool` knows of the tools. */
const READ_WHEN_STALE = 'tools/list';

/** Options of `GranaryResponseCacheStore`; each has a default. */
export interface ResponseCacheStoreOptions extends ResponseCacheBounds {
  /**
   * Tells stores over one `cache` apart; those of one namespace share their responses. Default `''`.
   * A client knows a server by the name that it gives itself: name the server's URL here where one
   * cache serves servers that may not answer for each other.
   */
  readonly namespace?: string | undefined;
}

/** A response as a client hands it over: a document in JSON, and the hints that came with it. */
export interface NewResponse {
  readonly value: string;
  /** ms since 1970. */
  readonly expiresAt?: number | undefined;
  readonly scope?: 'public' | 'private' | undefined;
}

/** A response as a client gets it back. */
export interface StoredResponse {
  readonly value: string;
  /** Greater with every write, in all stores and threads: what is equal is the same write. */
  readonly stamp: number;
  readonly expiresAt?: number;
  readonly scope?: 'public' | 'private';
}

/**
 * Counters since the store was made, and what it holds now. A client asks for what is of its
 * principal first, then for what is public: two look-ups where it has a `cachePartition`.
 */
export interface ResponseCacheStats extends ResponseCensus {
  /** Look-ups that found a response within its time. */
  readonly hits: number;
  /** Look-ups that found one past its time, or without one: a client asks the server nevertheless. */
  readonly staleHits: number;
  readonly misses: number;
  /** hits / (hits + staleHits + misses); 0 before the first look-up. */
  readonly hitRatio: number;
  readonly writes: number;
  /** Requests of coalesced clients that joined one under way. */
  readonly coalescedRequests: number;
}

/**
 * A response cache for clients of `@modelcontextprotocol/client` 2, bounded in bytes.
 *
 * It keeps what the client's own cache keeps: reads and lists for as long as the server says, dropped
 * when the server tells of a change. Whether a response is fresh and whom it may be given to is the
 * client's to judge; partitions never mix here. What has expired is freed, except the list of tools,
 * which the client needs for calls. Lists are not displaced by reads, in a store without `cache`.
 *
 * Several clients may share one store: **give each a `cachePartition` that names its user**, without
 * which the client files private responses under the server alone.
 *
 * A look-up costs a hash of the partition and what `ResourceCache.get` does.
 *
 * @example
 * ```ts
 * import { Client } from '@modelcontextprotocol/client';
 * import { GranaryResponseCacheStore } from 'mcp-granary/mcp';
 * const store = new GranaryResponseCacheStore({ maxBytes: 16_777_216 });
 * const client = new Client({ name: 'host', version: '1.0.0' }, { responseCacheStore: store });
 * const requests = store.coalesce(client); // then requests.readResource({ uri }) and the like
 * console.log(typeof requests.readResource, store.stats().maxMemoryBytes); // function 16777216
 * store.close();
 * ```
 */
export class GranaryResponseCacheStore implements Disposable {
  readonly #caches: ResponseCaches;
  readonly #space: ResponseSpace;
  readonly #clock: Clock;
  readonly #requests: CoalescedRequests;
  #hits = 0;
  #staleHits = 0;
  #misses = 0;
  #writes = 0;

  /** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
  constructor(options?: ResponseCacheStoreOptions) {
    const { namespace = '', clock = WALL_CLOCK, ...bounds } = checkOptions('options', options);
    checkString('namespace', namespace);
    this.#space = new ResponseSpace(namespace);
    this.#caches = new ResponseCaches({ ...bounds, clock: options?.clock });
    this.#clock = clock;
    this.#requests = new CoalescedRequests(this.#space);
  }

  /** Responses held; of a cache from outside, all entries. 0 once closed. */
  get size(): number {
    return this.#caches.size;
  }

  /**
   * The response, also one past its time that has not been freed. Counts as an access.
   *
   * @throws `ERR_GRANARY_CLOSED`, which a client reports to its `onerror` and takes for a miss
   */
  get(key: ResponseKey): StoredResponse | undefined {
    const uri = this.#space.uriOf(key);
    this.#requests.noteLookUp(uri);
    const found = this.#caches.of(key).get(uri) as StoredResponse | undefined;
    if (found === undefined) this.#misses++;
    else if (found.expiresAt !== undefined && found.expiresAt > this.#clock.now()) this.#hits++;
    else this.#staleHits++;
    return found;
  }

  /**
   * Keeps a response, unless it is too large: larger than a quarter of the bytes, at worst.
   *
   * @returns its stamp
   * @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_CLOSED`
   */
  set(key: ResponseKey, response: NewResponse): number {
    const uri = this.#space.uriOf(key);
    const stored = { ...readResponse(response), stamp: nextStamp() };
    // A listener of a cache from outside, or another client, must not change what is kept.
    Object.freeze(stored);
    this.#caches.of(key).set(uri, stored, {
      ttlMs: this.#ttlMsOf(key, stored),
      tags: [this.#space.tag, this.#space.methodTag(key.method)],
      weightBytes: weighValue(stored) + weighValue(uri) + ENTRY_OVERHEAD_BYTES,
    });
    this.#caches.divide();
    this.#writes++;
    return stored.stamp;
  }

  /** Drops one response; a request for it that is under way is not joined any more. */
  delete(key: ResponseKey): void {
    const uri = this.#space.uriOf(key);
    this.#requests.detach(key, uri);
    this.#caches.of(key).invalidate(uri);
    this.#caches.divide();
  }

  /** Drops the responses to one method, in every partition. */
  evict(method: string): void {
    const tag = this.#space.methodTag(method);
    this.#requests.detachMethod(method);
    this.#caches.dropTag(tag);
  }

  /** Drops every response of the namespace; what else a cache from outside holds stays. */
  clear(): void {
    this.#requests.detachAll();
    this.#caches.dropTag(this.#space.tag);
  }

  /**
   * Lists and reads of a client, with one request however many equal ones are made at once, also
   * where the server allows no caching. Each caller gets an object of its own. One who leaves by its
   * `signal` rejects with `ERR_GRANARY_ABORTED`; the request goes on for the others. If it fails, it
   * does so for all, and the next one asks anew. After the server has told of a change, no caller
   * joins a request from before.
   *
   * Not joined: pages by cursor, params or options besides `uri`, `signal`, `timeout` and
   * `maxTotalTimeout` (the last two must be equal), and the cache modes `refresh` and `bypass`.
   *
   * @param client one with this store as its `responseCacheStore`; it stays as it is
   * @returns its methods, with single flight
   */
  coalesce<Client extends CoalescableClient>(client: Client): Pick<Client, CoalescedVerb> {
    return this.#requests.of(client);
  }

  /** Sizes and bounds, evictions and expirations of a cache from outside are those of all its users. */
  stats(): ResponseCacheStats {
    const lookUps = this.#hits + this.#staleHits + this.#misses;
    return {
      ...this.#caches.census(),
      hits: this.#hits,
      staleHits: this.#staleHits,
      misses: this.#misses,
      hitRatio: lookUps === 0 ? 0 : this.#hits / lookUps,
      writes: this.#writes,
      coalescedRequests: this.#requests.coalesced,
    };
  }

  /** Frees everything, unless the cache is from outside. A second call does nothing. */
  close(): void {
    this.#caches.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * What has expired by our clock as it is written is kept nevertheless: the clock of who writes may
   * be another, and it is the one that counts.
   */
  #ttlMsOf({ method }: ResponseKey, { expiresAt }: StoredResponse): number | undefined {
    if (method === READ_WHEN_STALE) return 0;
    const leftMs = expiresAt === undefined ? 0 : expiresAt - this.#clock.now();
    return leftMs > 0 ? Math.min(leftMs, MAX_DURATION_MS) : undefined;
  }
}

function readResponse(response: NewResponse): Omit<StoredResponse, 'stamp'> {
  const { value, expiresAt, scope } = checkOptions('response', response);
  checkString('value', value);
  if (expiresAt !== undefined && typeof expiresAt !== 'number') {
    badOption('expiresAt', expiresAt, 'a number of ms, or left out');
  }
  if (scope !== undefined) checkOneOf('scope', scope, ['public', 'private']);
  return {
    value,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(scope === undefined ? {} : { scope }),
  };
}

let lastStamp = 0;

/** By time, in µs: other threads, and processes that restored a dump, count on from where we are. */
function nextStamp(): number {
  const nowUs = Math.floor((performance.timeOrigin + performance.now()) * 1_000);
  lastStamp = Math.max(lastStamp + 1, nowUs);
  return lastStamp;
}
