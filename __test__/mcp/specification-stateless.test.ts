import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import {
  post,
  SPECIFIED_STATELESS,
  type SpecifiedAnswer,
  type SpecifiedMessage,
  specifiedServer,
} from '../support/specified-servers.ts';

const REVISION = '2026-07-28';
const PREFIX = 'io.modelcontextprotocol';
const TEXT = 'test://static-text';

const META = {
  [`${PREFIX}/protocolVersion`]: REVISION,
  [`${PREFIX}/clientInfo`]: { name: 'by hand', version: '1' },
  [`${PREFIX}/clientCapabilities`]: {},
};

function headersFor(method: string, params: Readonly<Record<string, unknown>>) {
  const name = params['name'] ?? params['uri'];
  return {
    'mcp-protocol-version': REVISION,
    'mcp-method': method,
    ...(typeof name === 'string' && /^[ -~]*$/.test(name) && { 'mcp-name': name }),
  };
}

function bodyOf(method: string, params: object, meta: object): object {
  return { jsonrpc: '2.0', id: 'asked', method, params: { ...params, _meta: meta } };
}

function ask(
  url: URL,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  { meta = META, headers = {} }: { meta?: object; headers?: Record<string, string> } = {},
): Promise<SpecifiedAnswer> {
  const all = { ...headersFor(method, params), ...headers };
  return post(url, bodyOf(method, params, meta), all);
}

function without(key: string): object {
  return Object.fromEntries(Object.entries(META).filter(([name]) => name !== `${PREFIX}/${key}`));
}

/** The first messages of a stream that stays open. */
async function listen(url: URL, notifications: object, count: number): Promise<SpecifiedMessage[]> {
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
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: {')) messages.push(JSON.parse(line.slice(6)) as SpecifiedMessage);
    }
    if (messages.length >= count) break;
  }
  leaving.abort();
  return messages;
}

describe.each(SPECIFIED_STATELESS)(
  'what revision 2026-07-28 says that servers MUST (%s)',
  (server) => {
    const started = specifiedServer(server);

    it('say of every result what type it has, from the cache too (basic, Result Responses) [SPEC-MUSTS]', async () => {
      const url = started();
      for (const round of [1, 2]) {
        for (const [method, params] of [
          ['server/discover', {}],
          ['resources/read', { uri: TEXT }],
          ['resources/list', {}],
          ['resources/templates/list', {}],
          ['tools/list', {}],
          ['prompts/list', {}],
          ['tools/call', { name: 'test_simple_text', arguments: {} }],
        ] as const) {
          const { response } = await ask(url, method, params);
          expect(response, `${method}, ${round}`).toMatchObject({
            id: 'asked',
            result: { resultType: 'complete' },
          });
        }
      }
    });

    it.each(['protocolVersion', 'clientCapabilities'])(
      'refuse a request without %s in its _meta with 400 and -32602, cached or not (basic, _meta) [SPEC-MUSTS]',
      async (field) => {
        const url = started();
        await ask(url, 'resources/read', { uri: TEXT });
        const { status, response } = await ask(
          url,
          'resources/read',
          { uri: TEXT },
          { meta: without(field) },
        );
        expect(status).toBe(400);
        expect(response).not.toHaveProperty('result');
        if (field !== 'protocolVersion') expect(response.error?.code).toBe(-32_602);
      },
    );

    it('refuse a request whose header names nothing, or something else, cached or not (streamable-http, Server Validation) [SPEC-MUSTS]', async () => {
      const url = started();
      await ask(url, 'resources/read', { uri: TEXT });
      const body = bodyOf('resources/read', { uri: TEXT }, META);
      const all = headersFor('resources/read', { uri: TEXT });
      for (const name of ['mcp-method', 'mcp-name']) {
        const headers = Object.fromEntries(Object.entries(all).filter(([key]) => key !== name));
        const { status, response } = await post(url, body, headers);
        expect([status, response.error?.code], `without ${name}`).toEqual([400, -32_020]);
      }
    });

    it('compare a name that had to be encoded as what it stands for (streamable-http, Value Encoding) [SPEC-MUSTS]', async () => {
      const url = started();
      const uri = 'test://template/grün/data';
      const encoded = (text: string): Record<string, string> => ({
        'mcp-name': `=?base64?${Buffer.from(text).toString('base64')}?=`,
      });
      for (const round of [1, 2]) {
        const right = await ask(url, 'resources/read', { uri }, { headers: encoded(uri) });
        expect(right.response, `${round}`).toHaveProperty('result');
        const wrong = await ask(url, 'resources/read', { uri }, { headers: encoded(`${uri}x`) });
        expect([wrong.status, wrong.response.error?.code]).toEqual([400, -32_020]);
      }
    });

    it('accept a notification with 202 and no body (streamable-http, Sending Messages) [SPEC-MUSTS]', async () => {
      const url = started();
      const method = 'notifications/cancelled';
      const body = { jsonrpc: '2.0', method, params: { requestId: 'none', _meta: META } };
      const { status, text } = await post(url, body, headersFor(method, {}));
      expect([status, text]).toEqual([202, '']);
    });

    it('answer nothing to a body that is no request, but an error status (streamable-http, Sending Messages) [SPEC-MUSTS]', async () => {
      const url = started();
      const headers = headersFor('resources/read', { uri: TEXT });
      for (const body of ['{', '[]', '17', '{"jsonrpc":"2.0","id":1,"result":{}}']) {
        const answer = await post(url, body, headers);
        expect(answer.status, body).toBeGreaterThanOrEqual(400);
        expect(answer.text, body).not.toContain('"result"');
      }
    });

    it('acknowledge a subscription first, with its id, and tell of nothing else (patterns/subscriptions, Acknowledgment) [SPEC-MUSTS]', async () => {
      const url = started();
      const [first] = await listen(url, { resourceSubscriptions: [TEXT] }, 1);
      expect(first).toMatchObject({
        method: 'notifications/subscriptions/acknowledged',
        params: { _meta: { [`${PREFIX}/subscriptionId`]: 'asked' } },
      });
    });

    it('send no log message to who has set no level (server/utilities/logging, Per-request log level) [SPEC-MUSTS]', async () => {
      const url = started();
      const params = { name: 'test_logging_tool', arguments: {} };
      const silent = await ask(url, 'tools/call', params);
      expect(silent.response).toHaveProperty('result');
      expect(silent.text).not.toContain('notifications/message');
      const meta = { ...META, [`${PREFIX}/logLevel`]: 'debug' };
      const { messages } = await ask(url, 'tools/call', params, { meta });
      expect(messages.map(({ method }) => method)).toContain('notifications/message');
    });

    it('ask nothing of a client by a request of their own (patterns; streamable-http, Receiving Messages) [SPEC-MUSTS]', async () => {
      const url = started();
      const meta = { ...META, [`${PREFIX}/clientCapabilities`]: { elicitation: { form: {} } } };
      const name = 'test_input_required_result_elicitation';
      const { messages } = await ask(url, 'tools/call', { name, arguments: {} }, { meta });
      for (const { id, method } of messages)
        expect([id, method]).not.toEqual([expect.anything(), expect.any(String)]);
      expect(messages.at(-1)?.result).toMatchObject({ resultType: 'input_required' });
    });

    it('give all pages of a list one scope, and a private first page only private ones (server/utilities/caching, Pagination) [SPEC-MUSTS]', async () => {
      const url = started();
      for (const method of ['resources/list', 'tools/list', 'prompts/list']) {
        const scopes = new Set<unknown>();
        let cursor: unknown;
        do {
          const { response } = await ask(url, method, cursor === undefined ? {} : { cursor });
          scopes.add(response.result?.['cacheScope']);
          cursor = response.result?.['nextCursor'];
        } while (cursor !== undefined);
        expect([...scopes], method).toHaveLength(1);
      }
    });
  },
);
