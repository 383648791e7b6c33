import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import type { PlainRequest } from './plain-request.ts';
import type { ReadyAnswer } from './ready-answer.ts';

/** Where a transport finds what it may send without asking the server. */
export interface ReadyAnswers {
  /**
   * To be sent within the same turn: what is dropped from then on must not go out.
   *
   * @returns `undefined` where the request is to go its ordinary way; a hit counts as one
   */
  find(request: PlainRequest, extra: MessageExtraInfo | undefined): ReadyAnswer | undefined;
}

const answersOf = new WeakMap<Transport, ReadyAnswers>();

/** From here on a transport that knows how to send bytes finds them. */
export function offerReadyAnswers(transport: Transport, answers: ReadyAnswers): void {
  answersOf.set(transport, answers);
}

export function withdrawReadyAnswers(transport: Transport, answers: ReadyAnswers): void {
  if (answersOf.get(transport) === answers) answersOf.delete(transport);
}

/** @returns `undefined` where the server of the transport is not cached, or not connected. */
export function readyAnswersOf(transport: Transport): ReadyAnswers | undefined {
  return answersOf.get(transport);
}
