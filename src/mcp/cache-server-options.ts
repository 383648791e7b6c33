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
   * Tools whose calls are cached, by name: nothing else of `tools/call` is. Equal arguments have one
   * answer, for the time that its options say, until the tools change (`tools/list_changed`).
   */
  readonly tools?: Readonly<Record<string, CachedToolOptions>> | undefined;
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

/** How calls of one tool are cached. */
export interface CachedToolOptions {
  /** How long an answer is kept, in ms; 0 = until it is dropped; default: as other answers. */
  readonly ttlMs?: number | undefined;
  /** Whether the answer is the same for everybody who calls it: one copy for all; default: false. */
  readonly public?: boolean | undefined;
  /**
   * Whether calls are cached although the tool is not annotated with both `readOnlyHint` and
   * `idempotentHint`; default: false.
   */
  readonly force?: boolean | undefined;
}

/** Options after the checks. */
export interface CacheServerSettings extends Omit<
  CacheServerOptions,
  'public' | 'tools' | 'mutates'
> {
  readonly mutations: ToolMutations | undefined;
  readonly tools: ReadonlyMap<string, CachedToolOptions>;
  readonly isPublic: (uri: string) => boolean;
}

/** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range. */
export function readCacheServerOptions(
  options: CacheServerOptions | undefined,
): CacheServerSettings {
  const { public: templates = [], tools, mutates, ...given } = checkOptions('options', options);
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
  const cached = readTools(tools);
  const mutations = readMutations(mutates);
  for (const name of mutations?.keys() ?? []) {
    if (cached.has(name)) badOption(`tools.${name}`, name, 'left out for a tool that mutates');
  }
  return {
    ...given,
    isPublic: publicUris(templates),
    tools: cached,
    mutations,
  };
}

function readTools(tools: CacheServerOptions['tools']): ReadonlyMap<string, CachedToolOptions> {
  const given = Object.entries(checkOptions('tools', tools)).map(
    ([name, options]) => [name, checkOptions(`tools.${name}`, options)] as const,
  );
  for (const [name, { ttlMs, ...flags }] of given) {
    const at = `tools.${name}`;
    if (ttlMs !== undefined) checkDurationMs(`${at}.ttlMs`, ttlMs, 'until it is dropped');
    for (const flag of ['public', 'force'] as const) {
      const value: unknown = flags[flag];
      if (value !== undefined && typeof value !== 'boolean') {
        badOption(`${at}.${flag}`, value, 'true or false');
      }
    }
  }
  return new Map(given);
}
