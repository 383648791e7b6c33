import type { NotModified, Validator } from './validator.ts';

/** What a loader is told, and may say, about the load that it serves. */
export interface LoadContext<V> {
  /** Fires when the last caller has left, or the cache is closed. */
  readonly signal: AbortSignal;
  /** The expired value that this load replaces, where it is still held. */
  readonly stale: V | undefined;
  /** Gives the value a time to live of its own, in ms; 0 = never expires. */
  setTtl(ttlMs: number): void;
  /** Gives the value its tags, in place of those of the options. */
  setTags(tags: readonly string[]): void;
  /** The validator of `stale`, where that has one: what an `If-None-Match` or `If-Modified-Since` asks by. */
  readonly validator: Validator | undefined;
  /**
   * Gives the value a validator, so that the load after its time can ask "still that?" by it; the value
   * is kept for `staleTtlMs` beyond its time for that.
   */
  setValidator(validator: Validator): void;
  /**
   * What to return where `stale` is what the load would bring (HTTP's 304): the value lives anew, the
   * same object or bytes, with time to live, tags, weight and validator as they were unless set here.
   * Nothing is `loaded`; `revalidations` counts it.
   */
  notModified(): NotModified;
}

/** What a loader makes: a value, or the answer that the expired one is it still. */
export type Loaded<V> = V | NotModified;

/** Makes the value of one URI; `undefined` is no value. */
export type Loader<V> = (uri: string, context: LoadContext<V>) => Loaded<V> | Promise<Loaded<V>>;

/** What a bulk load may ask about one URI. */
export interface StaleValue<V> {
  readonly value: V;
  readonly validator: Validator;
}

/** What a bulk loader is told; what it sets holds for every value that it returns. */
export interface BulkLoadContext<V> extends Pick<
  LoadContext<V>,
  'signal' | 'setTtl' | 'setTags' | 'notModified'
> {
  /** By URI, what has expired and has a validator. What is unchanged is given as `notModified()`. */
  readonly stale: ReadonlyMap<string, StaleValue<V>>;
  /**
   * Hands over the value of one URI before the others are there, kept as `options` say: whoever waits
   * for it has it at once, also where the loader fails afterwards. A URI that was not asked for, or was
   * delivered before, is ignored.
   */
  deliver(uri: string, value: Loaded<V>, options?: SetOptions): void;
}

/** Makes the values of several URIs in one call; a URI that it leaves out has no value. */
export type BulkLoader<V> = (
  uris: readonly string[],
  context: BulkLoadContext<V>,
) => ReadonlyMap<string, Loaded<V>> | Promise<ReadonlyMap<string, Loaded<V>>>;

/** How one value is kept; what is left out is as the cache has it. */
export interface SetOptions {
  /** ms; 0 = never expires. */
  readonly ttlMs?: number | undefined;
  /** ms after the last access; 0 = off. */
  readonly idleTtlMs?: number | undefined;
  /** Bytes; in place of `weigh`. */
  readonly weightBytes?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  /** By which the value may be revalidated once it has expired. */
  readonly validator?: Validator | undefined;
}

/** How a value is loaded and kept. */
export interface LoadOptions extends SetOptions {
  /** Takes this caller off the load; the loader is aborted when its last caller has left. */
  readonly signal?: AbortSignal | undefined;
}
