import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import { POST_HEADERS } from '../support/raw-http.ts';
import {
  post,
  type SpecifiedAnswer,
  SPECIFIED_STATELESS,
  specifiedServer,
} from '../support/specified-servers.ts';
import {
  ask,
  bodyOf,
  headersFor,
  listen,
  META,
  postAlone,
  PREFIX,
} from '../support/stateless-requests.ts';

const TEXT = 'test://static-text';
const READ = bodyOf('resources/read', { uri: TEXT }, META);
const GREEN = 'test://template/grün/data';

function encoded(text: string): Record<string, string> {
  return { 'mcp-name': `=?base64?${Buffer.from(text).toString('base64')}?=` };
}

/** What is asked with headers that say something else, of a server that has the answer cached. */
async function disagreeing(url: URL): Promise<[what: string, answer: SpecifiedAnswer][]> {
  await ask(url, 'resources/read', { uri: TEXT });
  const all: [string, SpecifiedAnswer][] = [];
  for (const headers of [{ 'mcp-method': 'tools/list' }, { 'mcp-name': 'test://other' }]) {
    const answer = await ask(url, 'resources/read', { uri: TEXT }, { headers });
    all.push([JSON.stringify(headers), answer]);
  }
  return all;
}

describe.each(SPECIFIED_STATELESS)(
  'of revision 2026-07-28, what servers MUST over HTTP (%s):',
  (server) => {
    const started = specifiedServer(server);

    it('messages are UTF-8, from the cache too (transports) [SPEC-MUSTS]', async () => {
      const body = { ...READ, id: 'grün-日本-𝒳' };
      for (const round of [1, 2]) {
        const { text } = await post(started(), body, headersFor('resources/read', { uri: TEXT }));
        expect(text, `${round}`).toContain('"id":"grün-日本-𝒳"');
        expect(text).toContain('"result"');
      }
    });

    it('requests and notifications go up, responses and notifications down (transports) [SPEC-MUSTS]', async () => {
      const params = { name: 'test_tool_with_progress', arguments: {} };
      const meta = { ...META, progressToken: 1 };
      const { messages } = await ask(started(), 'tools/call', params, { meta });
      const isResponse = messages.map((message) => 'result' in message);
      const isNotification = messages.map(
        ({ id, method }) => id === undefined && method !== undefined,
      );
      expect(isResponse.filter(Boolean)).toHaveLength(1);
      expect(messages.every((_, at) => isResponse[at] !== isNotification[at])).toBe(true);
    });

    it('one path takes POST (streamable-http) [SPEC-MUSTS]', async () => {
      const url = started();
      for (const method of ['server/discover', 'tools/list', 'resources/list']) {
        expect((await ask(url, method)).status, method).toBe(200);
      }
    });

    it('Origin is checked on every connection (streamable-http, Security) [SPEC-MUSTS]', async () => {
      const headers = {
        ...headersFor('resources/read', { uri: TEXT }),
        origin: 'https://evil.example',
      };
      for (const round of [1, 2]) {
        const { text } = await postAlone(started(), READ, headers);
        expect(text, `${round}`).not.toContain('"result"');
      }
      const listening = headersFor('subscriptions/listen', {});
      const body = bodyOf('subscriptions/listen', { notifications: {} }, META);
      const refused = await post(started(), body, { ...listening, origin: 'https://evil.example' });
      expect(refused.status).toBeGreaterThanOrEqual(400);
    });

    it('a wrong Origin is 403 (streamable-http, Security) [SPEC-MUSTS]', async () => {
      for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
        const { status } = await ask(
          started(),
          'resources/read',
          { uri: TEXT },
          { headers: { origin } },
        );
        expect(status, origin).toBe(403);
      }
    });

    it('what is accepted without an answer is 202 and no body (streamable-http, Sending Messages) [SPEC-MUSTS]', async () => {
      const method = 'notifications/cancelled';
      const body = { jsonrpc: '2.0', method, params: { requestId: 'none', _meta: META } };
      const { status, text } = await post(started(), body, headersFor(method, {}));
      expect([status, text]).toEqual([202, '']);
    });

    it('what cannot be accepted is an error status (streamable-http, Sending Messages) [SPEC-MUSTS]', async () => {
      const headers = headersFor('resources/read', { uri: TEXT });
      for (const body of ['{', '[]', '17', '{"jsonrpc":"2.0","id":1,"result":{}}']) {
        const answer = await post(started(), body, headers);
        expect(answer.status, body).toBeGreaterThanOrEqual(400);
        expect(answer.text, body).not.toContain('"result"');
      }
    });

    it('a request is answered by JSON or an event stream (streamable-http, Sending Messages) [SPEC-MUSTS]', async () => {
      for (const round of [1, 2]) {
        const { status, type } = await ask(started(), 'resources/read', { uri: TEXT });
        expect(status, `${round}`).toBe(200);
        expect(type).toMatch(/^(application\/json|text\/event-stream)/);
      }
    });

    it('notifications before a response are about its request (streamable-http, Receiving Messages) [SPEC-MUSTS]', async () => {
      const url = started();
      const call = (progressToken: string) =>
        ask(
          url,
          'tools/call',
          { name: 'test_tool_with_progress', arguments: {} },
          { meta: { ...META, progressToken } },
        );
      const tokens = ['one', 'two'];
      const both = await Promise.all(tokens.map(call));
      for (const [at, { messages }] of both.entries()) {
        const told = messages.flatMap(({ params }) => params?.['progressToken'] ?? []);
        expect([...new Set(told)]).toEqual([tokens[at]]);
      }
    });

    it('an unsupported version is 400 with those that are (streamable-http, Protocol Version Header) [SPEC-MUSTS]', async () => {
      const version = '2099-01-01';
      const headers = { 'mcp-protocol-version': version };
      const meta = { ...META, [`${PREFIX}/protocolVersion`]: version };
      const { status, response } = await ask(
        started(),
        'resources/read',
        { uri: TEXT },
        { headers, meta },
      );
      expect(status).toBe(400);
      expect(response.error?.data?.['supported']).toContain('2026-07-28');
    });

    it('an unknown method is 404 and -32601 (streamable-http, Protocol Version Header) [SPEC-MUSTS]', async () => {
      const { status, response } = await ask(started(), 'resources/destroy');
      expect([status, response.error?.code]).toEqual([404, -32_601]);
    });

    it.each(['mcp-method', 'mcp-name'])(
      'method and name are required, cached or not: %s (streamable-http, Standard Request Headers) [SPEC-MUSTS]',
      async (missing) => {
        await ask(started(), 'resources/read', { uri: TEXT });
        const all = Object.entries(headersFor('resources/read', { uri: TEXT }));
        const headers = Object.fromEntries(all.filter(([name]) => name !== missing));
        const { response } = await post(started(), READ, headers);
        expect(response).toHaveProperty('error');
      },
    );

    it('encoded names are decoded before they are compared (streamable-http, Value Encoding; Server Validation) [SPEC-MUSTS]', async () => {
      for (const round of [1, 2]) {
        const right = { headers: encoded(GREEN) };
        const { response } = await ask(started(), 'resources/read', { uri: GREEN }, right);
        expect(response, `${round}`).toHaveProperty('result');
        const wrong = { headers: encoded(`${GREEN}x`) };
        const refused = await ask(started(), 'resources/read', { uri: GREEN }, wrong);
        expect(refused.response).toHaveProperty('error');
      }
    });

    it('header names are the same in any case, and values are not (streamable-http, Case Sensitivity) [SPEC-MUSTS]', async () => {
      const headers = Object.entries(headersFor('resources/read', { uri: TEXT }));
      const upper = Object.fromEntries(headers.map(([name, value]) => [name.toUpperCase(), value]));
      expect((await postAlone(started(), READ, upper)).status).toBe(200);
      const other = { ...upper, 'MCP-METHOD': 'Resources/Read' };
      expect((await postAlone(started(), READ, other)).status).toBe(400);
    });

    it('headers that disagree are refused, cached or not (streamable-http, Server Validation) [SPEC-MUSTS]', async () => {
      for (const [what, { response }] of await disagreeing(started())) {
        expect(response, what).toHaveProperty('error');
        expect(response, what).not.toHaveProperty('result');
      }
    });

    it('headers that disagree are 400 (streamable-http, Server Validation) [SPEC-MUSTS]', async () => {
      for (const [what, { status }] of await disagreeing(started())) expect(status, what).toBe(400);
    });

    it('headers that disagree are HeaderMismatch (streamable-http, Server Validation) [SPEC-MUSTS]', async () => {
      for (const [what, { response }] of await disagreeing(started())) {
        expect(response.error?.code, what).toBe(-32_020);
      }
    });

    it('nothing more is sent for a request whose stream was closed (streamable-http, Cancellation) [SPEC-MUSTS]', async () => {
      const url = started();
      const call = { name: 'test_tool_with_progress', arguments: {} };
      const body = bodyOf('tools/call', call, { ...META, progressToken: 'left' });
      const messages = await listen(url, { toolsListChanged: true }, 2, async () => {
        const leaving = new AbortController();
        setTimeout(() => leaving.abort(), 20);
        const headers = { ...POST_HEADERS, ...headersFor('tools/call', call) };
        const init = {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
          signal: leaving.signal,
        };
        await fetch(url, init)
          .then((response) => response.text())
          .catch(() => '');
        await ask(url, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} });
      });
      expect(messages[1]?.method).toBe('notifications/tools/list_changed');
      expect(JSON.stringify(messages)).not.toContain('"left"');
    });

    it('nothing is logged on another stream (server/utilities/logging, Per-request log level) [SPEC-MUSTS]', async () => {
      const url = started();
      const meta = { ...META, [`${PREFIX}/logLevel`]: 'debug' };
      const messages = await listen(url, { toolsListChanged: true }, 2, async () => {
        await ask(url, 'tools/call', { name: 'test_logging_tool', arguments: {} }, { meta });
        await ask(url, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} });
      });
      expect(messages[1]?.method).toBe('notifications/tools/list_changed');
    });

    it('nothing is logged to who has set no level (server/utilities/logging, Per-request log level) [SPEC-MUSTS]', async () => {
      const params = { name: 'test_logging_tool', arguments: {} };
      const silent = await ask(started(), 'tools/call', params);
      expect(silent.response).toHaveProperty('result');
      expect(silent.text).not.toContain('notifications/message');
      const meta = { ...META, [`${PREFIX}/logLevel`]: 'debug' };
      const { messages } = await ask(started(), 'tools/call', params, { meta });
      expect(messages.map(({ method }) => method)).toContain('notifications/message');
    });
  },
);

describe('of revision 2026-07-28, what intermediaries MUST over HTTP:', () => {
  const started = specifiedServer('granary proxy');

  it('an intermediary refuses with an error status (streamable-http, Server Validation) [SPEC-MUSTS]', async () => {
    for (const [what, { status }] of await disagreeing(started())) {
      expect(status, what).toBeGreaterThanOrEqual(400);
      expect(status, what).toBeLessThan(500);
    }
  });
});
