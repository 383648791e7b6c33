export { cacheServer, type ServerCaching, type ServerCachingStats } from './cache-server.ts';
export type { CacheServerOptions } from './cache-server-options.ts';
export { serveResources, type ResourceServing } from './serve-resources.ts';
export type { RequestContext, RequestIdentity } from './request-context.ts';
export type { ServeResourcesOptions } from './serve-options.ts';
export { governTools, type ToolGoverning } from './govern-tools.ts';
export type { GovernedToolOptions, GovernToolsOptions } from './governed-tools-options.ts';
