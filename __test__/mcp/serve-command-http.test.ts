import { unlinkSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';

import { StderrLogger } from '../../src/cli/stderr-logger.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { HttpEndpoint } from '../../src/mcp/http-endpoint.ts';
import { createServer } from '../../src/mcp/served-server.ts';
import { commandFixture, until, type RunningCommand } from '../support/granary-command.ts';
import { initializeBody, POST_HEADERS } from '../support/raw-http.ts';

const { folder, run } = commandFixture();
const clients: Client[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

interface Serving {
  readonly command: RunningCommand;
  readonly url: URL;
  readonly port: number;
}

async function serve(...args: string[]): Promise<Serving> {
  const command = run('serve', ...args, '--http', '0');
  const [, url] = await command.logged(/url="([^"]+)"/);
  await command.logged(/is watched/);
  return { command, url: new URL(url!), port: Number(new URL(url!).port) };
}

async function connect({ url }: Serving) {
  const client = new Client({ name: 'test', version: '1' });
  clients.push(client);
  const updated: string[] = [];
  let listChanges = 0;
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    updated.push(params.uri);
  });
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => {
    listChanges++;
  });
  const transport = new StreamableHTTPClientTransport(url);
  await client.connect(transport);
  return { client, transport, updated, listChanges: () => listChanges };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request with just these headers; `fetch` would not let Host and Origin be set. */
function ask(
  { port }: Serving,
  method: string,
  target: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path: target, headers });
    sent.once('error', reject).once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      );
    });
    sent.end(body);
  });
}

const INITIALIZE = initializeBody('2025-06-18');

async function health(serving: Serving) {
  const { status, body } = await ask(serving, 'GET', '/healthz');
  expect(status).toBe(200);
  return JSON.parse(body) as { sessions: number; cache: Record<string, number> } & Record<
    string,
    unknown
  >;
}

/** Sends a whole initialization, and resets the connection a moment later. */
function leaveWhileBeginning({ port }: Serving, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, '127.0.0.1');
    socket.on('error', () => {});
    const head = Object.entries({
      ...POST_HEADERS,
      host: 'localhost',
      'content-length': INITIALIZE.length,
    })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    socket.write(`POST /mcp HTTP/1.1\r\n${head}\r\n${INITIALIZE}`, () => {
      setTimeout(() => {
        socket.resetAndDestroy();
        resolve();
      }, delayMs);
    });
  });
}

const uriOf = (...names: string[]) => pathToFileURL(path.join(...names)).href;

describe('granary serve over HTTP', () => {
  it('serves several clients from one cache, each in a session of its own [SERVE-HTTP]', async () => {
    const dir = folder({ 'a.txt': 'a', 'b.bin': Uint8Array.from([0, 1, 2]) });
    const serving = await serve(dir);
    const peers = await Promise.all([connect(serving), connect(serving), connect(serving)]);
    expect(new Set(peers.map(({ transport }) => transport.sessionId)).size).toBe(3);
    for (const { client } of peers) {
      const { resources } = await client.listResources();
      expect(resources.map(({ name }) => name)).toEqual(['a.txt', 'b.bin']);
      const { contents } = await client.readResource({ uri: uriOf(dir, 'a.txt') });
      expect(contents).toMatchObject([{ text: 'a' }]);
      const blob = await client.readResource({ uri: uriOf(dir, 'b.bin') });
      expect(blob.contents).toMatchObject([{ blob: 'AAEC' }]);
    }
    expect(await health(serving)).toMatchObject({
      sessions: 3,
      cache: { loads: 2, hits: 4, misses: 2 },
    });
  });

  it('tells subscribers alone of a change, and everybody of a new file [SERVE-WATCH] [SERVE-HTTP]', async () => {
    const dir = folder({ 'a.txt': 'one' });
    const serving = await serve(dir);
    const [first, second] = await Promise.all([connect(serving), connect(serving)]);
    const uri = uriOf(dir, 'a.txt');
    await first.client.subscribeResource({ uri });
    await second.client.readResource({ uri });
    writeFileSync(path.join(dir, 'a.txt'), 'two');
    await until('the update', () => first.updated[0]);
    const { contents } = await second.client.readResource({ uri });
    expect(contents).toMatchObject([{ text: 'two' }]);
    writeFileSync(path.join(dir, 'b.txt'), '');
    await until('both to hear', () =>
      first.listChanges() > 0 && second.listChanges() > 0 ? true : undefined,
    );
    unlinkSync(path.join(dir, 'b.txt'));
    expect(second.updated).toEqual([]);
  });

  it('tells its state at /healthz [SERVE-HTTP]', async () => {
    const serving = await serve(folder({ a: 'a' }));
    const answer = await ask(serving, 'GET', '/healthz');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.body)).toMatchObject({
      status: 'ok',
      uptimeSeconds: expect.any(Number) as number,
      sessions: 0,
      files: 1,
      cache: { size: 0, maxSize: 10_000, maxMemoryBytes: 104_857_600, hits: 0 },
    });
    expect(await ask(serving, 'HEAD', '/healthz')).toMatchObject({ status: 200, body: '' });
    expect(await ask(serving, 'POST', '/healthz')).toMatchObject({ status: 405 });
    expect(await ask(serving, 'GET', '/')).toMatchObject({ status: 404 });
    expect(await ask(serving, 'GET', '/healthz/../mcp')).toMatchObject({ status: 404 });
  });

  it('listens on this machine alone [SERVE-HTTP]', async () => {
    const serving = await serve(folder());
    const addresses = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ family, address }) => family === 'IPv4' && address !== '127.0.0.1')
      .map(({ address }) => address);
    // 127.0.0.2 is this machine too, but not the address that was bound.
    for (const host of [...addresses, '127.0.0.2']) {
      const outcome = await new Promise((resolve) => {
        const socket = connectSocket({ host, port: serving.port });
        socket.once('connect', () => resolve('connected')).once('error', resolve);
        socket.once('connect', () => socket.destroy());
      });
      expect(outcome).not.toBe('connected');
    }
  });
});

const FOREIGN: readonly [string, Record<string, string>][] = [
  ['a foreign Host', { host: 'evil.example' }],
  ['a foreign Host with our port', { host: 'evil.example:PORT' }],
  ['a Host that begins like ours', { host: '127.0.0.1.evil.example' }],
  ['a Host with our name as user', { host: 'localhost@evil.example' }],
  ['a Host that is no host', { host: 'a b' }],
  ['an address of another machine', { host: '10.0.0.1:PORT' }],
  ['a foreign Origin', { origin: 'https://evil.example' }],
  ['an Origin that begins like ours', { origin: 'http://localhost.evil.example' }],
  ['an opaque Origin', { origin: 'null' }],
  ['an Origin of a file', { origin: 'file://' }],
  ['an empty Origin', { origin: '' }],
];

const LOCAL: readonly Record<string, string>[] = [
  { host: 'localhost' },
  { host: 'LOCALHOST:PORT' },
  { host: '127.0.0.1:PORT', origin: 'http://127.0.0.1:PORT' },
  { host: '[::1]:PORT', origin: 'http://[::1]:PORT' },
  { host: 'localhost:8080', origin: 'http://localhost:6274' },
];

function withPort(headers: Record<string, string>, { port }: Serving): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', String(port))]),
  );
}

describe('requests from elsewhere', () => {
  it('are refused before anything else [SERVE-HTTP-ORIGIN]', async () => {
    const serving = await serve(folder({ a: 'a' }));
    for (const [what, headers] of FOREIGN) {
      for (const [method, target, body] of [
        ['POST', '/mcp', INITIALIZE],
        ['GET', '/mcp', undefined],
        ['DELETE', '/mcp', undefined],
        ['GET', '/healthz', undefined],
        ['GET', '/elsewhere', undefined],
      ] as const) {
        const sent = { ...POST_HEADERS, ...withPort(headers, serving) };
        const answer = await ask(serving, method, target, sent, body);
        expect(answer.status, `${what}: ${method} ${target}`).toBe(403);
        expect(answer.headers).not.toHaveProperty('mcp-session-id');
        expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
        expect(JSON.parse(answer.body)).toMatchObject({ error: { code: -32000 }, id: null });
      }
    }
    expect(await health(serving)).toMatchObject({ sessions: 0 });
  });

  it('that name this machine are served [SERVE-HTTP-ORIGIN]', async () => {
    const serving = await serve(folder());
    for (const headers of LOCAL) {
      const sent = { ...POST_HEADERS, ...withPort(headers, serving) };
      const answer = await ask(serving, 'POST', '/mcp', sent, INITIALIZE);
      expect(answer.status, JSON.stringify(headers)).toBe(200);
      expect(answer.headers['mcp-session-id']).toMatch(/^[-0-9a-f]{36}$/);
    }
    expect(await health(serving)).toMatchObject({ sessions: LOCAL.length });
  });

  it('without a Host are refused [SERVE-HTTP-ORIGIN]', async () => {
    const { port } = await serve(folder());
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connectSocket({ host: '127.0.0.1', port }, () =>
        socket.write('GET /healthz HTTP/1.0\r\n\r\n'),
      );
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.once('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });
});

const BAD_BEGINNINGS: readonly [
  what: string,
  method: string,
  headers: Record<string, string>,
  body: string | undefined,
  status: number,
][] = [
  [
    'a message before the initialization',
    'POST',
    {},
    '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    400,
  ],
  ['no JSON', 'POST', {}, '{"jsonrpc"', 400],
  ['another type', 'POST', { 'content-type': 'text/plain' }, INITIALIZE, 415],
  ['a body of 5 MB', 'POST', {}, `"${'x'.repeat(5_000_000)}"`, 413],
  ['an unknown session', 'POST', { 'mcp-session-id': 'made-up' }, INITIALIZE, 404],
  ['an unknown session, GET', 'GET', { 'mcp-session-id': 'made-up' }, undefined, 404],
  ['no session, GET', 'GET', {}, undefined, 400],
  ['another method', 'PUT', {}, INITIALIZE, 400],
];

describe('sessions over HTTP', () => {
  it('end when their client ends them [SERVE-HTTP]', async () => {
    const serving = await serve(folder({ a: 'a' }));
    const { client, transport } = await connect(serving);
    const session = transport.sessionId!;
    expect(await health(serving)).toMatchObject({ sessions: 1 });
    await transport.terminateSession();
    expect(await health(serving)).toMatchObject({ sessions: 0 });
    await client.close();
    const answer = await ask(
      serving,
      'POST',
      '/mcp',
      { ...POST_HEADERS, 'mcp-session-id': session },
      '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    );
    expect(answer).toMatchObject({ status: 404 });
    expect(JSON.parse(answer.body)).toMatchObject({ error: { message: 'Session not found' } });
  });

  it('end when they are not used, and not while a stream is open [SERVE-HTTP]', async () => {
    const serving = await serve(folder({ a: 'a' }), '--session-idle', '200');
    const { client } = await connect(serving);
    const left = await ask(serving, 'POST', '/mcp', POST_HEADERS, INITIALIZE);
    expect(left.status).toBe(200);
    await serving.command.logged(/an idle session was closed/);
    expect(await health(serving)).toMatchObject({ sessions: 1 });
    // The client's stream of notifications has kept its session.
    await client.ping();
    await client.close();
    await until('the end of the other', () =>
      serving.command.stderr.match(/an idle session/g)?.length === 2 ? true : undefined,
    );
    expect(await health(serving)).toMatchObject({ sessions: 0 });
  });

  it('end also where the client leaves before it is answered [SERVE-HTTP]', async () => {
    const serving = await serve(folder(), '--session-idle', '100');
    for (const delayMs of [0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5]) {
      await leaveWhileBeginning(serving, delayMs);
    }
    await expect.poll(async () => (await health(serving)).sessions, { timeout: 5_000 }).toBe(0);
  });

  it('do not begin with anything but an initialization [SERVE-HTTP]', async () => {
    const serving = await serve(folder());
    for (const [what, method, headers, body, status] of BAD_BEGINNINGS) {
      const answer = await ask(serving, method, '/mcp', { ...POST_HEADERS, ...headers }, body);
      expect(answer.status, what).toBe(status);
      expect(JSON.parse(answer.body)).toMatchObject({ jsonrpc: '2.0', id: null });
    }
    expect(await health(serving)).toMatchObject({ sessions: 0 });
  });

  it('are bounded in number [SERVE-HTTP]', async () => {
    const manager = new ResourceManager();
    const logger = new StderrLogger('text');
    const endpoint = await HttpEndpoint.open({
      port: 0,
      createServer: () => createServer({ name: 'test', version: '1' }, manager, {}),
      idleSessionMs: 60_000,
      maxSessions: 2,
      logger,
      health: () => ({}),
    });
    try {
      const statuses: number[] = [];
      const streams: Response[] = [];
      for (let attempt = 0; attempt < 3; attempt++) {
        const answer = await fetch(endpoint.url, {
          method: 'POST',
          headers: POST_HEADERS,
          body: INITIALIZE,
        });
        await answer.text();
        statuses.push(answer.status);
        const id = answer.headers.get('mcp-session-id');
        // One that is in use makes no room.
        if (id !== null) {
          const headers = { accept: 'text/event-stream', 'mcp-session-id': id };
          streams.push(await fetch(endpoint.url, { headers }));
        }
      }
      expect(statuses).toEqual([200, 200, 503]);
      await streams[0]!.body!.cancel();
      await expect
        .poll(async () => {
          const next = await fetch(endpoint.url, {
            method: 'POST',
            headers: POST_HEADERS,
            body: INITIALIZE,
          });
          await next.text();
          return next.status;
        })
        .toBe(200);
      await streams[1]!.body!.cancel();
    } finally {
      await endpoint.drain();
      manager.close();
    }
  });

  it('answer what is under way and end their streams when the server ends [SERVE-END]', async () => {
    const text = 'x'.repeat(3_000_000);
    const names = Array.from({ length: 8 }, (_, index) => `f${index}`);
    const dir = folder(Object.fromEntries(names.map((name) => [name, text])));
    const serving = await serve(dir);
    const { client } = await connect(serving);
    const reads = names.map((name) => client.readResource({ uri: uriOf(dir, name) }));
    // Every request has arrived when its load has begun.
    while ((await health(serving)).cache['loads'] !== names.length);
    serving.command.child.kill('SIGTERM');
    for (const { contents } of await Promise.all(reads)) {
      expect((contents[0] as { text: string }).text).toHaveLength(text.length);
    }
    expect(await serving.command.end(4_000)).toEqual([0, null]);
    await expect(ask(serving, 'GET', '/healthz')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('do not hold up the end, nor do connections that say nothing [SERVE-END]', async () => {
    const serving = await serve(folder());
    const peers = await Promise.all([connect(serving), connect(serving)]);
    const silent = connectSocket({ host: '127.0.0.1', port: serving.port });
    silent.on('error', () => {});
    const half = connectSocket({ host: '127.0.0.1', port: serving.port }, () =>
      half.write('POST /mcp HTTP/1.1\r\nhost: localhost\r\n'),
    );
    half.on('error', () => {});
    await Promise.all(peers.map(({ client }) => client.ping()));
    serving.command.child.kill('SIGINT');
    expect(await serving.command.end(3_000)).toEqual([0, null]);
  });

  it('survive what is no HTTP [SERVE-MALFORMED]', async () => {
    const serving = await serve(folder({ a: 'a' }));
    for (const bytes of [
      'hello\r\n\r\n',
      '\0\0\0\0',
      'GET / HTTP/9.9\r\n\r\n',
      `GET /${'x'.repeat(100_000)}`,
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connectSocket({ host: '127.0.0.1', port: serving.port }, () =>
          socket.end(bytes),
        );
        socket
          .resume()
          .on('error', () => {})
          .once('close', () => resolve());
      });
    }
    expect(await health(serving)).toMatchObject({ status: 'ok' });
    expect(serving.command.stdout).toBe('');
  });
});
