import type { Result } from '@modelcontextprotocol/sdk/types.js';

/**
 * What a cacheable result of specification 2026-07-28 tells a client about keeping it
 * (server/utilities/caching; SEP-2549).
 */
export interface CacheHints {
  /** For how long it may be taken for fresh from now, in whole ms; 0 = not at all. */
  readonly ttlMs: number;
  /** Whether whoever keeps it may give it to others than who asked. */
  readonly cacheScope: 'public' | 'private';
}

/**
 * What lives until it is dropped is promised for a day at a time: a client that missed the
 * notification learns of a change then.
 */
const LONGEST_HINT_MS = 86_400_000;

/**
 * The `ttlMs` of a result.
 *
 * @param remainingMs how long what is kept is fresh from now: `Infinity` until it is dropped, 0 or
 *   `undefined` for what is not kept (any more)
 */
export function ttlHint(remainingMs: number | undefined): number {
  return Math.floor(Math.min(Math.max(remainingMs ?? 0, 0), LONGEST_HINT_MS));
}

/**
 * The hints of a result.
 *
 * @param remainingMs as `ttlHint` takes it
 * @param isPublic whether everybody who asks gets the same, unasked who they are
 */
export function cacheHints(remainingMs: number | undefined, isPublic: boolean): CacheHints {
  return { ttlMs: ttlHint(remainingMs), cacheScope: isPublic ? 'public' : 'private' };
}

/** Whether the results of a method carry hints from 2026-07-28 on. */
export function isHinted(method: string): boolean {
  return method !== 'tools/call';
}

const KNOWN_TTL = Symbol('ttlMs');

/**
 * Has a result say for how long it is fresh to who keeps it in this process: no revision's wire carries
 * a symbol.
 *
 * @param ttlMs asked when it is about to be kept; 0 = not to be kept
 */
export function tellTtl<T extends Result>(result: T, ttlMs: () => number): T {
  return Object.defineProperty(result, KNOWN_TTL, { enumerable: true, get: ttlMs });
}

/** What a result that a server has made says of its own freshness. */
export interface GivenHints {
  /**
   * For how long it may be kept at most, in ms; 0 = not at all, `undefined` = as the keeper likes.
   *
   * From 2026-07-28 on the SDK writes `ttlMs: 0, cacheScope: 'private'` where neither the handler nor
   * the options of its server said anything, which on the wire is the same as if they had said so:
   * the pair is taken for silence. A 0 beside `public`, or on an older revision, is nobody's default.
   */
  readonly ttlMs: number | undefined;
  readonly isPublic: boolean;
}

/**
 * @param revision of the connection that it came by, from 2026-07-28 on
 * @returns the hints of a result of another's making; those out of range count as none
 */
export function givenHints(
  result: Result & { readonly [KNOWN_TTL]?: number },
  revision: string | undefined,
): GivenHints {
  const { ttlMs, cacheScope, [KNOWN_TTL]: knownTtlMs } = result;
  const isPublic = cacheScope === 'public';
  if (knownTtlMs !== undefined) return { ttlMs: knownTtlMs, isPublic };
  const isTtl = typeof ttlMs === 'number' && Number.isSafeInteger(ttlMs) && ttlMs >= 0;
  const isSilence = ttlMs === 0 && !isPublic && revision !== undefined;
  return { ttlMs: isTtl && !isSilence ? ttlMs : undefined, isPublic };
}
