import type { JSONRPCErrorResponse, Result } from '@modelcontextprotocol/sdk/types.js';

import { JsonRpcError, INTERNAL_ERROR } from './json-rpc-error.ts';
import { itemsOf, type Question } from './question.ts';

export type AnswerError = JSONRPCErrorResponse['error'];

/** A response without its id. */
export type Answer = { readonly result: Result } | { readonly error: AnswerError };

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

/**
 * @returns the result as the wire would carry it: text, since whatever is read from an object that
 *   is kept may be changed by whoever it is given to.
 * @throws `UnsharedAnswer` for an error, and for a result that is none yet: one that wants input, a
 *   task, one without what was asked for
 */
export function keptText(question: Question, answer: Answer): string {
  if ('error' in answer) throw new UnsharedAnswer(textOf(answer.error));
  const text = isComplete(question, answer.result) ? textOf(answer.result) : undefined;
  if (text === undefined) throw new UnsharedAnswer();
  return text;
}

function textOf(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined; // not JSON: its transport may know what to do with it
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
