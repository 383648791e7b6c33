import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';

import type { HttpTarget } from './hostile-targets.ts';
import { initializeBody, POST_HEADERS } from './raw-http.ts';

type Headers = Readonly<Record<string, string>>;

/** A connection of its own for each request, so that none is kept. */
async function ask(
  { url }: HttpTarget,
  method: string,
  headers: Headers,
  body?: string,
): Promise<IncomingMessage> {
  const sent = request(url, { method, headers, agent: false });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

async function text(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let all = '';
  for await (const part of response as AsyncIterable<string>) all += part;
  return all;
}

/** What became of an attempt to begin a session. */
export interface Begun {
  readonly status: number;
  readonly body: string;
  /** `undefined` where it was refused. */
  readonly session: string | undefined;
}

export async function beginSession(target: HttpTarget): Promise<Begun> {
  const response = await ask(target, 'POST', POST_HEADERS, initializeBody());
  const session = response.headers['mcp-session-id'];
  const body = await text(response);
  return {
    status: response.statusCode ?? 0,
    body,
    session: typeof session === 'string' ? session : undefined,
  };
}

/** Posts one message in a session. @returns the status, and what was answered */
export async function post(
  target: HttpTarget,
  session: string,
  message: object,
): Promise<{ status: number; body: string }> {
  const headers = { ...POST_HEADERS, 'mcp-session-id': session };
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  const response = await ask(target, 'POST', headers, body);
  return { status: response.statusCode ?? 0, body: await text(response) };
}

/** Opens the stream of a session, which nobody reads yet. */
export function openStream(target: HttpTarget, session: string): Promise<IncomingMessage> {
  return ask(target, 'GET', { accept: 'text/event-stream', 'mcp-session-id': session });
}

/** Begins a session, subscribes and opens its stream, and leaves without a word. */
async function dropStreamingSession(target: HttpTarget): Promise<number> {
  const { status, session } = await beginSession(target);
  if (session === undefined) return status;
  await post(target, session, { method: 'notifications/initialized' });
  const stream = await openStream(target, session);
  stream.on('error', () => {});
  const params = { uri: target.uri };
  const { status: subscribed } = await post(target, session, {
    ...{ id: 2, method: 'resources/subscribe', params },
  });
  stream.destroy();
  return subscribed;
}

/** Opens and drops many sessions, ten at a time, every tenth with a stream and a subscription. */
export async function dropSessions(target: HttpTarget, count: number): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (let opened = 0; opened < count; opened += 10) {
    const begun = Array.from({ length: 9 }, async () => (await beginSession(target)).status);
    for (const status of await Promise.all([...begun, dropStreamingSession(target)])) {
      statuses.add(status);
    }
  }
  return statuses;
}
