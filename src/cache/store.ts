import type { UriPattern } from '../registry/uri-pattern.ts';
import type { Bounds } from './cache-options.ts';
import type { EntryInfo } from './cache-stats.ts';
import type { DumpHost, SinkHost } from './dump-host.ts';
import type { DumpSink } from './dump-restore.ts';
import type { Fleet } from './fleet.ts';
import type { Restore } from './restores.ts';
import type { Revalidation } from './validator.ts';

/** How long an entry lives and what it is tagged with. */
export interface Lifetime {
  /** ms after the set; 0 = never. */
  readonly ttlMs: number;
  /** ms after the last access; 0 = off. */
  readonly idleTtlMs: number;
  readonly tags: readonly string[];
  /** Where it may be revalidated once it has expired. */
  readonly revalidation?: Revalidation | undefined;
}

/** A value that has expired and may be revalidated, with the life that it had. */
export interface Revalidatable<V> {
  readonly value: V;
  readonly life: Lifetime & { readonly weightBytes: number };
}

/** What a store holds and has counted. */
export interface StoreCensus extends Bounds {
  readonly size: number;
  readonly weightBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  readonly expirations: number;
  readonly invalidations: number;
  /** Events of other threads that waited too long here and were cut. */
  readonly droppedEvents: number;
  /** Expired entries that are kept to be revalidated; part of `size`. */
  readonly staleEntries: number;
}

/**
 * Where a `ResourceCache` keeps its entries.
 *
 * A store changes its state, then queues what happened with the hub; its owner flushes. `Form` is
 * what it makes of a value before anything changes.
 */
export interface Store<V, Form = unknown> {
  readonly size: number;
  readonly weightBytes: number;
  /** Heavier entries are not kept. */
  readonly maxEntryBytes: number;
  /** Loads that are shared with other threads, where there may be any. */
  readonly fleet: Fleet<V, Form> | undefined;
  /**
   * A hit is counted; to tell of it is for the owner, and so is a miss to count, once it knows that the
   * URI is one.
   */
  get(uri: string): V | undefined;
  countMiss(): void;
  /** As `get`, and nothing is recorded. */
  peek(uri: string): V | undefined;
  /** The value that has expired, while it is still held; what lives may be left to `get`. */
  lastKnown(uri: string): V | undefined;
  /** What has expired and left, but is kept to be revalidated. To be asked after a miss. */
  revalidatable(uri: string): Revalidatable<V> | undefined;
  info(uri: string): EntryInfo | undefined;
  /** For how many ms an entry lives from now, if nobody asks for it; `Infinity` until it is dropped. */
  remainingMs(uri: string): number | undefined;
  /** Whether it can hold anything under this URI, or with this tag. */
  accepts(text: string): boolean;
  /** @throws `ERR_GRANARY_NOT_CLONEABLE` where the store cannot hold the value. */
  prepare(uri: string, value: V): Form;
  /**
   * @returns bytes, where the user gives no weight; or the complement of an upper bound of them, where
   * the store leaves the weighing for later.
   */
  weigh(form: Form): number;
  /** @param loaded whether a loader made the value: then `loaded` is queued where it is kept */
  set(uri: string, form: Form, weight: number, lifetime: Lifetime, loaded: boolean): void;
  /** @returns whether a living entry was removed. */
  invalidate(uri: string): boolean;
  invalidateTag(tag: string): number;
  /** Looks at the keys with the pattern's prefix only. */
  invalidateMatching(pattern: UriPattern): number;
  clear(): void;
  /** Frees what has expired by now. @returns how many */
  expire(): number;
  /** Frees what has expired and settles all pending policy work. */
  sync(): void;
  resize(bounds: Bounds): void;
  census(): StoreCensus;
  /** Living entries, oldest first; entries may change meanwhile. */
  living(): Iterable<[string, V]>;
  /** Their URIs. */
  keys(): Iterable<string>;
  /** What is held, as pieces of a dump; keys are those of now. */
  dump(host: DumpHost): AsyncIterable<Uint8Array>;
  /** What other threads change from here on wins over the dump. @returns the moment */
  beginRestore(): number;
  endRestore(): void;
  /** @returns what takes in a dump that has been checked. */
  openSink(restore: Restore, host: SinkHost): DumpSink;
  /** Throws what went wrong in the core since the last call; all state is whole by then. */
  throwFault(): void;
  close(): void;
}
