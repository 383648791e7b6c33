import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';

import { describe, expect, it } from 'vitest';

import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { HttpEndpoint } from '../../src/mcp/http-endpoint.ts';
import { createServer } from '../../src/mcp/served-server.ts';
import { commandFixture } from '../support/granary-command.ts';
import { cachedHttp, HTTP_TARGETS } from '../support/hostile-targets.ts';
import { initializeBody, POST_HEADERS } from '../support/raw-http.ts';

const fixture = commandFixture();

const INITIALIZE = initializeBody();
const PING = '{"jsonrpc":"2.0","id":2,"method":"ping"}';
const MEGABYTE = 1_048_576;

interface Answer {
  readonly status: number;
  readonly session: string | undefined;
  readonly body: string;
}

async function post(
  url: URL,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const sent = request(url, { method: 'POST', headers: { ...POST_HEADERS, ...headers } });
  // Whoever is refused early may be cut off while it still sends.
  sent.on('error', () => {});
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  const session = response.headers['mcp-session-id'];
  return {
    status: response.statusCode ?? 0,
    session: typeof session === 'string' ? session : undefined,
    body: text,
  };
}

/** What is refused within a session, with the statuses that say why. */
const REFUSED: readonly [
  what: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>>,
  statuses: readonly number[],
][] = [
  ['half a message', '{"jsonrpc":"2.0","id":3,"meth', {}, [400]],
  ['nothing', '', {}, [400]],
  ['bytes of zero', Buffer.alloc(1_000), {}, [400]],
  ['bytes that are no UTF-8', Buffer.from([0x7b, 0xc3, 0x28, 0xff, 0x7d]), {}, [400]],
  ['brackets', '['.repeat(200_000), {}, [400]],
  ['a deep value', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, {}, [400]],
  ['no message', '{"jsonrpc":"1.0"}', {}, [400]],
  ['text', PING, { 'content-type': 'text/plain' }, [415]],
  ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, [415]],
  ['a client that takes nothing', PING, { accept: 'image/png' }, [406]],
  ['a revision that nobody knows', PING, { 'mcp-protocol-version': '1999-01-01' }, [400]],
  ['headers of 64 kB', PING, { 'x-large': 'x'.repeat(65_536) }, [431]],
  ['a body of 20 MB', `"${'x'.repeat(20 * MEGABYTE)}"`, {}, [413]],
];

describe.each(HTTP_TARGETS)('$name over HTTP', ({ start }) => {
  it('refuses what is no request with a status that says why [HOSTILE-HTTP]', async () => {
    const { command, url } = await start(fixture);
    const { session = '' } = await post(url, INITIALIZE);
    for (const [what, body, headers, statuses] of REFUSED) {
      const answer = await post(url, body, { 'mcp-session-id': session, ...headers });
      expect(statuses, `${what}: ${answer.status} ${answer.body}`).toContain(answer.status);
      expect(answer.body).not.toMatch(/at .*\.js:\d+|\/dist\//);
    }
    expect(await post(url, PING, { 'mcp-session-id': session })).toMatchObject({ status: 200 });
    expect(command.child.exitCode).toBeNull();
    expect(command.stderr).not.toMatch(/unhandled|uncaught/i);
  });

  it('goes on after connections that break off anywhere [HOSTILE-HTTP]', async () => {
    const { command, url, port } = await start(fixture);
    const head = Object.entries({ host: 'localhost', ...POST_HEADERS, 'content-length': '100' })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    const whole = `POST /mcp HTTP/1.1\r\n${head}\r\n${INITIALIZE}`;
    for (let length = 1; length < whole.length; length += 7) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(whole.slice(0, length));
      socket.destroy();
    }
    expect(await post(url, INITIALIZE)).toMatchObject({ status: 200 });
    expect(command.child.exitCode).toBeNull();
  });
});

it('a cached server of the SDK goes on after what is no request [HOSTILE-HTTP]', async () => {
  const { command, url, uri } = await cachedHttp(fixture);
  const { session = '' } = await post(url, INITIALIZE);
  for (const [what, body, headers] of REFUSED) {
    if (body.length > MEGABYTE) continue; // how much a body may have is its host's to say
    const { status } = await post(url, body, { 'mcp-session-id': session, ...headers });
    expect(status, what).toBeGreaterThanOrEqual(400);
    expect(status, what).toBeLessThan(500);
  }
  const read = JSON.stringify({
    ...{ jsonrpc: '2.0', id: 9, method: 'resources/read', params: { uri } },
  });
  const answer = await post(url, read, { 'mcp-session-id': session });
  expect(answer.body).toContain('"contents"');
  expect(command.child.exitCode).toBeNull();
});

describe('the endpoint of granary serve', () => {
  async function open(maxSessions: number, patienceMs: number) {
    const manager = new ResourceManager();
    manager.register('large://{n}', () => 'x'.repeat(8 * MEGABYTE), { public: true });
    const warnings: string[] = [];
    const logger = {
      ...{ debug: () => {}, info: () => {}, error: () => {} },
      warn: (message: string) => void warnings.push(message),
    };
    const endpoint = await HttpEndpoint.open({
      port: 0,
      createServer: () => createServer({ name: 'test', version: '1' }, manager, {}),
      idleSessionMs: 60_000,
      maxSessions,
      patienceMs,
      logger,
      health: () => ({}),
    });
    return {
      url: new URL(endpoint.url),
      warnings,
      [Symbol.asyncDispose]: async () => {
        await endpoint.drain();
        manager.close();
      },
    };
  }

  it('has sessions that nobody uses make room for others [HOSTILE-HTTP]', async () => {
    await using endpoint = await open(2, 30_000);
    const { url } = endpoint;
    const sessions: string[] = [];
    for (let count = 0; count < 3; count++) {
      const { status, session } = await post(url, INITIALIZE);
      expect(status).toBe(200);
      sessions.push(session ?? '');
    }
    const statuses: number[] = [];
    for (const session of sessions) {
      statuses.push((await post(url, PING, { 'mcp-session-id': session })).status);
    }
    expect(statuses).toEqual([404, 200, 200]);
  });

  it('does not wait for a body that never ends [HOSTILE-HTTP]', async () => {
    await using endpoint = await open(2, 300);
    const socket = connect(Number(endpoint.url.port), '127.0.0.1');
    socket.on('error', () => {});
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.write(
      'POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n' +
        'accept: application/json, text/event-stream\r\ncontent-length: 1000\r\n\r\n{',
    );
    const drip = setInterval(() => socket.write(' '), 50);
    await once(socket, 'close');
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('takes its answer from who does not read it [HOSTILE-HTTP]', async () => {
    await using endpoint = await open(2, 300);
    const { session = '' } = await post(endpoint.url, INITIALIZE);
    const read = '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"large://1"}}';
    const sent = request(endpoint.url, {
      method: 'POST',
      headers: { ...POST_HEADERS, 'mcp-session-id': session },
    });
    sent.end(read);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.pause();
    await expect
      .poll(() => endpoint.warnings, { timeout: 20_000 })
      .toContain('a client does not read its answer');
    const closed = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => {}).resume();
    await closed;
  });
});
