import { readFileSync } from 'node:fs';
import path from 'node:path';

import {
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  ResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';

import { cacheServer } from '../../src/mcp/cache-server.ts';
import { commandFixture, until } from '../support/granary-command.ts';
import { linkInMemory, newLowLevelServer } from '../support/mcp-peers.ts';

const fixture = commandFixture();
const SERVER = path.resolve('.setup/programs/conformance/fixture/main.js');
const REVISION = '2026-07-28';
const PREFIX = 'io.modelcontextprotocol';

interface Answer {
  readonly status: number;
  readonly body: {
    readonly id?: unknown;
    readonly result?: Readonly<Record<string, unknown>>;
    readonly error?: { readonly code: number; readonly data?: Readonly<Record<string, unknown>> };
  };
}

/** The fixture of the conformance suite, served and cached by granary, on version 2 of the SDK. */
async function startServer(): Promise<URL> {
  const command = fixture.runAt(SERVER, 'v2', 'granary');
  return new URL(await until('the URL', () => /http:\S+/.exec(command.stdout)?.[0]));
}

/** A request of 2026-07-28; headers and `_meta` may be bent. */
async function ask(
  url: URL,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  { headers = {}, meta = {} }: { headers?: Record<string, string>; meta?: object } = {},
): Promise<Answer> {
  const name = params['name'] ?? params['uri'];
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': REVISION,
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': name }),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 'asked',
      method,
      params: {
        ...params,
        _meta: {
          [`${PREFIX}/protocolVersion`]: REVISION,
          [`${PREFIX}/clientInfo`]: { name: 'test', version: '1' },
          [`${PREFIX}/clientCapabilities`]: {},
          ...meta,
        },
      },
    }),
  });
  const text = await response.text();
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  return { status: response.status, body: JSON.parse(json) as Answer['body'] };
}

const TEXT = 'test://static-text';

const HANDLED = [
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ListPromptsRequestSchema,
  ReadResourceRequestSchema,
] as const;

describe('what revision 2026-07-28 says that servers MUST', () => {
  it('tell ttlMs and cacheScope with every complete result that may be cached (server/utilities/caching) [SPEC-MUSTS]', async () => {
    const url = await startServer();
    // Twice: the second from the cache.
    for (const round of [1, 2]) {
      for (const [method, params] of [
        ['server/discover', {}],
        ['tools/list', {}],
        ['prompts/list', {}],
        ['resources/list', {}],
        ['resources/templates/list', {}],
        ['resources/read', { uri: TEXT }],
      ] as const) {
        const { status, body } = await ask(url, method, params);
        const { ttlMs, cacheScope } = body.result ?? {};
        expect([status, Number.isInteger(ttlMs)], `${method}, ${round}`).toEqual([200, true]);
        expect(ttlMs).toBeGreaterThanOrEqual(0);
        expect(['public', 'private']).toContain(cacheScope);
      }
    }
    const { body } = await ask(url, 'resources/read', { uri: TEXT });
    expect(body.result).toMatchObject({ cacheScope: 'public' });
    expect(body.result?.['ttlMs']).toBeGreaterThan(0);
  });

  it('refuse a resource that does not exist with -32602, and give no empty contents (server/resources, Error Handling) [SPEC-MUSTS]', async () => {
    const url = await startServer();
    for (const round of [1, 2]) {
      const { body } = await ask(url, 'resources/read', { uri: 'test://missing' });
      expect(body, `round ${round}`).toMatchObject({ id: 'asked', error: { code: -32_602 } });
      expect(body).not.toHaveProperty('result');
    }
  });

  it('refuse a cursor that nobody gave with -32602 (server/utilities/pagination, Error Handling) [SPEC-MUSTS]', async () => {
    const url = await startServer();
    for (const method of ['resources/list', 'resources/templates/list']) {
      const { body } = await ask(url, method, { cursor: 'nobody gave it' });
      expect(body, method).toMatchObject({ error: { code: -32_602 } });
    }
  });

  it('refuse headers that disagree with the body, with 400 and HeaderMismatch (basic/transports/streamable-http, Server Validation) [SPEC-MUSTS]', async () => {
    const url = await startServer();
    // The cache must not answer what the transport has to refuse.
    await ask(url, 'resources/read', { uri: TEXT });
    for (const headers of [
      { 'mcp-method': 'tools/list' },
      { 'mcp-name': 'test://static-binary' },
      { 'mcp-protocol-version': '2025-11-25' },
    ]) {
      const { status, body } = await ask(url, 'resources/read', { uri: TEXT }, { headers });
      expect([status, body.error?.code], JSON.stringify(headers)).toEqual([400, -32_020]);
    }
  });

  it('refuse a revision that they do not speak, with 400 and the ones they do (Protocol Version Header) [SPEC-MUSTS]', async () => {
    const url = await startServer();
    const version = '2099-01-01';
    const { status, body } = await ask(
      url,
      'resources/read',
      { uri: TEXT },
      {
        headers: { 'mcp-protocol-version': version },
        meta: { [`${PREFIX}/protocolVersion`]: version },
      },
    );
    expect([status, body.error?.code]).toEqual([400, -32_022]);
    expect(body.error?.data?.['supported']).toContain(REVISION);
  });

  it('answer a method that they do not have with 404 and -32601 (Protocol Version Header) [SPEC-MUSTS]', async () => {
    const { status, body } = await ask(await startServer(), 'resources/destroy');
    expect([status, body.error?.code]).toEqual([404, -32_601]);
  });

  it('refuse a foreign Origin with 403 (basic/transports/streamable-http, Security) [SPEC-MUSTS]', async () => {
    const url = await startServer();
    const response = await fetch(url, { method: 'POST', headers: { origin: 'https://a.example' } });
    expect(response.status).toBe(403);
  });
});

it('icons, annotations and _meta of what is listed and read come as the server gave them, from the cache too (basic, icons) [SPEC-MUSTS]', async () => {
  const icons = [{ src: 'https://a.example/i.png', mimeType: 'image/png', sizes: ['48x48'] }];
  const more = { icons, annotations: { priority: 1 }, _meta: { 'a.example/x': [1, { y: null }] } };
  const results: Record<string, object> = {
    'resources/list': { resources: [{ uri: 'test://a', name: 'a', ...more }] },
    'resources/templates/list': {
      resourceTemplates: [{ uriTemplate: 'test://{x}', name: 'x', ...more }],
    },
    'tools/list': { tools: [{ name: 't', inputSchema: { type: 'object' }, ...more }] },
    'prompts/list': { prompts: [{ name: 'p', ...more }] },
    'resources/read': { contents: [{ uri: 'test://a', text: 'a', _meta: more['_meta'] }] },
  };
  const server = newLowLevelServer({ capabilities: { resources: {}, tools: {}, prompts: {} } });
  let calls = 0;
  for (const schema of HANDLED) {
    server.setRequestHandler(schema, ({ method }) => {
      calls++;
      return results[method] as never;
    });
  }
  cacheServer(server);
  const { client } = await linkInMemory(server);
  for (const round of [1, 2]) {
    for (const [method, expected] of Object.entries(results)) {
      const params = method === 'resources/read' ? { uri: 'test://a' } : {};
      const result = await client.request({ method, params }, ResultSchema);
      expect(result, `${method}, ${round}`).toEqual(expected);
    }
  }
  expect(calls).toBe(Object.keys(results).length);
});

/** MUSTs that other tests hold, by file and the beginning of a title. */
const HELD: readonly [section: string, must: string, file: string, title: string][] = [
  [
    '2026-07-28 server/utilities/caching, Cache Scope',
    'what is private does not cross authorization contexts',
    'cache-server-http.test.ts',
    'keeps an answer for each token, in any session, and never across',
  ],
  [
    '2026-07-28 server/utilities/caching, Security',
    'a request is authorized before it is answered from a cache',
    'cache-server-http.test.ts',
    'asks before every answer, and tells whoever may not',
  ],
  [
    '2026-07-28 server/utilities/caching, Pagination',
    'each page is cached by itself',
    'cache-server.test.ts',
    'each page by itself, and no cursor apart from an empty one',
  ],
  [
    '2026-07-28 server/utilities/caching; FastMCP',
    'errors are not cached',
    'cache-server-requests.test.ts',
    'and fails once for all who asked, but not for whoever asks later',
  ],
  [
    '2026-07-28 server/utilities/caching, Notifications',
    'a notification invalidates, before it is on its way',
    'serve-resources-generations.test.ts',
    'are told of what is dropped by URI, tag, pattern and template',
  ],
  [
    '2026-07-28 basic/patterns/subscriptions',
    'who listens is told of what it subscribed to',
    'serve-resources-generations.test.ts',
    'reaches a real client over Streamable HTTP',
  ],
  [
    '2026-07-28 basic, older revisions',
    'no field of a later revision is sent',
    'serve-resources-generations.test.ts',
    'tells how fresh a read is where the revision has it, and nowhere else',
  ],
  [
    '2025-11-25 server/resources, Error Handling',
    'a resource that does not exist is -32002',
    'serve-resources.test.ts',
    'are -32002 with the URI where there is no such resource',
  ],
  [
    '2025-11-25 server/resources, Subscriptions',
    'only who has subscribed is told of an update',
    'serve-resources-http.test.ts',
    'notifies exactly the sessions that subscribed',
  ],
  [
    '2025-11-25 server/utilities/pagination',
    'cursors are opaque, and pages give everything once',
    'serve-resources.test.ts',
    'page through everything that stays, once',
  ],
  [
    '2025-11-25 basic/transports, Session Management',
    'a session that has ended is answered with 404',
    'serve-command-http.test.ts',
    'end when their client ends them',
  ],
  [
    '2025-11-25 basic/transports, Security Warning (CVE-2025-66414)',
    'Origin is checked, and only this machine listened to',
    'serve-command-http.test.ts',
    'are refused before anything else',
  ],
  [
    '2025-11-25 basic/transports, stdio',
    'nothing but messages stands on stdout',
    'serve-command-process.test.ts',
    'stands on stderr, and nothing but JSON-RPC on stdout',
  ],
  [
    'CVE-2026-25536; FastMCP: one role had the answer of another',
    'no answer goes to another client of a shared transport',
    'cache-server-http.test.ts',
    'sends no answer to the wrong one while equal ids are in flight',
  ],
  [
    'CVE-2025-53110',
    'no path leads out of the folder that is served',
    'serve-command-stdio.test.ts',
    'refuses what lies outside as it refuses what is missing',
  ],
  [
    '2025-11-25 basic/lifecycle',
    'nothing is answered before the initialization, from a cache either',
    'cache-server-requests.test.ts',
    'anything before the initialization is complete',
  ],
  [
    '2025-11-25 basic, Requests; CVE-2026-25536',
    'two requests of one id are not confused',
    'cache-server-requests.test.ts',
    'answers a duplicate id once, for the later request',
  ],
  [
    '2025-11-25 basic, _meta',
    'nothing is assumed of keys of _meta that are not known',
    'cache-server-requests.test.ts',
    'answers to params, _meta and members that it does not know',
  ],
  [
    '2025-11-25 basic/utilities/cancellation, both revisions',
    'a cancelled request is not answered, and stops its handler where nobody else waits',
    'cache-server-requests.test.ts',
    'cancels the handler when the last who waits has cancelled, id 0 too',
  ],
  [
    '2025-11-25 basic/utilities/cancellation',
    'a cancellation goes on to who does the work',
    '../proxy/proxy-everything.test.ts',
    'passes a cancellation',
  ],
  [
    '2025-11-25 basic/utilities/progress',
    'progress goes to the token that began the work, and stops with it',
    'cache-server-requests.test.ts',
    'tells progress to whoever began the read, and to nobody once it has left',
  ],
  [
    '2025-11-25 basic/utilities/tasks',
    'tasks keep their ids, states, results and what they ask, and none is cached',
    '../proxy/proxy-tasks.test.ts',
    'pass from their begin to their result, with what they ask',
  ],
  [
    '2025-11-25 basic/utilities/tasks, Task Cancellation',
    'tasks are cancelled by tasks/cancel',
    '../proxy/proxy-tasks.test.ts',
    'are cancelled where their client wants it',
  ],
  [
    '2025-11-25 basic/transports, Resumability and Redelivery',
    'what is sent again is of the stream that broke, and of no other',
    '../proxy/event-log.test.ts',
    'gives what was sent on a stream after an id, and nothing of another',
  ],
  [
    '2025-11-25 basic/transports, stdio',
    'what is no message is refused, and the next one answered',
    'hostile-stdio.test.ts',
    'goes on after what is no request',
  ],
];

it.each(HELD)('%s: %s is held by a test in %s [SPEC-MUSTS]', (_section, _must, file, title) => {
  const source = readFileSync(path.join(import.meta.dirname, file), 'utf8');
  expect(source).toContain(`it('${title}`);
});
