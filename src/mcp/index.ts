export { cacheServer, type ServerCaching, type ServerCachingStats } from './cache-server.ts';
export { CachingTransport, type CachingTransportOptions } from './caching-transport.ts';
export type {
  CachingHandler,
  CachingHandlerOptions,
  NodeHandler,
  SdkMcpHandler,
  ServerFactory,
} from './caching-handler.ts';
export type {
  FetchOptions,
  HttpRequest,
  HttpTransportClass,
  SdkFetchTransport,
  SdkHttpTransport,
  SdkTransport,
  StdioTransportClass,
} from './sdk-transport.ts';
export type { StatelessHandler, StatelessOptions } from './stateless-handler.ts';
export type { CachedToolOptions, CacheServerOptions } from './cache-server-options.ts';
export { serveResources, type ResourceServing } from './serve-resources.ts';
export {
  linkEvents,
  type BusEvent,
  type EventBus,
  type EventLink,
  type LinkEventsOptions,
} from './link-events.ts';
export type { RequestContext, RequestIdentity } from './request-context.ts';
export type { Mutations, MutationTarget } from './tool-mutations.ts';
export type {
  HttpRequestInfo,
  SdkLowLevelServer,
  SdkMcpServer,
  SdkServer,
  VerifiedAuth,
} from './sdk-types.ts';
export type { ServeResourcesOptions } from './serve-options.ts';
export { governTools, type ToolGoverning } from './govern-tools.ts';
export type { GovernedToolOptions, GovernToolsOptions } from './governed-tools-options.ts';
export {
  GranaryResponseCacheStore,
  type NewResponse,
  type ResponseCacheStats,
  type ResponseCacheStoreOptions,
  type StoredResponse,
} from './response-cache-store.ts';
export type { ResponseKey } from './response-key.ts';
export type { CoalescableClient, CoalescedVerb } from './coalesced-requests.ts';
