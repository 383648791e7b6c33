export { ResourceCache } from './cache/resource-cache.ts';
export type { Bounds, BoundsChange, CacheOptions, Policy } from './cache/cache-options.ts';
export type { CacheStats, EntryInfo } from './cache/cache-stats.ts';
export type {
  BulkLoadContext,
  BulkLoader,
  LoadContext,
  Loader,
  LoadOptions,
  SetOptions,
} from './cache/loader.ts';
export type { Clock } from './clock.ts';
export { GranaryError, type GranaryErrorCode, type GranaryErrorData } from './errors.ts';
export type {
  EvictionCause,
  ResourceEvent,
  ResourceEventName,
  ResourceListener,
} from './events/resource-event.ts';
export type { Logger } from './logger.ts';
