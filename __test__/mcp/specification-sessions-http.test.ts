import { describe, expect, it } from 'vitest';

import { SPECIFIED, specifiedServer } from '../support/specified-servers.ts';
import { SpecifiedSession } from '../support/specified-session.ts';

const TEXT = 'test://static-text';
const READ = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: TEXT } };
const FOREIGN = { origin: 'https://evil.example' };

/** What a server does not accept, by its body or its headers. */
const UNACCEPTABLE = [
  ['{"jsonrpc": "2.0", "id": 1', {}],
  ['[1, 2]', {}],
  [{ id: 1, method: 'resources/read' }, {}],
  [READ, { accept: 'text/html' }],
  [READ, { 'content-type': 'text/plain' }],
  [READ, { 'mcp-session-id': '' }],
] as const;

function get(session: SpecifiedSession, headers: object, signal?: AbortSignal): Promise<Response> {
  return fetch(session.url, {
    headers: { ...session.headers, accept: 'text/event-stream', ...headers },
    ...(signal !== undefined && { signal }),
  });
}

/** What stands on the stream of a GET while a tool is called, and the messages of that call. */
async function heardDuringCall(session: SpecifiedSession) {
  const leaving = new AbortController();
  const listening = await get(session, {}, leaving.signal);
  const params = { name: 'test_tool_with_progress', arguments: {} };
  const { messages } = await session.ask('tools/call', {
    ...params,
    _meta: { progressToken: 'token' },
  });
  leaving.abort();
  return { messages, heard: await listening.text().catch(() => '') };
}

describe.each(SPECIFIED)('of revision 2025-11-25, what servers MUST over HTTP (%s):', (server) => {
  const url = specifiedServer(server);
  const open = (): Promise<SpecifiedSession> => SpecifiedSession.open(url());

  it('messages are UTF-8, from the cache too (transports) [SPEC-MUSTS]', async () => {
    const session = await open();
    const id = 'grün-日本-𝒳';
    for (const round of [1, 2]) {
      const { text } = await session.ask('resources/read', { uri: TEXT }, id);
      expect(text, `${round}`).toContain(`"id":"${id}"`);
      expect(text).toContain('"result"');
    }
  });

  it('one path takes POST and GET (transports, Streamable HTTP) [SPEC-MUSTS]', async () => {
    const session = await open();
    const leaving = new AbortController();
    expect((await session.send(READ)).status).toBe(200);
    // Where it has no stream to give it says 405, never that there is nothing.
    expect((await get(session, {}, leaving.signal)).status).not.toBe(404);
    leaving.abort();
  });

  it('Origin is checked on every connection (transports, Security Warning) [SPEC-MUSTS]', async () => {
    const session = await open();
    const statuses = [
      (await session.send(READ, FOREIGN)).status,
      (await get(session, FOREIGN)).status,
      (await fetch(session.url, { method: 'DELETE', headers: { ...session.headers, ...FOREIGN } }))
        .status,
    ];
    for (const status of statuses) expect(status).toBeGreaterThanOrEqual(400);
    expect((await session.send(READ)).response).toHaveProperty('result');
  });

  it('a wrong Origin is 403 (transports, Security Warning) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
      expect((await session.send(READ, { origin })).status, origin).toBe(403);
    }
  });

  it('what is accepted without an answer is 202 and no body (transports, Sending Messages) [SPEC-MUSTS]', async () => {
    const method = 'notifications/cancelled';
    const answer = await (await open()).send({ jsonrpc: '2.0', method, params: { requestId: 99 } });
    expect([answer.status, answer.text]).toEqual([202, '']);
  });

  it('what cannot be accepted is an error status (transports, Sending Messages) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const [body, headers] of UNACCEPTABLE) {
      const refused = await session.send(body, headers);
      const what = JSON.stringify([body, headers]);
      expect(refused.status, what).toBeGreaterThanOrEqual(400);
      expect(refused.status, what).toBeLessThan(500);
      expect(refused.text, what).not.toContain('"result"');
    }
  });

  it('a request is answered by JSON or an event stream (transports, Sending Messages) [SPEC-MUSTS]', async () => {
    const session = await open();
    for (const round of [1, 2]) {
      const answer = await session.ask('resources/read', { uri: TEXT });
      expect(answer.status, `${round}`).toBe(200);
      expect(answer.type).toMatch(/^(application\/json|text\/event-stream)/);
    }
  });

  it('GET is an event stream or 405 (transports, Listening for Messages) [SPEC-MUSTS]', async () => {
    const leaving = new AbortController();
    const { status, headers } = await get(await open(), {}, leaving.signal);
    leaving.abort();
    if (status === 405) return;
    expect([status, headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/event-stream'),
    ]);
  });

  it('no response comes on the stream of a GET (transports, Listening for Messages) [SPEC-MUSTS]', async () => {
    const { messages, heard } = await heardDuringCall(await open());
    expect(messages.at(-1)).toMatchObject({ id: 1, result: {} });
    expect(heard).not.toContain('"result"');
  });

  it('a message goes on one stream (transports, Multiple Connections) [SPEC-MUSTS]', async () => {
    const { messages, heard } = await heardDuringCall(await open());
    const told = messages.filter(({ method }) => method === 'notifications/progress');
    expect(told.length).toBeGreaterThan(0);
    expect(heard).not.toContain('notifications/progress');
  });

  it('ids of sessions are visible ASCII (transports, Session Management) [SPEC-MUSTS]', async () => {
    expect((await open()).id).toMatch(/^[!-~]+$/);
  });

  it('a session that has ended is 404, not answered from the cache either (transports, Session Management) [SPEC-MUSTS]', async () => {
    const session = await open();
    await session.ask('resources/read', { uri: TEXT });
    const { status } = await fetch(session.url, { method: 'DELETE', headers: session.headers });
    expect([200, 202, 204]).toContain(status);
    const answer = await session.ask('resources/read', { uri: TEXT });
    expect([answer.status, answer.text.includes('"result"')]).toEqual([404, false]);
  });

  it('an unsupported version is 400 (transports, Protocol Version Header) [SPEC-MUSTS]', async () => {
    const refused = await (await open()).send(READ, { 'mcp-protocol-version': '1999-01-01' });
    expect(refused.status).toBe(400);
  });
});
