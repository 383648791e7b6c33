import type { LoadContext } from '../cache/loader.ts';
import type { Reader } from './partition.ts';
import type { ReadResult } from './read-result.ts';

/**
 * What a pattern's loader is told. Of the reader that is the principal or, where there is none, the
 * session: what the copy is kept under. A public pattern's loader is not told who reads.
 */
export interface ReadContext extends LoadContext<ReadResult>, Reader {}

/** Options of `ResourceManager.read`. */
export interface ReadOptions extends Reader {
  /** Takes this caller off the load; the loader is aborted when its last caller has left. */
  readonly signal?: AbortSignal | undefined;
}
