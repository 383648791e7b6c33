import type { JSONRPCErrorResponse, Result } from '@modelcontextprotocol/sdk/types.js';

import { givenHints, isHinted } from './cache-hints.ts';
import { JsonRpcError, INTERNAL_ERROR, RESOURCE_NOT_FOUND } from './json-rpc-error.ts';
import { itemsOf, type Question } from './question.ts';

export type AnswerError = JSONRPCErrorResponse['error'];

/** A response without its id. */
export type Answer = ResultAnswer | { readonly error: AnswerError };

interface ResultAnswer {
  readonly result: Result;
  /**
   * The `ttlMs` that the result is to be sent with, where it is one that tells: to be asked in the turn
   * in which it is sent, since a client that hears of a change first would keep what follows.
   */
  readonly ttlMs?: () => number;
}

/** @returns the members of the message that an answer makes at this moment */
export function messageOf(
  answer: Answer,
): { readonly result: Result } | { readonly error: AnswerError } {
  if ('error' in answer) return answer;
  const { result, ttlMs } = answer;
  return { result: ttlMs === undefined ? result : { ...result, ttlMs: ttlMs() } };
}

/**
 * Why a load has brought no answer that all who wait for it could have. Known by its name: from
 * another thread it comes as an error of that name and no more.
 */
export class UnsharedAnswer extends Error {
  override readonly name = 'UnsharedAnswer';
  /** An error that others of its partition may be told too, as JSON. */
  readonly error: string | undefined;

  constructor(error?: string) {
    super('an answer that is not kept');
    this.error = error;
  }
}

/** A result as it is kept. */
export interface KeptAnswer {
  /**
   * As the wire would carry it, without a `ttlMs` that passes: text, since whatever is read from an
   * object that is kept may be changed by whoever it is given to.
   */
  readonly text: string;
  /** For how long it may be kept at most, in ms, where its server says. */
  readonly ttlMs: number | undefined;
}

/**
 * @param isPublic whether everybody who asks gets the same; `undefined` where the result may say so
 * @throws `UnsharedAnswer` for an error, for a result that is none yet (one that wants input, a task,
 *   one without what was asked for) and for one that is stale at once
 */
export function keptAnswer(
  question: Question,
  answer: Answer,
  isPublic: boolean | undefined,
): KeptAnswer {
  if ('error' in answer) throw new UnsharedAnswer(textOf(answer.error));
  const { result } = answer;
  if (!isComplete(question, result)) throw new UnsharedAnswer();
  if (!isHinted(question.method)) return kept(result, undefined);
  const given = givenHints(result, question.revision);
  if (given.ttlMs === 0) throw new UnsharedAnswer();
  if (question.revision === undefined) return kept(result, given.ttlMs);
  const { ttlMs: _, ...others } = result;
  const cacheScope = (isPublic ?? given.isPublic) ? 'public' : 'private';
  return kept({ ...others, cacheScope }, given.ttlMs);
}

function kept(result: Result, ttlMs: number | undefined): KeptAnswer {
  const text = textOf(result);
  if (text === undefined) throw new UnsharedAnswer();
  return { text, ttlMs };
}

function textOf(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined; // not JSON: its transport may know what to do with it
  }
}

/**
 * What a request that failed on our side is answered with.
 *
 * @param notFoundCode the code by which the SDK of the server says that there is no such resource
 */
export function failureAnswer(error: unknown, notFoundCode = RESOURCE_NOT_FOUND): Answer {
  const { code, message, data } =
    error instanceof JsonRpcError ? error : new JsonRpcError(INTERNAL_ERROR, 'Internal error');
  const told = code === RESOURCE_NOT_FOUND ? notFoundCode : code;
  return { error: { code: told, message, ...(data === undefined ? {} : { data }) } };
}

/** `resultType`, `inputRequests` and `requestState` come with specification 2026-07-28. */
function isComplete(question: Question, result: Result): boolean {
  if (typeof result !== 'object' || result === null) return false;
  if (itemsOf(question, result) === undefined) return false;
  const { isError, task, resultType = 'complete', inputRequests, requestState } = result;
  const isWhole = isError === undefined || isError === false;
  const isDone = task === undefined && inputRequests === undefined && requestState === undefined;
  return isWhole && isDone && resultType === 'complete';
}
