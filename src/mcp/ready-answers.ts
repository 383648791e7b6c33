import type { JSONRPCRequest, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import type { ReadyAnswer } from './ready-answer.ts';

/** Where a transport finds what it may send without asking the server. */
export interface ReadyAnswers {
  /**
   * To be sent within the same turn: what is dropped from then on must not go out.
   *
   * @param request whatever may be one
   * @returns `undefined` where the request is to go its ordinary way; a hit counts as one
   */
  find(request: JSONRPCRequest, extra: MessageExtraInfo | undefined): ReadyAnswer | undefined;
}

const answersOf = new WeakMap<object, ReadyAnswers>();
/** The transport that knows how to send bytes, by each message that has come over it. */
const wireOf = new WeakMap<object, object>();

/**
 * From here on a transport that knows how to send bytes finds them.
 *
 * @param transport that the server is connected to, or that a message of its has come over
 */
export function offerReadyAnswers(transport: object, answers: ReadyAnswers): void {
  answersOf.set(transport, answers);
}

export function withdrawReadyAnswers(transport: object, answers: ReadyAnswers): void {
  if (answersOf.get(transport) === answers) answersOf.delete(transport);
}

/** @returns `undefined` where the server of the transport is not cached, or not connected. */
export function readyAnswersOf(transport: object): ReadyAnswers | undefined {
  return answersOf.get(transport);
}

/**
 * `serveStdio` of version 2 connects its server to a channel of its own, and hands on to it the very
 * messages that come over the transport that it was given.
 */
export function noteWire(message: object, transport: object): void {
  wireOf.set(message, transport);
}

/** @returns the transport that a message has come over, where it knows how to send bytes */
export function wireOfMessage(message: object): object | undefined {
  return wireOf.get(message);
}
