import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { CacheServerOptions } from '../../src/mcp/cache-server-options.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import type { HttpTransportOptions } from '../../src/mcp/http-terms.ts';
import { CachingTransport } from '../../src/mcp/caching-transport.ts';
import type { StatelessOptions } from '../../src/mcp/stateless-handler.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import type { LowLevelServer } from '../support/mcp-peers.ts';
import { watchProcess } from '../support/process-signals.ts';
import { HttpWire, INITIALIZE, type WireResponse } from '../support/wire-peers.ts';

/** The SDK's class, telling of what it is asked to send and to answer. */
class WatchedHttp extends StreamableHTTPServerTransport {
  static sent = 0;

  override send(...args: Parameters<StreamableHTTPServerTransport['send']>): Promise<void> {
    WatchedHttp.sent++;
    return super.send(...args);
  }
}

interface Served {
  readonly origin: CountedOrigin;
  readonly server: LowLevelServer;
  readonly wire: HttpWire;
}

async function session(
  options: CacheServerOptions = {},
  transport: HttpTransportOptions = {},
  origin = new CountedOrigin(),
): Promise<Served> {
  const server = origin.lowLevelServer();
  cacheServer(server, options);
  const wire = await HttpWire.session(server, (sessionIdGenerator) =>
    CachingTransport.http(WatchedHttp, {
      enableJsonResponse: true,
      sessionIdGenerator,
      ...transport,
    }),
  );
  onTestFinished(async () => {
    await wire[Symbol.asyncDispose]();
    await server.close();
  });
  WatchedHttp.sent = 0;
  return { origin, server, wire };
}

function read(id: unknown, uri: string, others: object = {}): string {
  const params = { uri, ...others };
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'resources/read', params });
}

function textOf({ body }: WireResponse): string | undefined {
  const { result } = JSON.parse(body) as { result?: { contents: { text: string }[] } };
  return result?.contents[0]?.text;
}

function as(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}

describe('CachingTransport.http', () => {
  watchProcess();

  it.each([true, false])(
    'answers a hit itself, JSON %s [BYTES-HIT]',
    async (enableJsonResponse) => {
      const { origin, wire } = await session({}, { enableJsonResponse });
      const missed = await wire.post(read(1, 'own://ä'));
      expect(WatchedHttp.sent).toBe(1);
      const hit = await wire.post(read(1, 'own://ä'));
      expect([WatchedHttp.sent, origin.calls]).toEqual([1, 1]);
      expect(hit.status).toBe(200);
      expect(hit.headers['content-type']).toBe(missed.headers['content-type']);
      const dataOf = ({ body }: WireResponse): unknown =>
        JSON.parse(body.replace(/^event: message\ndata: /, ''));
      expect(dataOf(hit)).toEqual(dataOf(missed));
    },
  );

  it('is an instance of the class that it is given, without sessions too [BYTES-HIT]', () => {
    for (const options of [{ sessionIdGenerator: randomUUID }, {}, undefined]) {
      expect(CachingTransport.http(WatchedHttp, options)).toBeInstanceOf(WatchedHttp);
    }
  });

  it('sends long answers whole [BYTES-HIT]', async () => {
    const { origin, wire } = await session();
    const text = `"ä${'x'.repeat(300_000)}`;
    origin.answer = () => Promise.resolve(text);
    await wire.post(read(0, 'own://x'));
    const answers = await Promise.all([1, 2, 3].map((id) => wire.post(read(id, 'own://x'))));
    expect(answers.map(textOf)).toEqual([text, text, text]);
    expect(WatchedHttp.sent).toBe(1);
  });

  it('takes a body that middleware has parsed [BYTES-HIT]', async () => {
    const origin = new CountedOrigin();
    const server = origin.lowLevelServer();
    cacheServer(server);
    const sessionIdGenerator = randomUUID;
    const transport = CachingTransport.http(WatchedHttp, {
      enableJsonResponse: true,
      sessionIdGenerator,
    });
    await using wire = await HttpWire.serving(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const body: unknown = JSON.parse(Buffer.concat(parts).toString());
      await transport.handleRequest(request, response, body);
    });
    await server.connect(transport);
    const { headers } = await wire.post(JSON.stringify(INITIALIZE));
    wire.session = headers['mcp-session-id'] as string;
    await wire.post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
    WatchedHttp.sent = 0;
    for (const id of [1, 2, 3]) expect(textOf(await wire.post(read(id, 'own://x')))).toMatch(/^1:/);
    expect([WatchedHttp.sent, origin.calls]).toEqual([1, 1]);
    await server.close();
  });

  it('learns from the SDK which versions pass, and asks it but once [BYTES-RULES]', async () => {
    class Versioned extends WatchedHttp {}
    const origin = new CountedOrigin();
    const server = origin.lowLevelServer();
    cacheServer(server);
    await using wire = await HttpWire.session(server, (sessionIdGenerator) =>
      CachingTransport.http(Versioned, { enableJsonResponse: true, sessionIdGenerator }),
    );
    await wire.post(read(0, 'own://x'));
    WatchedHttp.sent = 0;
    const version = { 'mcp-protocol-version': '2025-06-18' };
    for (const id of [1, 2, 3]) await wire.post(read(id, 'own://x'), version);
    expect([WatchedHttp.sent, origin.calls]).toEqual([1, 1]);
    for (const id of [4, 5]) {
      const { status } = await wire.post(read(id, 'own://x'), {
        'mcp-protocol-version': '1999-01-01',
      });
      expect(status).toBe(400);
    }
    await server.close();
  });

  it('gives nobody what is kept for another token or session [BYTES-RULES] [HAZARD-19]', async () => {
    using cache = new ResourceCache();
    const origin = new CountedOrigin();
    const [one, other] = [
      await session({ cache }, {}, origin),
      await session({ cache }, {}, origin),
    ];
    const texts: unknown[] = [];
    for (const { wire } of [one, other, one, other]) {
      for (const headers of [as('ann'), as('bob'), {}]) {
        texts.push(textOf(await wire.post(read(texts.length, 'own://x'), headers)));
      }
    }
    const call = (at: number): string => `${at}: own://x for nobody`;
    const first = [call(1), call(2), call(3), call(1), call(2), call(4)];
    expect(texts).toEqual([...first, ...first]);
    expect([...cache.keys()].join()).not.toMatch(/ann|bob/);
  });

  it('tells partition of the request, and asks authorize before every answer [BYTES-RULES]', async () => {
    const seen: unknown[] = [];
    const { origin, wire } = await session({
      partition: ({ requestInfo, sessionId }) => {
        seen.push([requestInfo?.headers['x-user'], requestInfo?.url?.pathname, typeof sessionId]);
        return requestInfo?.headers['x-user'] as string;
      },
    });
    for (const id of [1, 2]) await wire.post(read(id, 'own://x'), { 'x-user': 'ann' });
    expect(seen).toContainEqual(['ann', '/', 'string']);
    expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(1);
    await wire.post(read(3, 'own://x'), { 'x-user': 'bob' });
    expect([origin.calls, WatchedHttp.sent]).toEqual([2, 2]);

    let isAllowed = true;
    const guarded = await session({ authorize: () => isAllowed });
    for (const id of [1, 2]) await guarded.wire.post(read(id, 'own://x'));
    isAllowed = false;
    const refused = JSON.parse((await guarded.wire.post(read(3, 'own://x'))).body) as object;
    expect(refused).toMatchObject({ error: { code: -32_002 } });
  });

  it('answers nothing for a host or origin that the SDK is told to refuse [BYTES-RULES]', async () => {
    const { wire } = await session(
      {},
      {
        enableDnsRebindingProtection: true,
        allowedHosts: [],
        allowedOrigins: ['http://localhost'],
      },
    );
    for (const id of [1, 2]) {
      expect((await wire.post(read(id, 'own://x'), { origin: 'http://localhost' })).status).toBe(
        200,
      );
      expect((await wire.post(read(id, 'own://x'), { origin: 'http://evil.example' })).status).toBe(
        403,
      );
    }
    expect(WatchedHttp.sent).toBe(1);
  });

  it('leaves to the SDK what has an event store, and an ended session [BYTES-ORDER] [HAZARD-20]', async () => {
    const { wire } = await session(
      {},
      {
        enableJsonResponse: false,
        eventStore: {
          storeEvent: () => Promise.resolve(randomUUID()),
          replayEventsAfter: () => Promise.resolve('stream'),
        },
      },
    );
    for (const id of [1, 2]) await wire.post(read(id, 'own://x'));
    expect(WatchedHttp.sent).toBe(2);

    const ended = await session();
    await ended.wire.post(read(1, 'own://x'));
    await ended.server.close();
    expect((await ended.wire.post(read(2, 'own://x'))).status).toBe(404);
  });

  it('drops what a notification names before the next answer [BYTES-RULES]', async () => {
    const { server, wire } = await session();
    for (const id of [1, 2]) await wire.post(read(id, 'own://x'));
    await server.sendResourceUpdated({ uri: 'own://x' });
    expect(textOf(await wire.post(read(3, 'own://x')))).toMatch(/^2:/);
  });

  it('survives a client that leaves within its body, or sends it slowly [BYTES-LIMIT]', async () => {
    const { wire } = await session();
    await wire.post(read(0, 'own://x'));
    const body = read(1, 'own://x');
    const head =
      'POST / HTTP/1.1\r\nhost: localhost\r\naccept: application/json, text/event-stream\r\n' +
      `content-type: application/json\r\nmcp-session-id: ${wire.session}\r\n` +
      `content-length: ${body.length}\r\n\r\n`;
    const gone = connect(wire.port, '127.0.0.1');
    gone.write(head + body.slice(0, 10));
    await once(gone, 'connect');
    gone.destroy();
    const slow = connect(wire.port, '127.0.0.1').setNoDelay(true);
    slow.write(head);
    for (const character of body) {
      await new Promise((resolve) => slow.write(character, resolve));
    }
    const [answer] = (await once(slow, 'data')) as [Buffer];
    slow.destroy();
    expect(answer.toString()).toContain('1: own://x for nobody');
    expect(textOf(await wire.post(read(2, 'own://x')))).toMatch(/^1:/);
  });

  it('refuses a body beyond the limit as the SDK does [BYTES-LIMIT]', async () => {
    const { wire } = await session({}, { maxRequestBodySize: 300 });
    await wire.post(read(1, 'own://x'));
    expect((await wire.post(read(2, 'own://x'))).status).toBe(200);
    expect((await wire.post(read(3, `own://${'x'.repeat(300)}`))).status).toBe(413);
    const unsized = { 'content-length': null, 'transfer-encoding': 'chunked' };
    expect((await wire.post(read(4, `own://${'x'.repeat(300)}`), unsized)).status).toBe(413);
  });
});

describe('CachingTransport.stateless', () => {
  watchProcess();

  async function stateless(options: StatelessOptions = {}) {
    const origin = new CountedOrigin();
    const counts = { servers: 0, closed: 0 };
    const handler = CachingTransport.stateless(
      WatchedHttp,
      () => {
        counts.servers++;
        const server = origin.lowLevelServer();
        server.onclose = () => void counts.closed++;
        return server;
      },
      { transport: { enableJsonResponse: true }, ...options },
    );
    const wire = await HttpWire.serving(handler.handleRequest);
    onTestFinished(async () => {
      await wire[Symbol.asyncDispose]();
      handler.close();
    });
    return { origin, counts, handler, wire };
  }

  it('answers a hit before a server is made, and ends those that it made [BYTES-STATELESS]', async () => {
    const { origin, counts, handler, wire } = await stateless();
    const missed = await wire.post(read(1, 'own://x'), as('ann'));
    const hit = await wire.post(read(1, 'own://x'), as('ann'));
    expect(hit.body.length).toBe(missed.body.length);
    expect(JSON.parse(hit.body)).toEqual(JSON.parse(missed.body));
    expect({ ...hit.headers, date: 'now' }).toEqual({ ...missed.headers, date: 'now' });
    const list = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
    for (let time = 0; time < 2; time++) await wire.post(list, as('ann'));
    await expect.poll(() => counts).toEqual({ servers: 2, closed: 2 });
    expect(origin.calls).toBe(2);
    expect(handler.stats()).toMatchObject({ hits: 2, misses: 2 });
  });

  it('keeps apart who is told apart, and keeps for nobody else but what is public [BYTES-STATELESS] [HAZARD-19]', async () => {
    const { origin, wire } = await stateless({ public: ['docs://{x}'] });
    for (const headers of [as('ann'), as('bob'), as('ann'), {}, {}]) {
      await wire.post(read(1, 'own://x'), headers);
    }
    expect(origin.calls).toBe(4);
    for (const headers of [as('ann'), as('bob'), {}]) await wire.post(read(1, 'docs://x'), headers);
    expect(origin.calls).toBe(5);
  });

  it('drops what it is told to, asks authorize, and ends [BYTES-STATELESS]', async () => {
    let isAllowed = true;
    const { origin, handler, wire } = await stateless({
      public: ['docs://{x}'],
      authorize: () => isAllowed,
    });
    for (const id of [1, 2]) await wire.post(read(id, 'docs://x'));
    expect(origin.calls).toBe(1);
    isAllowed = false;
    expect(JSON.parse((await wire.post(read(3, 'docs://x'))).body)).toHaveProperty('error');
    const open = await stateless({ public: ['docs://{x}'] });
    await open.wire.post(read(1, 'docs://x'));
    open.handler.invalidate('docs://x');
    expect(textOf(await open.wire.post(read(2, 'docs://x')))).toMatch(/^2:/);
    open.handler.close();
    expect(textOf(await open.wire.post(read(3, 'docs://x')))).toMatch(/^3:/);
    handler.close();
  });

  it("serves the SDK's own client [BYTES-STATELESS]", async () => {
    const { origin, wire } = await stateless({ transport: {}, public: ['docs://{x}'] });
    const client = new Client({ name: 'test', version: '1.0.0' });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${wire.port}/`)),
    );
    for (let time = 0; time < 3; time++) {
      const { contents } = await client.readResource({ uri: 'docs://x' });
      expect(contents).toEqual([{ uri: 'docs://x', text: '1: docs://x for nobody' }]);
    }
    expect(origin.calls).toBe(1);
    await client.close();
  });
});
