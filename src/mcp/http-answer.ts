import type { ServerResponse } from 'node:http';

import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

import { BODY, EVENT, ReadyMessage, type ReadyAnswer } from './ready-answer.ts';

/** How the SDK answers a request of one transport. */
export interface AnswerStyle {
  readonly isJson: boolean;
  readonly sessionId: string | undefined;
}

const JSON_HEADERS = { 'content-type': 'application/json' };
const EVENT_HEADERS = {
  'cache-control': 'no-cache, no-transform',
  connection: 'keep-alive',
  'content-type': 'text/event-stream',
  'x-accel-buffering': 'no',
};

/** Answers as the SDK's transport does, with status and headers. */
export function sendReady(
  response: ServerResponse,
  { id }: JSONRPCRequest,
  answer: ReadyAnswer,
  { isJson, sessionId }: AnswerStyle,
): void {
  const message = new ReadyMessage(id, answer, isJson ? BODY : EVENT);
  const session = sessionId === undefined ? {} : { 'mcp-session-id': sessionId };
  response.writeHead(200, {
    ...(isJson ? JSON_HEADERS : EVENT_HEADERS),
    ...session,
    'content-length': message.byteLength,
  });
  message.writeTo(response);
  response.end();
}
