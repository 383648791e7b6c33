/** Counters of what lies behind a first level, since the cache was made. */
export interface TierStats {
  /** What the second level had. */
  readonly hits: number;
  readonly misses: number;
  /** Calls of loaders: neither level had what was asked for. */
  readonly originLoads: number;
  readonly originFailures: number;
  /** Values that the origin has found unchanged. */
  readonly revalidations: number;
  /** What another process was loading already, so that its value was waited for. */
  readonly awaitedLoads: number;
  /** Operations of the second level that failed; timeouts apart. */
  readonly failures: number;
  /** Operations that took longer than `tierTimeoutMs`. */
  readonly timeouts: number;
  readonly breakerOpenings: number;
  /** Writes and invalidations on their way to the second level. */
  readonly pending: number;
  /** Those that failed and were kept for later. */
  readonly deferred: number;
  /** Deferred ones that have reached it. */
  readonly replayed: number;
  /** Writes that came later than a newer one. */
  readonly superseded: number;
  /** Invalidations of other processes that were applied here. */
  readonly invalidationsReceived: number;
}
