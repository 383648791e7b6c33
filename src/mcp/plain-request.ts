import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

import { questionOf, type Question } from './question.ts';

/**
 * No plain request is longer: a URI of as many characters as are cached, each of them escaped, and
 * what stands around it; in bytes.
 */
export const MAX_PLAIN_BYTES = 64 * 1024;

/** Every method that is answered below the SDK ends so. Spelled with an escape, it is another's affair. */
const READ_END = '/read"';
const LIST_END = '/list"';

/**
 * @param text of a message as it came
 * @returns what may be a plain request; `undefined` for everything else, also where it is not JSON
 */
export function requestIn(text: string): JSONRPCRequest | undefined {
  // Most of what else comes is seen to be none without being parsed twice.
  if (!text.includes(READ_END) && !text.includes(LIST_END)) return undefined;
  try {
    return requestOf(JSON.parse(text));
  } catch {
    return undefined; // the SDK tells what is wrong with it
  }
}

/** @param message whatever has been parsed */
export function requestOf(message: unknown): JSONRPCRequest | undefined {
  const isObject = typeof message === 'object' && message !== null && !Array.isArray(message);
  return isObject && 'method' in message ? (message as JSONRPCRequest) : undefined;
}

/**
 * Judges what `JSON.parse` makes of a message, as the SDK does: of a key that comes twice the last one
 * counts, and escapes are read before anything is compared.
 *
 * @param revision what the connection speaks, where its requests carry an envelope
 * @returns what is asked; `undefined` for all that may be answered otherwise than others who ask the
 *   same (with params or `_meta` of its own, malformed), and for one that wants to hear of progress
 */
export function plainQuestionOf(
  request: JSONRPCRequest,
  revision: string | undefined,
): Question | undefined {
  const question = questionOf(request, revision);
  const meta: unknown = request.params?.['_meta'];
  const wantsProgress = typeof meta === 'object' && meta !== null && 'progressToken' in meta;
  return wantsProgress ? undefined : question;
}
