import { describe, expect, it } from 'vitest';

import { commandFixture, until, type RunningCommand } from '../support/granary-command.ts';
import {
  connectModernHttp,
  connectOlderHttp,
  DOCUMENTS,
  EVERYTHING,
} from '../support/proxied-client.ts';

const { run } = commandFixture();

async function proxyOf(
  ...args: readonly string[]
): Promise<{ url: string; command: RunningCommand }> {
  const command = run('proxy', '--http', '0', ...args);
  const [, url = ''] = await command.logged(/url="([^"]+)"/);
  return { url, command };
}

/** What a document says of who answered, and how often that one was asked. */
function saidBy({ contents }: { contents: readonly unknown[] }): { times: number; pid: number } {
  return JSON.parse((contents[0] as { text: string }).text) as { times: number; pid: number };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const ACCEPT = 'application/json, text/event-stream';

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { accept: ACCEPT, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

function request(method: string, params: object = {}, id: string | number = 1): object {
  return { jsonrpc: '2.0', id, method, params };
}

const INITIALIZE = request('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'raw', version: '1' },
});

const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

describe('granary proxy over HTTP', { timeout: 60_000 }, () => {
  it('gives each session an upstream of its own, and no answer of another [PROXY-HTTP] [PROXY-PRIVATE]', async () => {
    const { url } = await proxyOf('--', ...DOCUMENTS);
    const [one, other] = [await connectOlderHttp(url), await connectOlderHttp(url)];
    const uri = 'docs://7';
    const first = saidBy(await one.readResource({ uri }));
    const second = saidBy(await other.readResource({ uri }));
    expect(second.pid).not.toBe(first.pid);
    expect(saidBy(await one.readResource({ uri }))).toEqual(first);
    expect(saidBy(await other.readResource({ uri }))).toEqual(second);
  });

  it('asks once for what the operator says is public [PROXY-PUBLIC]', async () => {
    const { url } = await proxyOf('--public', 'docs://{id}', '--', ...DOCUMENTS);
    const [one, other] = [await connectOlderHttp(url), await connectOlderHttp(url)];
    const uri = 'docs://7';
    const reads = await Promise.all([one, other, one, other].map((by) => by.readResource({ uri })));
    expect(new Set(reads.map((read) => JSON.stringify(read))).size).toBe(1);
    expect(saidBy(reads[0]!).times).toBe(1);
  });

  it('serves single requests of revision 2026-07-28, and shares what the upstream says is public [PROXY-HTTP] [PROXY-PUBLIC]', async () => {
    const { url } = await proxyOf('--', ...DOCUMENTS);
    const [one, other] = [await connectModernHttp(url), await connectModernHttp(url, 'a-token')];
    expect(one.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    const first = await one.readResource({ uri: 'docs://shared' }, { cacheMode: 'refresh' });
    const second = await other.readResource({ uri: 'docs://shared' }, { cacheMode: 'refresh' });
    expect(saidBy(second)).toEqual(saidBy(first));
    // Nothing tells who has no token apart from others: what is private is not kept for them.
    for (const times of [1, 2]) {
      const read = await one.readResource({ uri: 'docs://7' }, { cacheMode: 'refresh' });
      expect(saidBy(read).times).toBe(times);
    }
    const mine = await other.readResource({ uri: 'docs://7' }, { cacheMode: 'refresh' });
    const again = await other.readResource({ uri: 'docs://7' }, { cacheMode: 'refresh' });
    expect(saidBy(again)).toEqual(saidBy(mine));
    const third = await connectModernHttp(url, 'another-token');
    const theirs = await third.readResource({ uri: 'docs://7' }, { cacheMode: 'refresh' });
    expect(saidBy(theirs).pid).not.toBe(saidBy(mine).pid);
    expect(await one.callTool({ name: 'times', arguments: { uri: 'docs://7' } })).toMatchObject({
      content: [{ text: '2' }],
    });
  });

  it('keeps subscriptions of revision 2026-07-28 apart [PROXY-HTTP]', async () => {
    const { url } = await proxyOf('--', ...DOCUMENTS);
    const seen: string[][] = [];
    for (const uri of ['docs://1', 'docs://2']) {
      const client = await connectModernHttp(url);
      const updates: string[] = [];
      seen.push(updates);
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
        updates.push(params.uri);
      });
      await client.listen({ resourceSubscriptions: [uri] });
    }
    const client = await connectModernHttp(url);
    for (const uri of ['docs://1', 'docs://2']) {
      await client.callTool({ name: 'touch', arguments: { uri } });
    }
    await until('both updates', () => (seen[0]?.[0] && seen[1]?.[0] ? true : undefined));
    expect(seen).toEqual([['docs://1'], ['docs://2']]);
  });

  it('withdraws a request whose connection has ended, on revision 2026-07-28 [PROXY-HTTP]', async () => {
    const { url, command } = await proxyOf('--', ...DOCUMENTS);
    const client = await connectModernHttp(url);
    const leaving = new AbortController();
    const wait = client.callTool({ name: 'wait' }, { signal: leaving.signal });
    setTimeout(() => leaving.abort(), 200);
    await expect(wait).rejects.toThrow(/abort/i);
    await command.logged(/the wait was cancelled/);
  });

  it('passes progress and what the upstream asks, on sessions [PROXY-HTTP]', async () => {
    const { url } = await proxyOf('--', ...EVERYTHING);
    const client = await connectOlderHttp(url);
    const progress: number[] = [];
    await client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } },
      undefined,
      { onprogress: ({ progress: at }) => progress.push(at) },
    );
    expect(progress.length).toBeGreaterThanOrEqual(2);
    expect((await client.listTools()).tools.length).toBeGreaterThan(10);
  });

  it('refuses what is not for it [PROXY-GUARD] [PROXY-BOUNDED]', async () => {
    const { url, command } = await proxyOf('--max-message-bytes', '2000', '--', ...DOCUMENTS);
    expect((await post(url, INITIALIZE, { origin: 'http://evil.example' })).status).toBe(403);
    expect((await post(url, request('ping'))).status).toBe(400);
    expect((await post(url, request('ping'), { 'mcp-session-id': 'x' })).status).toBe(404);
    expect((await post(url, '{')).status).toBe(400);
    expect((await post(url, INITIALIZE, { accept: 'text/html' })).status).toBe(406);
    expect((await post(url, INITIALIZE, { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post(url, request('ping', { x: 'x'.repeat(3_000) }))).status).toBe(413);
    expect((await fetch(url, { headers: { accept: ACCEPT } })).status).toBe(405);
    const mismatch = await post(url, request('ping', { _meta: MODERN }));
    expect(mismatch.status).toBe(400);
    expect(await mismatch.json()).toMatchObject({ error: { code: -32_020 } });
    // None of it has started anything.
    expect(command.stderr).not.toContain('has started');
    const begun = await post(url, INITIALIZE);
    const session = begun.headers.get('mcp-session-id') ?? '';
    expect(await begun.json()).toHaveProperty('result.protocolVersion', '2025-11-25');
    const headers = { 'mcp-session-id': session };
    const wrong = { ...headers, 'mcp-protocol-version': '1999-01-01' };
    expect((await post(url, request('ping'), wrong)).status).toBe(400);
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200);
    expect((await post(url, request('ping'), headers)).status).toBe(404);
  });

  it('has upstreams that nobody uses make room, and never more than it may have [PROXY-BOUNDED]', async () => {
    const { url, command } = await proxyOf('--max-sessions', '3', '--', ...DOCUMENTS);
    const running = (): number => {
      const pids = [...command.stderr.matchAll(/has started pid=(\d+)/g)];
      return pids.filter(([, pid]) => isRunning(Number(pid))).length;
    };
    const sessions: string[] = [];
    for (let count = 0; count < 5; count++) {
      const begun = await post(url, INITIALIZE);
      await begun.text();
      expect(begun.status).toBe(200);
      sessions.push(begun.headers.get('mcp-session-id') ?? '');
      expect(running()).toBeLessThanOrEqual(3);
    }
    const statuses: number[] = [];
    for (const session of sessions) {
      const answer = await post(url, request('ping'), { 'mcp-session-id': session });
      await answer.text();
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([404, 404, 200, 200, 200]);
    // Users without sessions have a process each, too.
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
    };
    for (let user = 0; user < 5; user++) {
      const authorization = `Bearer ${user}`;
      const body = request('tools/list', { _meta: MODERN });
      const answer = await post(url, body, { ...headers, authorization });
      expect(await answer.json()).toHaveProperty('result.tools');
      expect(running()).toBeLessThanOrEqual(3);
    }
    const streams: Response[] = [];
    for (let count = 0; count < 3; count++) {
      const begun = await post(url, INITIALIZE);
      await begun.text();
      const session = begun.headers.get('mcp-session-id') ?? '';
      const accept = 'text/event-stream';
      streams.push(await fetch(url, { headers: { accept, 'mcp-session-id': session } }));
    }
    // Those in use make no room.
    expect((await post(url, INITIALIZE)).status).toBe(503);
    for (const { body } of streams) await body?.cancel();
  });

  it('tells how it is, and ends with all its upstreams [PROXY-END]', async () => {
    const { url, command } = await proxyOf('--', ...DOCUMENTS);
    await connectOlderHttp(url);
    const health = await fetch(url.replace('/mcp', '/healthz'));
    expect(await health.json()).toMatchObject({ status: 'ok', sessions: 1, cache: { hits: 0 } });
    const [, pid] = await command.logged(/has started pid=(\d+)/);
    command.child.kill('SIGTERM');
    expect(await command.end()).toEqual([0, null]);
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
    expect(command.stdout).toBe('');
  });
});
