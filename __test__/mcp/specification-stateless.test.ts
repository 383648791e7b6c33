import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import { post, SPECIFIED_STATELESS, specifiedServer } from '../support/specified-servers.ts';
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

function without(key: string): object {
  return Object.fromEntries(Object.entries(META).filter(([name]) => name !== `${PREFIX}/${key}`));
}

/** What is refused for one reason or another. */
const REFUSED = [
  ['resources/read', { uri: 'test://missing' }],
  ['resources/read', {}],
  ['resources/destroy', {}],
  ['prompts/get', { name: 'missing' }],
  ['tools/call', { name: 'test_missing_capability', arguments: {} }],
] as const;

/** Those of JSON-RPC 2.0, and those of this revision. */
const DEFINED_CODES = [
  ...[-32_700, -32_600, -32_601, -32_602, -32_603],
  ...[-32_020, -32_021, -32_022],
];

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

    it('answer JSON or an event stream (streamable-http, Sending Messages) [SPEC-MUSTS]', async () => {
      for (const round of [1, 2]) {
        const { status, type } = await ask(started(), 'resources/read', { uri: TEXT });
        expect(status, `${round}`).toBe(200);
        expect(type).toMatch(/^(application\/json|text\/event-stream)/);
      }
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

    it('refuse a revision that they do not speak, with 400 and the ones they do (versioning; Protocol Version Header) [SPEC-MUSTS]', async () => {
      const version = '2099-01-01';
      const { status, response } = await ask(
        started(),
        'resources/read',
        { uri: TEXT },
        {
          headers: { 'mcp-protocol-version': version },
          meta: { ...META, [`${PREFIX}/protocolVersion`]: version },
        },
      );
      expect([status, response.error?.code]).toEqual([400, -32_022]);
      expect(response.error?.data?.['supported']).toContain('2026-07-28');
    });

    it('answer a method that they do not have with 404 and -32601 (Protocol Version Header) [SPEC-MUSTS]', async () => {
      const { status, response } = await ask(started(), 'resources/destroy');
      expect([status, response.error?.code]).toEqual([404, -32_601]);
    });

    it('refuse a resource that does not exist with -32602 (server/resources, Error Handling) [SPEC-MUSTS]', async () => {
      for (const round of [1, 2]) {
        const { response } = await ask(started(), 'resources/read', { uri: 'test://missing' });
        expect(response, `${round}`).toMatchObject({ error: { code: -32_602 } });
        expect(response).not.toHaveProperty('result');
      }
    });

    it('tell an error by an integer and a message, under the same id (basic, Error Responses) [SPEC-MUSTS]', async () => {
      for (const [method, params] of REFUSED) {
        const { response } = await ask(started(), method, params);
        expect(response, method).toMatchObject({ id: 'asked' });
        expect(Number.isInteger(response.error?.code), method).toBe(true);
        expect(typeof response.error?.message).toBe('string');
        expect(response).not.toHaveProperty('result');
      }
    });

    it('send no error code that the revision does not define (basic, Error Codes) [SPEC-MUSTS]', async () => {
      const url = started();
      const codes: unknown[] = [];
      for (const [method, params] of REFUSED) {
        codes.push((await ask(url, method, params)).response.error?.code);
        const headers = { 'mcp-method': 'other' };
        codes.push((await ask(url, method, params, { headers })).response.error?.code);
      }
      for (const code of codes) expect(DEFINED_CODES).toContain(code);
    });

    it('answer server/discover with what they speak and declare all that they answer (server/discover; Capabilities) [SPEC-MUSTS]', async () => {
      const { response } = await ask(started(), 'server/discover');
      expect(response.result).toMatchObject({
        supportedVersions: expect.arrayContaining(['2026-07-28']),
        capabilities: { resources: {}, tools: {}, prompts: {}, completions: {}, logging: {} },
      });
    });

    it('take header names in any case, and their values in the right one (streamable-http, Case Sensitivity) [SPEC-MUSTS]', async () => {
      const body = bodyOf('resources/read', { uri: TEXT }, META);
      const headers = Object.entries(headersFor('resources/read', { uri: TEXT }));
      const upper = Object.fromEntries(headers.map(([name, value]) => [name.toUpperCase(), value]));
      expect((await postAlone(started(), body, upper)).status).toBe(200);
      const answer = await postAlone(started(), body, { ...upper, 'MCP-METHOD': 'Resources/Read' });
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
        400,
        { error: { code: -32_020 } },
      ]);
    });

    it('list the same on every connection, whatever was asked before (server/tools, prompts and resources, Capabilities) [SPEC-MUSTS]', async () => {
      for (const method of ['tools/list', 'prompts/list', 'resources/list']) {
        const texts: string[] = [];
        for (const before of ['prompts/list', 'tools/list']) {
          await ask(started(), before);
          const { text } = await postAlone(
            started(),
            bodyOf(method, {}, META),
            headersFor(method, {}),
          );
          texts.push(text.replace(/"ttlMs":\d+/, ''));
        }
        expect(texts[0], method).toContain('"result"');
        expect(texts[1], method).toBe(texts[0]);
      }
    });

    it('refuse what needs a capability that was not declared, with 400, -32021 and its name (basic, _meta; patterns/mrtr) [SPEC-MUSTS]', async () => {
      const params = { name: 'test_missing_capability', arguments: {} };
      const { status, response } = await ask(started(), 'tools/call', params);
      expect([status, response.error?.code]).toEqual([400, -32_021]);
      expect(response.error?.data).toMatchObject({ requiredCapabilities: { sampling: {} } });
    });

    it('take no capability from a request before (basic, Statelessness) [SPEC-MUSTS]', async () => {
      const params = { name: 'test_missing_capability', arguments: {} };
      const meta = { ...META, [`${PREFIX}/clientCapabilities`]: { sampling: {} } };
      const declared = await ask(started(), 'tools/call', params, { meta });
      expect(declared.response.result).toMatchObject({ resultType: 'input_required' });
      const bare = await ask(started(), 'tools/call', params);
      expect(bare.response.error?.code).toBe(-32_021);
    });

    it('ask for input by inputRequests or requestState, and only what there is (patterns/mrtr, Server Requirements) [SPEC-MUSTS]', async () => {
      const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} };
      const meta = { ...META, [`${PREFIX}/clientCapabilities`]: capabilities };
      for (const kind of ['elicitation', 'sampling', 'list_roots']) {
        const params = { name: `test_input_required_result_${kind}`, arguments: {} };
        const { response } = await ask(started(), 'tools/call', params, { meta });
        const { inputRequests = {}, requestState } = response.result ?? {};
        const asked = Object.values(inputRequests as Record<string, { method: string }>);
        expect(asked.length > 0 || requestState !== undefined, kind).toBe(true);
        for (const { method } of asked) {
          expect(['elicitation/create', 'sampling/createMessage', 'roots/list']).toContain(method);
        }
      }
    });

    it('tell who listens of nothing but what it asked for, by its id (patterns/subscriptions, Opening a Stream; basic, _meta) [SPEC-MUSTS]', async () => {
      const url = started();
      const messages = await listen(url, { toolsListChanged: true }, 2, async () => {
        await ask(url, 'tools/call', { name: 'test_trigger_prompt_change', arguments: {} });
        await ask(url, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} });
      });
      expect(messages[1]).toMatchObject({
        method: 'notifications/tools/list_changed',
        params: { _meta: { [`${PREFIX}/subscriptionId`]: 'asked' } },
      });
    });

    it('send log messages on no stream but that of their request (server/utilities/logging, Per-request log level) [SPEC-MUSTS]', async () => {
      const url = started();
      const meta = { ...META, [`${PREFIX}/logLevel`]: 'debug' };
      const messages = await listen(url, { toolsListChanged: true }, 2, async () => {
        await ask(url, 'tools/call', { name: 'test_logging_tool', arguments: {} }, { meta });
        await ask(url, 'tools/call', { name: 'test_trigger_tool_change', arguments: {} });
      });
      expect(messages[1]?.method).toBe('notifications/tools/list_changed');
    });

    it('tell of progress by the token of the request, more each time, and not once it is answered (patterns/progress) [SPEC-MUSTS]', async () => {
      const params = { name: 'test_tool_with_progress', arguments: {} };
      const meta = { ...META, progressToken: 17 };
      const { messages } = await ask(started(), 'tools/call', params, { meta });
      const told = messages.filter(({ method }) => method === 'notifications/progress');
      for (const message of told) expect(message).not.toHaveProperty('id');
      const steps = told.map((message) => Number(message.params?.['progress']));
      expect(told.every((message) => message.params?.['progressToken'] === 17)).toBe(true);
      expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
      expect(steps.length).toBeGreaterThan(1);
      expect(messages.at(-1)).toHaveProperty('result');
    });

    it('tell of no progress where no token was given (patterns/progress, Behavior Requirements) [SPEC-MUSTS]', async () => {
      const params = { name: 'test_tool_with_progress', arguments: {} };
      const answer = await ask(started(), 'tools/call', params);
      expect(answer.response).toHaveProperty('result');
      expect(answer.text).not.toContain('notifications/progress');
    });

    it('refuse a foreign Origin with 403 (streamable-http, Security) [SPEC-MUSTS]', async () => {
      const headers = { origin: 'https://evil.example' };
      const answer = await ask(started(), 'resources/read', { uri: TEXT }, { headers });
      expect(answer.status).toBe(403);
    });
  },
);
