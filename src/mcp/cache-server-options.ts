import { ResourceCache } from '../cache/resource-cache.ts';
import type { Logger } from '../logger.ts';
import { badOption, checkDurationMs, checkFunction, checkOptions } from '../options.ts';
import { publicUris } from './public-uris.ts';
import type { RequestIdentity } from './request-context.ts';
import { type Mutations, readMutations, type ToolMutations } from './tool-mutations.ts';

/** Options of `cacheServer`. */
export interface CacheServerOptions {
  /**
   * A cache from outside, which `close` leaves open; default: one of its own, 100 entries, 100 MiB.
   * Where a server is made for each session or request, all of them share one. Only servers whose
   * answers are the same may: the cache does not ask which of them it answers for. Not so where they
   * depend on the state of a session, such as tools that a login enables.
   */
  readonly cache?: ResourceCache | undefined;
  /** How long an answer is kept, in ms; 0 = until it is dropped; default: as the cache has it. */
  readonly ttlMs?: number | undefined;
  /** URI templates whose contents are the same for every reader: one copy for all. */
  readonly public?: readonly string[] | undefined;
  /**
   * Whether a request may read a URI; asked before every answer to `resources/read`, cached or not.
   * Whoever may not is told that there is no such resource. Lists are not asked about. Every answer
   * waits for it. The URI comes as the client spelled it, which handlers of an `McpServer` get as
   * `URL` writes it: judge what it leads to.
   */
  readonly authorize?:
    | ((context: RequestIdentity, uri: string) => boolean | Promise<boolean>)
    | undefined;
  /**
   * Names the principal of a request, in place of the hash of its access token, so that several
   * tokens of one user share what is cached. Only what was verified may go into it. To be returned at
   * once, not by a Promise. Where requests are authorized by something else than a token, it alone
   * tells their users apart: without it nothing of what they read is kept but what is public.
   */
  readonly partition?: ((context: RequestIdentity) => string | undefined) | undefined;
  /**
   * Tools that change resources, by name, with what each changes: `{ write_file: ['file://{+path}'] }`. A
   * call that succeeds, or the task that it goes on as, drops that before its client hears so, and tells
   * those who have subscribed. One that fails, or is cancelled, drops nothing.
   */
  readonly mutates?: Mutations | undefined;
  /** Gets what clients are not told: why an option's function or the cache failed. */
  readonly logger?: Logger | undefined;
}

/** Options after the checks. */
export interface CacheServerSettings extends Omit<CacheServerOptions, 'public' | 'mutates'> {
  readonly mutations: ToolMutations | undefined;
  readonly isPublic: (uri: string) => boolean;
}

/** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
export function readCacheServerOptions(
  options: CacheServerOptions | undefined,
): CacheServerSettings {
  const { public: templates = [], mutates, ...given } = checkOptions('options', options);
  const { cache, ttlMs, logger } = given;
  if (cache !== undefined && !(cache instanceof ResourceCache)) {
    badOption('cache', cache, 'a ResourceCache');
  }
  if (ttlMs !== undefined) checkDurationMs('ttlMs', ttlMs, 'until it is dropped');
  for (const option of ['authorize', 'partition'] as const) {
    if (given[option] !== undefined) checkFunction(option, given[option]);
  }
  if (logger !== undefined && typeof logger?.warn !== 'function') {
    badOption('logger', logger, 'an object with warn()');
  }
  return { ...given, isPublic: publicUris(templates), mutations: readMutations(mutates) };
}
