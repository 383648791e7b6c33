import type { JSONRPCErrorResponse, Result } from '@modelcontextprotocol/sdk/types.js';

import { JsonRpcError, INTERNAL_ERROR } from './json-rpc-error.ts';
import { itemsOf, type Question } from './question.ts';

/** A response without its id. */
export type Answer =
  | { readonly result: Result }
  | { readonly error: JSONRPCErrorResponse['error'] };

/** Carries an answer that must not be kept to those who wait for it. */
export class UnkeptAnswer extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super('an answer that is not kept');
    this.answer = answer;
  }
}

/**
 * @returns a copy of the result as the wire would carry it, so that a handler that goes on to change
 *   its object changes no other reader's copy.
 * @throws `UnkeptAnswer` for an error, and for a result that is none yet: one that wants input, a task,
 *   one without what was asked for
 */
export function keptResult(question: Question, answer: Answer): Result {
  if (!('result' in answer) || !isComplete(question, answer.result)) throw new UnkeptAnswer(answer);
  try {
    return JSON.parse(JSON.stringify(answer.result)) as Result;
  } catch {
    throw new UnkeptAnswer(answer); // not JSON: its transport may know what to do with it
  }
}

/** What a request that failed on our side is answered with. */
export function failureAnswer(error: unknown): Answer {
  const { code, message, data } =
    error instanceof JsonRpcError ? error : new JsonRpcError(INTERNAL_ERROR, 'Internal error');
  return { error: { code, message, ...(data === undefined ? {} : { data }) } };
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
