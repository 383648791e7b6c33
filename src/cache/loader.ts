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
}

/** Makes the value of one URI; `undefined` is no value. */
export type Loader<V> = (uri: string, context: LoadContext<V>) => V | Promise<V>;

/** What a bulk loader is told; what it sets holds for every value that it returns. */
export interface BulkLoadContext<V> extends Omit<LoadContext<V>, 'stale'> {
  /**
   * Hands over the value of one URI before the others are there, kept as `options` say: whoever waits
   * for it has it at once, also where the loader fails afterwards. A URI that was not asked for, or was
   * delivered before, is ignored.
   */
  deliver(uri: string, value: V, options?: SetOptions): void;
}

/** Makes the values of several URIs in one call; a URI that it leaves out has no value. */
export type BulkLoader<V> = (
  uris: readonly string[],
  context: BulkLoadContext<V>,
) => ReadonlyMap<string, V> | Promise<ReadonlyMap<string, V>>;

/** How one value is kept; what is left out is as the cache has it. */
export interface SetOptions {
  /** ms; 0 = never expires. */
  readonly ttlMs?: number | undefined;
  /** ms after the last access; 0 = off. */
  readonly idleTtlMs?: number | undefined;
  /** Bytes; in place of `weigh`. */
  readonly weightBytes?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** How a value is loaded and kept. */
export interface LoadOptions extends SetOptions {
  /** Takes this caller off the load; the loader is aborted when its last caller has left. */
  readonly signal?: AbortSignal | undefined;
}
