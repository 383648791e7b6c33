import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

import { questionOf, type Question } from './question.ts';

/** A request for which what is kept is all of the answer. */
export interface PlainRequest {
  readonly id: JSONRPCRequest['id'];
  readonly question: Question;
  /** All of it, as `JSON.parse` gives it. */
  readonly message: JSONRPCRequest;
}

/**
 * No plain request is longer: a URI of as many characters as are cached, each of them escaped, and
 * what stands around it; in bytes.
 */
export const MAX_PLAIN_BYTES = 64 * 1024;

/** Every method whose answers are cached ends so. Spelled with an escape, it is another's affair. */
const METHOD_ENDS = ['/read"', '/list"'] as const;

/**
 * @param text of a message as it came
 * @returns `undefined` for everything else, also where it is not JSON
 */
export function plainRequestIn(text: string): PlainRequest | undefined {
  // Most of what else comes is seen to be none without being parsed twice.
  if (!METHOD_ENDS.some((end) => text.includes(end))) return undefined;
  try {
    return plainRequestOf(JSON.parse(text));
  } catch {
    return undefined; // the SDK tells what is wrong with it
  }
}

/**
 * Judges what `JSON.parse` makes of a message, as the SDK does: of a key that comes twice the last one
 * counts, and escapes are read before anything is compared.
 *
 * @param message whatever has been parsed
 * @returns `undefined` for all that may be answered otherwise than others who ask the same: with
 *   params or `_meta` of its own, in a batch, or malformed
 */
export function plainRequestOf(message: unknown): PlainRequest | undefined {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined;
  const request = message as JSONRPCRequest;
  const question = questionOf(request);
  if (question === undefined || request.params?.['_meta'] !== undefined) return undefined;
  return { id: request.id, question, message: request };
}
