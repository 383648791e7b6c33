import { isKeepable, type CacheableRequest } from './cacheable-request.ts';
import type { Verdict } from './caching-rules.ts';
import type { Answer, JsonObject } from './message.ts';

/** In `_meta` of an answer that is older than it should be. */
const STALE_KEY = 'mcp-granary/stale';

type Scope = 'public' | 'private';

/** A result as text, to be sent again. */
export interface KeptAnswer {
  /** JSON of the result, without its hints where it has them, and without the last brace. */
  readonly head: string;
  readonly hasHints: boolean;
  readonly scope: Scope;
  /** By `performance.now()`. */
  readonly keptAtMs: number;
  /** `Infinity` = until the upstream tells of a change. */
  readonly freshUntilMs: number;
}

/** An answer that is for its asker alone. */
export class NotKept extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super('an answer that is not kept');
    this.name = 'NotKept';
    this.answer = answer;
  }
}

/**
 * Hints of the upstream bound how long an answer is kept (SEP-2549); a hint of 0 is not kept at all.
 *
 * @throws `NotKept`
 */
export function keptAnswer(
  request: CacheableRequest,
  verdict: Verdict,
  answer: Answer,
  nowMs: number,
): KeptAnswer {
  if (!('result' in answer) || !isKeepable(request, answer.result)) throw new NotKept(answer);
  const hint = hintOf(answer.result);
  const ttlMs = Math.min(hint.ttlMs ?? Infinity, verdict.ttlMs === 0 ? Infinity : verdict.ttlMs);
  if (ttlMs === 0) throw new NotKept(answer);
  return {
    head: headOf(answer.result, request.hasHints),
    hasHints: request.hasHints,
    scope: verdict.isPublic ? 'public' : hint.scope,
    keptAtMs: nowMs,
    freshUntilMs: nowMs + ttlMs,
  };
}

/** What tells how long a result may be used, and by whom; without it nothing is known. */
export function hintOf(result: JsonObject): { ttlMs: number | undefined; scope: Scope } {
  const { ttlMs, cacheScope } = result;
  const isTtl = typeof ttlMs === 'number' && ttlMs >= 0;
  return {
    ttlMs: isTtl ? Math.floor(ttlMs) : undefined,
    scope: cacheScope === 'public' ? 'public' : 'private',
  };
}

/** @returns the result as JSON, with the freshness that remains of it where its revision has hints */
export function resultText({ head, hasHints, scope, freshUntilMs }: KeptAnswer): string {
  if (!hasHints) return `${head}}`;
  const remainingMs = freshUntilMs - performance.now();
  // Without end: as long as a hint may sensibly be, since a change is told.
  const ttlMs = Math.max(0, Math.min(Math.floor(remainingMs), LONGEST_TTL_MS));
  return `${head},"ttlMs":${ttlMs},"cacheScope":"${scope}"}`;
}

/** The SDKs of clients take no longer hint than a day. */
const LONGEST_TTL_MS = 86_400_000;

/** @returns the result as JSON, marked as older than it should be */
export function staleText({ head, hasHints, scope, keptAtMs }: KeptAnswer, reason: string): string {
  const result = JSON.parse(`${head}}`) as JsonObject;
  const ageMs = Math.round(performance.now() - keptAtMs);
  const meta = { ...(result['_meta'] as JsonObject), [STALE_KEY]: { ageMs, reason } };
  const hints = hasHints ? { ttlMs: 0, cacheScope: scope } : {};
  return JSON.stringify({ ...result, _meta: meta, ...hints });
}

function headOf(result: JsonObject, hasHints: boolean): string {
  if (!hasHints) return JSON.stringify(result).slice(0, -1);
  const { ttlMs: _ttlMs, cacheScope: _cacheScope, ...rest } = result;
  return JSON.stringify(rest).slice(0, -1);
}
