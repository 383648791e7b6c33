import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import { SPECIFIED, specifiedServer } from '../support/specified-servers.ts';
import { SpecifiedSession } from '../support/specified-session.ts';

const REVISION = '2025-11-25';
const TEXT = 'test://static-text';

/** The first content of a kind in what a prompt says. */
async function promptContent(
  session: SpecifiedSession,
  name: string,
  params: object,
  kind: string,
): Promise<Record<string, unknown>> {
  const { response } = await session.ask('prompts/get', { name, ...params });
  const messages = response.result?.['messages'] as { content: Record<string, unknown> }[];
  const found = messages.find(({ content }) => content['type'] === kind);
  if (found === undefined) expect.fail(`no ${kind} in ${JSON.stringify(messages)}`);
  return found.content;
}

describe.each(SPECIFIED)('what revision 2025-11-25 says that servers MUST (%s)', (server) => {
  const url = specifiedServer(server);
  const open = (protocolVersion?: string): Promise<SpecifiedSession> =>
    SpecifiedSession.open(url(), protocolVersion);

  it('answer initialize with info and capabilities of all that they answer (lifecycle, Initialization; Capabilities) [SPEC-MUSTS]', async () => {
    const session = await open();
    const { result } = session.opening.response;
    expect(result).toMatchObject({
      protocolVersion: REVISION,
      serverInfo: { name: expect.any(String), version: expect.any(String) },
    });
    const capabilities = result?.['capabilities'] as Record<string, unknown>;
    for (const [capability, method] of [
      ['resources', 'resources/list'],
      ['tools', 'tools/list'],
      ['prompts', 'prompts/list'],
    ] as const) {
      expect(capabilities, capability).toHaveProperty(capability);
      expect((await session.ask(method)).response, method).toHaveProperty('result');
    }
  });

  it.each([
    ['2025-06-18', '2025-06-18'],
    ['2024-11-05', '2024-11-05'],
    ['1999-01-01', undefined],
  ])(
    'take the version asked for, or one that they speak: %s (lifecycle, Version Negotiation) [SPEC-MUSTS]',
    async (asked, expected) => {
      const { opening } = await open(asked);
      const version = opening.response.result?.['protocolVersion'];
      if (expected === undefined) expect(version).toMatch(/^\d{4}-\d\d-\d\d$/);
      else expect(version).toBe(expected);
      expect(version).not.toBe('1999-01-01');
    },
  );

  it('answer with the id that was asked by, a string or an integer, from the cache too (basic, Responses) [SPEC-MUSTS]', async () => {
    const session = await open();
    const ids = [0, 7, 2 ** 53 - 1, -1, '', '0', 'ünïcode', 'with "quotes" and \\'];
    for (const id of ids) {
      const { response } = await session.ask('resources/read', { uri: TEXT }, id);
      expect(response.id, String(id)).toBe(id);
      expect(response).toHaveProperty('result');
      expect(response).not.toHaveProperty('error');
    }
  });

  it('take no request whose id is null, and answer no notification (basic, Requests, Notifications) [SPEC-MUSTS]', async () => {
    const session = await open();
    await session.ask('resources/read', { uri: TEXT });
    const read = { jsonrpc: '2.0', method: 'resources/read', params: { uri: TEXT } };
    for (const body of [
      { ...read, id: null },
      { ...read, id: 1.5 },
      { ...read, id: {} },
    ]) {
      const answer = await session.send(body);
      expect(answer.text, JSON.stringify(body)).not.toContain('"result"');
    }
    const told = await session.send({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 99 },
    });
    expect([told.status, told.text]).toEqual([202, '']);
    expect((await session.ask('ping')).response).toMatchObject({ result: {} });
  });

  it('tell an error by an integer and a message, under the same id (basic, Error Responses) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const [method, params] of [
      ['resources/read', { uri: 'test://missing' }],
      ['resources/read', {}],
      ['resources/destroy', {}],
      ['prompts/get', { name: 'missing' }],
    ] as const) {
      for (const round of [1, 2]) {
        const { response } = await session.ask(method, params, `${method} ${round}`);
        expect(response, method).toMatchObject({ id: `${method} ${round}` });
        expect(Number.isInteger(response.error?.code)).toBe(true);
        expect(typeof response.error?.message).toBe('string');
        expect(response).not.toHaveProperty('result');
      }
    }
  });

  it('answer a ping at once with nothing (utilities/ping) [SPEC-MUSTS]', async () => {
    const { response } = await (await open()).ask('ping', {}, 'p');
    expect(response).toEqual({ jsonrpc: '2.0', id: 'p', result: {} });
  });

  it('answer JSON or an event stream, and refuse what they cannot accept with an error status (transports, Sending Messages) [SPEC-MUSTS]', async () => {
    const session = await open();
    const answer = await session.ask('resources/read', { uri: TEXT });
    expect(answer.status).toBe(200);
    expect(answer.type).toMatch(/^(application\/json|text\/event-stream)/);
    const read = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: TEXT } };
    for (const [body, headers] of [
      ['{"jsonrpc": "2.0", "id": 1', {}],
      ['[1, 2]', {}],
      [{ id: 1, method: 'resources/read' }, {}],
      [read, { accept: 'text/html' }],
      [read, { 'content-type': 'text/plain' }],
      [read, { 'mcp-protocol-version': '1999-01-01' }],
      [read, { 'mcp-session-id': '' }],
    ] as const) {
      const refused = await session.send(body, headers);
      const what = JSON.stringify([body, headers]);
      expect(refused.status, what).toBeGreaterThanOrEqual(400);
      expect(refused.status, what).toBeLessThan(500);
      expect(refused.text, what).not.toContain('"result"');
    }
    const unsupported = await session.send(read, { 'mcp-protocol-version': '1999-01-01' });
    expect(unsupported.status).toBe(400);
  });

  it('refuse a foreign Origin with 403, whatever is asked (transports, Security Warning) [SPEC-MUSTS]', async () => {
    const session = await open();
    const read = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: TEXT } };
    expect((await session.send(read, { origin: 'https://evil.example' })).status).toBe(403);
    const listening = await fetch(session.url, {
      headers: { ...session.headers, accept: 'text/event-stream', origin: 'https://evil.example' },
    });
    expect(listening.status).toBe(403);
  });

  it('name sessions in visible ASCII, and know an ended one no more (transports, Session Management) [SPEC-MUSTS]', async () => {
    const session = await open();
    expect(session.id).toMatch(/^[!-~]+$/);
    const { status } = await fetch(session.url, { method: 'DELETE', headers: session.headers });
    expect([200, 202, 204]).toContain(status);
    // Not from a cache either.
    const answer = await session.ask('resources/read', { uri: TEXT });
    expect([answer.status, answer.text.includes('"result"')]).toEqual([404, false]);
  });

  it('give an event stream to GET, with no response and nothing twice on it (transports, Listening for Messages, Multiple Connections) [SPEC-MUSTS]', async () => {
    const session = await open();
    const leaving = new AbortController();
    const listening = await fetch(session.url, {
      headers: { ...session.headers, accept: 'text/event-stream' },
      signal: leaving.signal,
    });
    expect(listening.status).toBe(200);
    expect(listening.headers.get('content-type')).toContain('text/event-stream');
    const params = { name: 'test_tool_with_progress', arguments: {} };
    const meta = { progressToken: 'token' };
    const { messages } = await session.ask('tools/call', { ...params, _meta: meta });
    expect(messages.at(-1)).toMatchObject({ id: 1, result: {} });
    const told = messages.filter(({ method }) => method === 'notifications/progress');
    expect(told.length).toBeGreaterThan(0);
    leaving.abort();
    const heard = await listening.text().catch(() => '');
    expect(heard).not.toMatch(/"result"|notifications\/progress/);
  });

  it('tell of progress by the token of the request, more each time, and not once it is answered (utilities/progress) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const progressToken of ['token', 17]) {
      const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken } };
      const { messages } = await session.ask('tools/call', params);
      const told = messages.filter(({ method }) => method === 'notifications/progress');
      const steps = told.map((message) => Number(message.params?.['progress']));
      expect(told.every((message) => message.params?.['progressToken'] === progressToken)).toBe(
        true,
      );
      expect(steps).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
      expect(steps.length).toBeGreaterThan(1);
      expect(messages.at(-1)).toHaveProperty('result');
    }
  });

  it('encode binary data in base64, from the cache too (server/resources, Security Considerations) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const round of [1, 2]) {
      const { response } = await session.ask('resources/read', { uri: 'test://static-binary' });
      const contents = response.result?.['contents'] as { blob: string; mimeType: string }[];
      const { blob = '', mimeType } = contents[0] ?? {};
      expect(Buffer.from(blob, 'base64').toString('base64'), `${round}`).toBe(blob);
      expect([blob === '', mimeType]).toEqual([false, 'image/png']);
    }
  });

  it('encode messages in UTF-8, from the cache too (transports) [SPEC-MUSTS]', async () => {
    const session = await open();
    const id = 'grün-日本-𝒳';
    for (const round of [1, 2]) {
      const { text } = await session.ask('resources/read', { uri: TEXT }, id);
      expect(text, `${round}`).toContain(`"id":"${id}"`);
      expect(text).toContain('"result"');
    }
  });

  it('declare that they complete and log where they do (completion; logging, Capabilities) [SPEC-MUSTS]', async () => {
    const session = await open();
    const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
    for (const [capability, method, params] of [
      ['completions', 'completion/complete', { ref, argument: { name: 'arg1', value: '' } }],
      ['logging', 'logging/setLevel', { level: 'info' }],
    ] as const) {
      expect(session.opening.response.result?.['capabilities']).toHaveProperty(capability);
      expect((await session.ask(method, params)).response, method).toHaveProperty('result');
    }
  });

  it('give every tool an object for its inputSchema, from the cache too (server/tools, Tool) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const round of [1, 2]) {
      const { response } = await session.ask('tools/list');
      const tools = response.result?.['tools'] as { inputSchema: unknown }[];
      expect(tools.length, `${round}`).toBeGreaterThan(0);
      for (const tool of tools) expect(tool.inputSchema).toMatchObject({ type: 'object' });
    }
  });

  it('encode images of prompts in base64, with a MIME type (server/prompts, Image Content) [SPEC-MUSTS]', async () => {
    const content = await promptContent(await open(), 'test_prompt_with_image', {}, 'image');
    const data = String(content['data']);
    expect([data === '', content['mimeType']]).toEqual([false, 'image/png']);
    expect(Buffer.from(data, 'base64').toString('base64')).toBe(data);
  });

  it('give resources in prompts a URI, a MIME type and text or data (server/prompts, Embedded Resources) [SPEC-MUSTS]', async () => {
    const args = { arguments: { resourceUri: TEXT } };
    const name = 'test_prompt_with_embedded_resource';
    const { resource } = await promptContent(await open(), name, args, 'resource');
    expect(resource).toMatchObject({ uri: TEXT, mimeType: expect.any(String) });
    expect(Object.keys(resource as object)).toContain('text');
  });

  it('give a notification no id (basic, Notifications) [SPEC-MUSTS]', async () => {
    const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: 1 } };
    const { messages } = await (await open()).ask('tools/call', params);
    const told = messages.filter(({ method }) => method !== undefined);
    expect(told.length).toBeGreaterThan(0);
    for (const message of told) expect(message).not.toHaveProperty('id');
  });

  it('tell of no progress where no token was given (utilities/progress, Behavior Requirements) [SPEC-MUSTS]', async () => {
    const params = { name: 'test_tool_with_progress', arguments: {} };
    const answer = await (await open()).ask('tools/call', params);
    expect(answer.response).toHaveProperty('result');
    expect(answer.text).not.toContain('notifications/progress');
  });
});
