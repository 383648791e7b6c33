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
  style: AnswerStyle,
): void {
  const message = new ReadyMessage(id, answer, style.isJson ? BODY : EVENT);
  response.writeHead(200, { ...headersOf(style), 'content-length': message.byteLength });
  message.writeTo(response);
  response.end();
}

/** The same as a response of `fetch`, with a copy of the bytes. */
export function readyResponse(
  { id }: JSONRPCRequest,
  answer: ReadyAnswer,
  style: AnswerStyle,
): Response {
  const message = new ReadyMessage(id, answer, style.isJson ? BODY : EVENT);
  return new Response(ReadyMessage.join([message]), { status: 200, headers: headersOf(style) });
}

function headersOf({ isJson, sessionId }: AnswerStyle): Record<string, string> {
  const session = sessionId === undefined ? {} : { 'mcp-session-id': sessionId };
  return { ...(isJson ? JSON_HEADERS : EVENT_HEADERS), ...session };
}
