export { ResourceCache } from './cache/resource-cache.ts';
export type { Bounds, BoundsChange, CacheOptions, Policy } from './cache/cache-options.ts';
export type { CacheStats, EntryInfo } from './cache/cache-stats.ts';
export type { DumpSource, RestoreSummary } from './cache/dump-restore.ts';
export type {
  BulkLoadContext,
  BulkLoader,
  LoadContext,
  Loaded,
  Loader,
  LoadOptions,
  SetOptions,
  StaleValue,
} from './cache/loader.ts';
export type { NotModified, Validator } from './cache/validator.ts';
export type { Clock } from './clock.ts';
export { GranaryError, type GranaryErrorCode, type GranaryErrorData } from './errors.ts';
export type {
  EvictionCause,
  ResourceEvent,
  ResourceEventName,
  ResourceListener,
} from './events/resource-event.ts';
export type { Logger } from './logger.ts';
export type { ManagerOptions } from './manager/manager-options.ts';
export type { Reader } from './manager/partition.ts';
export type { ReadContext, ReadOptions } from './manager/read-context.ts';
export type { ReadResult, ResourceContents } from './manager/read-result.ts';
export { ResourceManager, type Freshness, type ManagerStats } from './manager/resource-manager.ts';
export type { Timers } from './manager/resource-watcher.ts';
export type {
  CompletionContext,
  ListContext,
  ListedResource,
  RegisterOptions,
  Registration,
  ResourceLister,
  ResourceLoader,
  VariableCompleter,
} from './registry/registration.ts';
export {
  UriRegistry,
  type RegistryChange,
  type RegistryListener,
  type Resolution,
} from './registry/uri-registry.ts';
export { compileTemplate, type UriParams, type UriTemplate } from './registry/uri-template.ts';
export type { GraceOptions } from './tiers/grace-options.ts';
export type { GraceStats } from './tiers/grace.ts';
export type { Invalidation, EntryMatcher } from './tiers/invalidation.ts';
export { entryMatcher } from './tiers/invalidation.ts';
export { uriOfResourceKey } from './tiers/resource-key.ts';
export type {
  Tier,
  TierEntry,
  TierHolder,
  TierListener,
  TierLockRead,
  TierMoment,
  TierRead,
  TierWrite,
} from './tiers/tier.ts';
export type { TierEvent, TierEventListener, TierEventName } from './tiers/tier-journal.ts';
export type { TierStats } from './tiers/tier-stats.ts';
export { TieredCache, type TieredCacheStats } from './tiers/tiered-cache.ts';
export type { TieredCacheOptions, TierOptions } from './tiers/tiered-options.ts';
