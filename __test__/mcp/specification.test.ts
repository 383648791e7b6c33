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

  it('tell a ttlMs of 0 or more, fresh, from the cache and at the end of its life (server/utilities/caching, TTL Field) [SPEC-MUSTS]', async () => {
    const url = await startServer();
    for (const method of ['tools/list', 'resources/list', 'prompts/list']) {
      for (const round of [1, 2, 3]) {
        const { ttlMs } = (await ask(url, method)).body.result ?? {};
        expect(Number.isSafeInteger(ttlMs), `${method}, ${round}`).toBe(true);
        expect(ttlMs).toBeGreaterThanOrEqual(0);
      }
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
