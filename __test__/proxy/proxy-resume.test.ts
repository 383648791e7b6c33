import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, it, onTestFinished } from 'vitest';

import { commandFixture, until } from '../support/granary-command.ts';
import { DOCUMENTS, EVERYTHING } from '../support/proxied-client.ts';
import { initializeBody, POST_HEADERS } from '../support/raw-http.ts';

const { run } = commandFixture();

async function proxyOf(...args: readonly string[]): Promise<string> {
  const command = run('proxy', '--http', '0', ...args);
  const [, url = ''] = await command.logged(/url="([^"]+)"/);
  return url;
}

/** A network between client and proxy, whose connections can be cut. */
class Wire {
  readonly #sockets = new Set<Socket>();
  cuts = 0;

  async to(url: string): Promise<URL> {
    const { port } = new URL(url);
    const server = createServer((near) => {
      const far = connect(Number(port), '127.0.0.1');
      for (const [from, into] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => {}).pipe(into);
        from.once('close', () => {
          this.#sockets.delete(from);
          into.destroy();
        });
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      this.cut();
      server.close();
    });
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
  }

  cut(): void {
    this.cuts++;
    for (const socket of this.#sockets) socket.destroy();
  }
}

interface Event {
  readonly id: string;
  readonly data: string;
}

/** One session, as a client without an SDK has it. */
class Session {
  readonly #url: string;
  readonly #id: string;

  private constructor(url: string, id: string) {
    this.#url = url;
    this.#id = id;
  }

  static async begin(url: string, revision?: string): Promise<Session> {
    const body = initializeBody(revision);
    const response = await fetch(url, { method: 'POST', headers: POST_HEADERS, body });
    await response.text();
    return new Session(url, response.headers.get('mcp-session-id') ?? '');
  }

  get streamHeaders(): Record<string, string> {
    return { accept: 'text/event-stream', 'mcp-session-id': this.#id };
  }

  async post(message: object): Promise<unknown> {
    const response = await this.#post(message);
    return response.json();
  }

  /** A request whose answer is read piece by piece. */
  async open(message: object): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const { body } = await this.#post(message);
    return body!.getReader();
  }

  #post(message: object): Promise<Response> {
    return fetch(this.#url, {
      method: 'POST',
      headers: { ...POST_HEADERS, 'mcp-session-id': this.#id },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  }

  async listen(lastEventId?: string): Promise<Stream> {
    const leaving = new AbortController();
    const headers = {
      ...this.streamHeaders,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    };
    const response = await fetch(this.#url, { headers, signal: leaving.signal });
    return new Stream(response, leaving);
  }
}

class Stream {
  readonly status: number;
  readonly events: Event[] = [];
  readonly #leaving: AbortController;
  #text = '';

  constructor(response: Response, leaving: AbortController) {
    this.status = response.status;
    this.#leaving = leaving;
    onTestFinished(() => this.leave());
    void this.#read(response).catch(() => {});
  }

  leave(): void {
    this.#leaving.abort();
  }

  /** Of resources that were told to have changed. */
  get uris(): readonly string[] {
    return this.events
      .filter(({ data }) => data !== '')
      .map(({ data }) => (JSON.parse(data) as { params: { uri: string } }).params.uri);
  }

  async until(count: number): Promise<readonly string[]> {
    await until(`${count} events`, () => (this.uris.length >= count ? true : undefined));
    return this.uris;
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const parts = (this.#text + decoder.decode(chunk, { stream: true })).split('\n\n');
      this.#text = parts.pop() ?? '';
      for (const part of parts) {
        const [, id] = /^id: (.*)$/m.exec(part) ?? [];
        const [, data = ''] = /^data: (.*)$/m.exec(part) ?? [];
        if (id !== undefined) this.events.push({ id, data });
      }
    }
  }
}

async function subscribed(url: string, revision?: string): Promise<Session> {
  const session = await Session.begin(url, revision);
  for (const id of [1, 2, 3, 4]) {
    const params = { uri: `docs://${id}` };
    expect(await session.post({ id, method: 'resources/subscribe', params })).toHaveProperty(
      'result',
    );
  }
  return session;
}

const MUTATES = ['--mutates', 'write=docs://{id}'];

async function write(session: Session, id: string): Promise<void> {
  const params = { name: 'write', arguments: { id } };
  expect(await session.post({ id: `write ${id}`, method: 'tools/call', params })).toHaveProperty(
    'result.content',
  );
}

/** Pings until the upstream has to wait for a client that does not read. */
async function heldPing(
  session: Session,
  before: (id: number) => Promise<unknown> = () => delay(20),
): Promise<{ readonly answer: Promise<unknown> }> {
  for (let id = 100; id < 160; id++) {
    await before(id);
    const answer = session.post({ id, method: 'ping' });
    if (await Promise.race([answer.then(() => false), delay(500, true)])) return { answer };
  }
  throw new Error('the upstream did not wait');
}

describe('Last-Event-ID at granary proxy', { timeout: 60_000 }, () => {
  it('has the SDK go on with a call whose connection was cut [PROXY-RESUME]', async () => {
    const wire = new Wire();
    const url = await wire.to(await proxyOf('--', ...EVERYTHING));
    const client = new Client({ name: 'reader', version: '1.0.0' });
    onTestFinished(() => client.close());
    const reconnectionOptions = {
      ...{ initialReconnectionDelay: 50, maxReconnectionDelay: 200 },
      ...{ reconnectionDelayGrowFactor: 1.5, maxRetries: 10 },
    };
    await client.connect(new StreamableHTTPClientTransport(url, { reconnectionOptions }));
    const progress: number[] = [];
    const result = await client.callTool(
      {
        name: 'trigger-long-running-operation',
        arguments: { duration: 2, steps: 8 },
      },
      undefined,
      {
        onprogress: ({ progress: at }) => {
          progress.push(at);
          if (at === 2 || at === 5) wire.cut();
        },
      },
    );
    expect(wire.cuts).toBe(2);
    expect(JSON.stringify(result.content)).toContain('Long running operation completed');
    // None is missing and none comes twice; the client drops the last where the result comes with it.
    expect(progress).toEqual([1, 2, 3, 4, 5, 6, 7, 8].slice(0, progress.length));
    expect(progress.length).toBeGreaterThanOrEqual(7);
  });

  it('gives a client what it has missed, once and in order [PROXY-RESUME]', async () => {
    const url = await proxyOf(...MUTATES, '--', ...DOCUMENTS);
    const [session, other] = [await subscribed(url), await Session.begin(url)];
    const first = await session.listen();
    for (const id of ['1', '2', '3']) await write(session, id);
    expect(await first.until(3)).toEqual(['docs://1', 'docs://2', 'docs://3']);
    // As if the last two had not arrived; the first event only gives the stream an id.
    expect(first.events[0]?.data).toBe('');
    const seen = first.events.find(({ data }) => data.includes('docs://1'))?.id;
    const second = await session.listen(seen);
    expect(await second.until(2)).toEqual(['docs://2', 'docs://3']);
    // It has taken the place of the first.
    await write(session, '4');
    expect(await second.until(3)).toEqual(['docs://2', 'docs://3', 'docs://4']);
    expect(first.uris).toHaveLength(3);
    second.leave();
    // What comes while there is no stream waits for the next one.
    await delay(100);
    await write(other, '1');
    const third = await session.listen(second.events.at(-1)?.id);
    expect(await third.until(1)).toEqual(['docs://1']);
    expect((await session.listen('x')).status).toBe(400);
    expect((await session.listen('99-1')).status).toBe(400);
    expect((await session.listen()).status).toBe(409);
  });

  it('takes a stream that was not read from what it held up [PROXY-RESUME]', async () => {
    const url = await proxyOf('--mutates', 'write=docs://*', '--', ...DOCUMENTS);
    const [reader, writer] = [await Session.begin(url), await Session.begin(url)];
    for (let id = 0; id < 40; id++) {
      const params = { uri: `docs://${id}${'x'.repeat(8_000)}` };
      await reader.post({ id, method: 'resources/subscribe', params });
    }
    const unread = request(url, { headers: reader.streamHeaders });
    unread.end();
    const [stream] = (await once(unread, 'response')) as [IncomingMessage];
    stream.on('error', () => {}).pause();
    // Each time it is told 320 kB.
    const ping = await heldPing(reader, (id) => write(writer, String(id)));
    const next = await reader.listen(`0-${10 ** 9}`);
    expect(next.status).toBe(200);
    expect(await ping.answer).toHaveProperty('result');
  });

  it('takes the stream of a call that was not read from what it held up [PROXY-RESUME]', async () => {
    const url = await proxyOf('--', ...DOCUMENTS);
    const session = await Session.begin(url);
    const call = {
      ...{ name: 'report', arguments: { times: 200, bytes: 100_000 } },
      _meta: { progressToken: 'report' },
    };
    const unread = await session.open({ id: 'report', method: 'tools/call', params: call });
    onTestFinished(() => unread.cancel().catch(() => {}));
    const { value } = await unread.read();
    const [, stream = ''] = /^id: (\d+)-\d+$/m.exec(new TextDecoder().decode(value)) ?? [];
    const ping = await heldPing(session);
    const next = await session.listen(`${stream}-${10 ** 9}`);
    expect(next.status).toBe(200);
    expect(await ping.answer).toHaveProperty('result');
    await until('the result', () => next.events.find(({ data }) => data.includes('"reported"')));
  });

  it('forgets what is beyond its bound, and sends older clients no event without data [PROXY-RESUME]', async () => {
    const url = await proxyOf(...MUTATES, '--resume-bytes', '100', '--', ...DOCUMENTS);
    const session = await subscribed(url, '2025-06-18');
    const first = await session.listen();
    for (const id of ['1', '2', '3']) await write(session, id);
    await first.until(3);
    expect(first.events).toHaveLength(3);
    const second = await session.listen(first.events[0]?.id);
    // One event has some 90 bytes.
    expect(await second.until(1)).toEqual(['docs://3']);
  });
});
