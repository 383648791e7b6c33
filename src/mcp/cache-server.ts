import type { CacheStats } from '../cache/cache-stats.ts';
import type { ResourceCache } from '../cache/resource-cache.ts';
import { badOption, checkUri } from '../options.ts';
import { parsePattern, type UriPattern } from '../registry/uri-pattern.ts';
import { readCacheServerOptions, type CacheServerOptions } from './cache-server-options.ts';
import { CachedServer } from './cached-server.ts';
import { inAnySpelling } from './canonical-uri.ts';
import { ClientAudience } from './client-audience.ts';
import { noteCache } from './manager-link.ts';
import { followMutations } from './mutation-follower.ts';
import type { MutationTap } from './mutation-tap.ts';
import { isPerRequest } from './request-context.ts';
import { protocolOf, type ProtocolServer } from './sdk-server.ts';
import type { SdkServer } from './sdk-types.ts';

/** Counters of a cached server: those of its cache, and the requests that went past it. */
export interface ServerCachingStats extends CacheStats {
  /** Requests of cached methods that were left to the server: nobody to keep the answer for, or params of its own. */
  readonly uncachedRequests: number;
}

/** A server whose answers are cached. */
export interface ServerCaching extends Disposable {
  /** Where answers are kept: the one given, or one of its own. */
  readonly cache: ResourceCache;
  /**
   * Counters since the cache was made; a cache from outside counts for all who use it.
   *
   * @throws `ERR_GRANARY_CLOSED` once the cache is closed, which one of its own is when `close` was
   * called and all who waited have their answer
   */
  stats(): ServerCachingStats;
  /**
   * Drops every read of a URI, for whomever it is kept, as `resources/updated` does, and sends that to the
   * clients that have subscribed to it, by whichever server that shares the cache: for a change that a
   * server which is not connected learns of.
   *
   * @param uri in any spelling that the server takes for the same
   * @throws `ERR_GRANARY_BAD_URI`
   */
  invalidate(uri: string): void;
  /**
   * The same for every URI that matches, as `ResourceCache.invalidatePattern` takes it; looks at every
   * answer that is kept.
   *
   * @throws `ERR_GRANARY_BAD_TEMPLATE`, `ERR_GRANARY_BAD_OPTION`
   */
  invalidatePattern(pattern: RegExp | string): void;
  /** Leaves the server as it was; frees a cache of its own, and leaves one from outside open. */
  close(): void;
}

const cached = new WeakSet();

/**
 * Caches what an MCP server answers to `resources/read`, `resources/list`, `resources/templates/list`,
 * `tools/list` and `prompts/list`: one call of its handler however many ask, until the server sends
 * `resources/updated` or `list_changed`, or the time to live is over.
 *
 * One line, before or after handlers are registered or replaced and the server is connected. A hit
 * runs none of the SDK's parsing and none of the handler, and costs `JSON.parse` of the answer; a miss
 * costs `JSON.stringify` and that.
 *
 * An answer is kept for whoever asked: the verified access token (or what `partition` names), else the
 * session, else the connection. A request over HTTP with none of these, or one that was authorized by
 * something else than a token, finds only `public` URIs in the cache. A request with params or `_meta`
 * of its own (other than a progress token) goes to the handler and is not kept, nor are errors, tasks,
 * results that ask for input and those for which the handler asked its client. Where several ask at
 * once, progress is told to the first. What changes without a notification is seen when the time to
 * live is over and somebody reads it again: then clients that have subscribed are told, too.
 *
 * @param server of either version of the SDK
 * @returns what ends it; a server that is dropped needs no `close`
 * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range;
 * `ERR_GRANARY_BAD_TEMPLATE`
 * @example
 * ```ts
 * import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
 * import { cacheServer } from 'mcp-granary/mcp';
 * const server = new McpServer({ name: 'weather', version: '1.0.0' });
 * server.registerResource('berlin', 'weather://berlin', {}, async ({ href }) => ({
 *   contents: [{ uri: href, text: await Promise.resolve('rain') }],
 * }));
 * cacheServer(server, { ttlMs: 60_000 });
 * ```
 */
export function cacheServer(server: SdkServer, options?: CacheServerOptions): ServerCaching {
  const settings = readCacheServerOptions(options);
  const protocol = protocolOf(server);
  checkMethods(protocol);
  if (cached.has(protocol)) badOption('server', protocol, 'one that is not cached yet');
  const caching = new CachedServer(server, protocol, settings);
  cached.add(protocol);
  const { answers } = caching;
  const { cache } = answers;
  const { changes } = answers;
  noteCache(protocol, cache);
  const clients = new Map<MutationTap, ClientAudience>();
  const dropUris = (pattern: UriPattern): void => {
    answers.dropUris(pattern);
    if (pattern.kind === 'exact') changes.tellUri(pattern.prefix);
    else changes.tellUris(inAnySpelling(pattern));
  };
  const isStateless = (): boolean => caching.revision !== undefined;
  const stopMutations = followMutations(protocol, settings.mutations, cache, {
    changed: (mutation) => {
      if (mutation.kind === 'tag') answers.dropTagged(mutation.tag);
      else if (mutation.kind === 'uris') dropUris(mutation.uris);
      else {
        answers.dropGroup(mutation.group);
        changes.tellList(mutation.group);
      }
      return undefined;
    },
    opened: (tap, transport) => {
      // A server for one exchange has nobody to tell when that is over.
      if (isPerRequest(transport)) return;
      const partitions = changes.partitionsOf(transport);
      const client = new ClientAudience(tap, partitions, isStateless, (method, params) =>
        caching.tell(method, params),
      );
      clients.set(tap, client);
      changes.join(client);
    },
    subscribed: (tap, uri, isSubscribed) => clients.get(tap)?.subscribed(uri, isSubscribed),
    closed: (tap) => {
      const client = clients.get(tap);
      if (client !== undefined) changes.leave(client);
      clients.delete(tap);
    },
    logger: settings.logger,
  });
  const close = (): void => {
    if (!cached.delete(protocol)) return;
    noteCache(protocol, undefined);
    stopMutations();
    caching.close();
  };
  return {
    cache,
    stats: () => ({ ...cache.stats(), uncachedRequests: caching.uncachedRequests }),
    invalidate: (uri) => {
      checkUri(uri);
      answers.dropUri(uri);
      changes.tellUri(uri);
    },
    invalidatePattern: (pattern) => dropUris(parsePattern(pattern)),
    close,
    [Symbol.dispose]: close,
  };
}

function checkMethods(protocol: ProtocolServer): void {
  const given: Partial<ProtocolServer> = protocol;
  for (const name of ['connect', 'notification', 'removeRequestHandler'] as const) {
    if (typeof given[name] !== 'function') {
      badOption('server', protocol, `a server of the MCP SDK, with ${name}()`);
    }
  }
}
