import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

import { expect } from 'vitest';

import { POST_HEADERS } from './raw-http.ts';
import { post, type SpecifiedAnswer, type SpecifiedMessage } from './specified-servers.ts';

const REVISION = '2026-07-28';
export const PREFIX = 'io.modelcontextprotocol';

/** What each request of 2026-07-28 carries. */
export const META = {
  [`${PREFIX}/protocolVersion`]: REVISION,
  [`${PREFIX}/clientInfo`]: { name: 'by hand', version: '1' },
  [`${PREFIX}/clientCapabilities`]: {},
};

export function headersFor(method: string, params: Readonly<Record<string, unknown>>) {
  const name = params['name'] ?? params['uri'];
  return {
    'mcp-protocol-version': REVISION,
    'mcp-method': method,
    ...(typeof name === 'string' && /^[ -~]*$/.test(name) && { 'mcp-name': name }),
  };
}

export function bodyOf(method: string, params: object, meta: object): object {
  return { jsonrpc: '2.0', id: 'asked', method, params: { ...params, _meta: meta } };
}

export function ask(
  url: URL,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  { meta = META, headers = {} }: { meta?: object; headers?: Record<string, string> } = {},
): Promise<SpecifiedAnswer> {
  const all = { ...headersFor(method, params), ...headers };
  return post(url, bodyOf(method, params, meta), all);
}

/** Posts on a connection of its own, with header names spelled as they are given. */
export async function postAlone(
  url: URL,
  body: object,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number | undefined; text: string }> {
  const asking = request(url, {
    method: 'POST',
    agent: false,
    headers: { ...POST_HEADERS, ...headers },
  });
  asking.end(JSON.stringify(body));
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: response.statusCode, text: await text(response) };
}

function onceOnly(act?: () => Promise<void>): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await act?.();
  };
}

/**
 * The first messages of a stream that stays open.
 *
 * @param acknowledged is done once when the first has come
 */
export async function listen(
  url: URL,
  notifications: object,
  count: number,
  acknowledged?: () => Promise<void>,
): Promise<SpecifiedMessage[]> {
  const method = 'subscriptions/listen';
  const leaving = new AbortController();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headersFor(method, {}),
    },
    body: JSON.stringify(bodyOf(method, { notifications }, META)),
    signal: leaving.signal,
  });
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    expect.stringContaining('text/event-stream'),
  ]);
  const messages: SpecifiedMessage[] = [];
  const act = onceOnly(acknowledged);
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: {')) messages.push(JSON.parse(line.slice(6)) as SpecifiedMessage);
    }
    if (messages.length >= count) break;
    if (messages.length > 0) await act();
  }
  leaving.abort();
  return messages;
}
