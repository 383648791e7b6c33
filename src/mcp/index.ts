export { serveResources, type ResourceServing } from './serve-resources.ts';
export type { RequestContext } from './request-context.ts';
export type { ServeResourcesOptions } from './serve-options.ts';
