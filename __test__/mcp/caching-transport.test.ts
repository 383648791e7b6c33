import { once } from 'node:events';
import { PassThrough } from 'node:stream';

import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { CacheServerOptions } from '../../src/mcp/cache-server-options.ts';
import { cacheServer, type ServerCaching } from '../../src/mcp/cache-server.ts';
import { CachingTransport, type CachingTransportOptions } from '../../src/mcp/caching-transport.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import type { LowLevelServer } from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { StdioWire } from '../support/wire-peers.ts';

/** The SDK's class, telling of what it is asked to send. */
class WatchedStdio extends StdioServerTransport {
  static sent = 0;

  override send(message: Parameters<StdioServerTransport['send']>[0]): Promise<void> {
    WatchedStdio.sent++;
    return super.send(message);
  }
}

interface Served {
  readonly origin: CountedOrigin;
  readonly server: LowLevelServer;
  readonly caching: ServerCaching;
  readonly wire: StdioWire;
}

async function serve(
  options: CacheServerOptions = {},
  transport: CachingTransportOptions = {},
  wiring: { isInitialized?: boolean; output?: PassThrough } = {},
): Promise<Served> {
  const origin = new CountedOrigin();
  const server = origin.lowLevelServer();
  const caching = cacheServer(server, options);
  const wire = await StdioWire.open(
    server,
    (input, output) => new CachingTransport(WatchedStdio, { input, output, ...transport }),
    wiring,
  );
  onTestFinished(() => wire.close());
  WatchedStdio.sent = 0;
  return { origin, server, caching, wire };
}

function read(id: unknown, uri: string, others: object = {}): string {
  const params = { uri, ...others };
  return `${JSON.stringify({ jsonrpc: '2.0', id, method: 'resources/read', params })}\n`;
}

function textsOf(messages: readonly Record<string, unknown>[]): unknown[] {
  return messages.map(({ id, result }) => [
    id,
    (result as { contents: { text: string }[] } | undefined)?.contents[0]?.text,
  ]);
}

describe('CachingTransport', () => {
  watchProcess();

  it('writes a hit of every cached method itself, and no miss [BYTES-HIT]', async () => {
    const { origin, wire } = await serve();
    const methods = ['resources/list', 'resources/templates/list', 'tools/list', 'prompts/list'];
    const lines = [
      read(0, 'own://x'),
      ...methods.map((method, at) => `${JSON.stringify({ jsonrpc: '2.0', id: at + 1, method })}\n`),
    ];
    const missed = await wire.exchange(lines.join(''));
    expect(missed).toHaveLength(5);
    expect([WatchedStdio.sent, origin.calls]).toEqual([5, 5]);
    const hit = await wire.exchange(lines.join(''));
    expect(hit).toEqual(missed.toSorted((one, other) => Number(one['id']) - Number(other['id'])));
    expect([WatchedStdio.sent, origin.calls]).toEqual([5, 5]);
  });

  it('takes lines however they are cut, and many that come at once [BYTES-HIT]', async () => {
    const { origin, wire } = await serve();
    await wire.exchange(read(0, 'own://ä'));
    const bytes = Buffer.from(read(1, 'own://ä').replace('\n', '\r\n'));
    for (let cut = 1; cut < bytes.length; cut += 7) {
      const got = await wire.exchange(bytes.subarray(0, cut), bytes.subarray(cut));
      expect(textsOf(got)).toEqual([[1, '1: own://ä for nobody']]);
    }
    const ids = Array.from({ length: 500 }, (_, at) => at);
    const got = await wire.exchange(ids.map((id) => read(id, 'own://ä')).join(''));
    expect(got.map(({ id }) => id)).toEqual(ids);
    expect(origin.calls).toBe(1);
  });

  it('writes the hits of one chunk at once, and before them what was answered before [BYTES-HIT] [BYTES-ORDER]', async () => {
    const { origin, wire } = await serve();
    for (const uri of ['own://x', 'own://ä']) await wire.exchange(read(0, uri));
    const writes: string[] = [];
    wire.output.on('data', (bytes: Buffer) => writes.push(bytes.toString()));
    const hits = Array.from({ length: 20 }, (_, at) =>
      read(at, at % 2 === 0 ? 'own://x' : 'own://ä'),
    ).join('');
    await wire.exchange(hits);
    expect(writes).toHaveLength(1);
    // An id of ours is refused within the same turn.
    const refused = read(origin.extras.at(-1)?.requestId, 'own://x');
    writes.length = 0;
    const got = await wire.exchange(hits + refused + hits);
    expect(writes.map((each) => each.trim().split('\n').length)).toEqual([20, 1, 20]);
    expect(got[20]).toHaveProperty('error.code', -32_600);
  });

  it('writes long answers whole, one after the other [BYTES-HIT]', async () => {
    const { origin, wire } = await serve();
    origin.answer = () => Promise.resolve(`"ä${'x'.repeat(200_000)}`);
    const [first] = await wire.exchange(read('a', 'own://x'));
    const got = await wire.exchange([1, 2, 3, 4].map((id) => read(id, 'own://x')).join(''));
    expect(got).toEqual([1, 2, 3, 4].map((id) => ({ ...first, id })));
    expect(WatchedStdio.sent).toBe(1);
  });

  it('counts and tells of a hit as the ordinary way does [BYTES-ACCOUNT]', async () => {
    const accounts = await Promise.all(
      [{}, { authorize: () => true }].map(async (options) => {
        using cache = new ResourceCache();
        const { wire, caching } = await serve({ cache, ...options });
        const events: string[] = [];
        for (const event of ['loaded', 'accessed', 'invalidated'] as const) {
          cache.on(event, ({ uri }) => events.push(`${event} ${uri.split('\u0000').at(-1)}`));
        }
        for (let id = 0; id < 3; id++) await wire.exchange(read(id, 'own://x'));
        await wire.exchange(read(3, 'own://x', { odd: 1 }));
        const [key = ''] = cache.keys();
        const { hits, misses, loads, uncachedRequests } = caching.stats();
        return {
          events,
          hits,
          misses,
          loads,
          uncachedRequests,
          info: cache.info(key)?.accessCount,
        };
      }),
    );
    expect(accounts[0]).toEqual(accounts[1]);
    expect(accounts[0]).toMatchObject({ hits: 2, misses: 1, loads: 1, info: 2 });
  });

  it('asks before initialization, and authorize before every answer [BYTES-RULES]', async () => {
    const { origin, wire } = await serve({}, {}, { isInitialized: false });
    wire.readOn();
    for (const id of [1, 2]) await wire.exchange(read(id, 'own://x'));
    expect(origin.calls).toBe(2);

    const allowed = new Set(['own://x']);
    const guarded = await serve({ authorize: async (_, uri) => allowed.has(uri) });
    for (const id of [1, 2]) await guarded.wire.exchange(read(id, 'own://x'));
    expect(guarded.origin.calls).toBe(1);
    allowed.clear();
    const [refused] = await guarded.wire.exchange(read(3, 'own://x'));
    expect(refused).toMatchObject({ id: 3, error: { code: -32_002 } });
  });

  it('finds what is kept for its reader alone [BYTES-RULES] [HAZARD-20]', async () => {
    using cache = new ResourceCache();
    const shared = { cache, public: ['docs://{x}'] };
    const [one, other] = [await serve(shared), await serve(shared)];
    for (const uri of ['own://x', 'docs://x']) await one.wire.exchange(read(0, uri));
    const got = await other.wire.exchange(read(1, 'own://x') + read(2, 'docs://x'));
    expect(new Map(textsOf(got) as [unknown, unknown][])).toEqual(
      new Map([
        [1, '1: own://x for nobody'],
        [2, '2: docs://x for nobody'],
      ]),
    );
    expect([one.origin.calls, other.origin.calls]).toEqual([2, 1]);

    let user: string | undefined = 'ann';
    const named = await serve({ partition: () => user });
    for (const id of [1, 2]) await named.wire.exchange(read(id, 'own://x'));
    user = 'bob';
    await named.wire.exchange(read(3, 'own://x'));
    expect(named.origin.calls).toBe(2);
    user = undefined;
    for (const id of [4, 5]) await named.wire.exchange(read(id, 'own://x'));
    expect(named.origin.calls).toBe(3);
  });

  it('writes nothing that was dropped, nor once the caching or the cache is closed [BYTES-RULES]', async () => {
    const { origin, server, caching, wire } = await serve();
    await wire.exchange(read(1, 'own://x'));
    await server.sendResourceUpdated({ uri: 'own://x' });
    const got = await wire.exchange(read(2, 'own://x'));
    expect(textsOf(got).at(-1)).toEqual([2, '2: own://x for nobody']);
    caching.close();
    await wire.exchange(read(3, 'own://x'));
    expect(origin.calls).toBe(3);

    const cache = new ResourceCache();
    const outside = await serve({ cache });
    await outside.wire.exchange(read(1, 'own://x'));
    cache.close();
    const [last] = await outside.wire.exchange(read(2, 'own://x'));
    expect(textsOf([last!])).toEqual([[2, '2: own://x for nobody']]);
  });

  it('leaves to the SDK a request whose id is under way, and keeps the order of arrival [BYTES-ORDER]', async () => {
    const { origin, server, wire } = await serve();
    await wire.exchange(read(0, 'own://x'));
    const gate = deferred<void>();
    origin.gate = gate.promise;
    await wire.exchange(read(7, 'own://slow', { odd: 1 }));
    const sent = WatchedStdio.sent;
    await wire.exchange(read(7, 'own://x') + read(8, 'own://x'));
    // The hit of 8 alone has not passed the SDK.
    expect(WatchedStdio.sent).toBe(sent + 1);
    gate.resolve();
    const late = await wire.exchange(read(7, 'own://x'));
    expect(late.map(({ id }) => id)).toEqual([7, 7]);

    // The notification is on its way before the read that comes after the request that causes it.
    const drop = deferred<void>();
    origin.answer = async () => {
      await server.sendResourceUpdated({ uri: 'own://x' });
      drop.resolve();
      return 'dropped';
    };
    await wire.exchange(read(9, 'own://y'));
    await drop.promise;
    expect(textsOf(await wire.exchange(read(10, 'own://x')))).toContainEqual([10, 'dropped']);
  });

  it('serves cancellation and progress as without bytes [BYTES-ORDER]', async () => {
    const { origin, wire } = await serve();
    await wire.exchange(read(0, 'own://x'));
    const cancelled = {
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: 1 },
    };
    const got = await wire.exchange(`${read(1, 'own://x')}${JSON.stringify(cancelled)}\n`);
    expect(textsOf(got)).toEqual([[1, '1: own://x for nobody']]);
    const gate = deferred<void>();
    origin.gate = gate.promise;
    await wire.exchange(read(2, 'own://y'));
    await wire.exchange(`${JSON.stringify({ ...cancelled, params: { requestId: 2 } })}\n`);
    gate.resolve();
    expect(await wire.exchange('')).toEqual([]);
    expect(origin.extras.at(-1)?.signal.aborted).toBe(true);
    // An id that was cancelled is free again.
    const sent = WatchedStdio.sent;
    expect(textsOf(await wire.exchange(read(2, 'own://x')))).toEqual([
      [2, '1: own://x for nobody'],
    ]);
    expect(WatchedStdio.sent).toBe(sent);
    await wire.exchange(read(3, 'own://x', { _meta: { progressToken: 3 } }));
    expect(WatchedStdio.sent).toBe(sent + 1);
  });

  it('ends the connection at a message beyond the limit, as the SDK does [BYTES-LIMIT]', async () => {
    const { wire } = await serve({}, { maxMessageBytes: 100_000 });
    const piece = Buffer.alloc(30_000, 'x');
    await wire.exchange(piece, piece, piece);
    expect(wire.closed).toBe(false);
    await wire.exchange(piece);
    expect(wire.closed).toBe(true);
    expect(wire.errors.join()).toContain('exceeded maximum size of 100000 bytes');
    expect(wire.input.listenerCount('data')).toBe(0);
  });

  it('holds no more of a line than may be a request, and goes on after one [BYTES-LIMIT]', async () => {
    const { wire } = await serve();
    await wire.exchange(read(1, 'own://x'));
    for (let at = 0; at < 50; at++) await wire.exchange('y'.repeat(100_000));
    expect(await wire.exchange('\n')).toEqual([]);
    expect(wire.errors).toHaveLength(1);
    expect(textsOf(await wire.exchange(read(2, 'own://x')))).toEqual([
      [2, '1: own://x for nobody'],
    ]);
  });

  it('does not read on from a client that does not read, and loses nothing [BYTES-PRESSURE]', async () => {
    const { origin, wire } = await serve();
    origin.answer = () => Promise.resolve('x'.repeat(100_000));
    await wire.exchange(read('warm', 'own://x'));
    wire.output.removeAllListeners('data');
    wire.output.pause();
    const count = 400;
    for (let id = 0; id < count; id++) wire.input.write(read(id, 'own://x'));
    for (let turn = 0; turn < 20; turn++) await settled();
    // What the transport and the stream hold; 40 MB would be all of it.
    expect(wire.output.writableLength + wire.output.readableLength).toBeLessThan(2_000_000);
    expect(wire.input.readableLength).toBeGreaterThan(10_000);
    wire.readOn();
    const ids: unknown[] = [];
    while (ids.length < count) {
      ids.push(...(await wire.exchange('')).map(({ id }) => id));
    }
    expect(ids).toEqual(Array.from({ length: count }, (_, id) => id));
  });

  it('leaves its streams as the SDK does [BYTES-HIT]', async () => {
    const { wire } = await serve();
    await wire.close();
    expect(wire.closed).toBe(true);
    for (const event of ['data', 'error', 'end', 'close']) {
      const own = new PassThrough().listenerCount(event);
      expect(wire.input.listenerCount(event), event).toBe(own);
    }
    expect(wire.input.isPaused()).toBe(true);
  });

  it('tells of a failing input, and starts once [BYTES-EQUAL]', async () => {
    const { wire, server } = await serve();
    wire.input.emit('error', new Error('cut'));
    expect(wire.errors).toEqual(['cut']);
    await expect(server.transport?.start()).rejects.toThrow('already started');
  });

  it('works without a cached server, as the SDK [BYTES-EQUAL]', async () => {
    const origin = new CountedOrigin();
    const wire = await StdioWire.open(
      origin.lowLevelServer(),
      (input, output) => new CachingTransport(StdioServerTransport, { input, output }),
    );
    for (const id of [1, 2]) await wire.exchange(read(id, 'own://x'));
    expect(origin.calls).toBe(2);
    const ended = once(wire.input, 'end');
    wire.input.end();
    await ended;
    await wire.close();
  });

  it('refuses bad options by name [BYTES-OPTIONS]', async () => {
    const refused = async (make: () => unknown, option: string): Promise<void> => {
      const { data } = await granaryFailure(make, 'ERR_GRANARY_BAD_OPTION');
      expect(data['option']).toBe(option);
    };
    const make = (options: object) => () => new CachingTransport(StdioServerTransport, options);
    for (const maxMessageBytes of [0, -1, 1.5, Number.NaN, '1']) {
      await refused(make({ maxMessageBytes }), 'maxMessageBytes');
    }
    await refused(make({ input: {} }), 'input');
    await refused(make({ output: {} }), 'output');
    await refused(() => new CachingTransport(undefined as never), 'StdioServerTransport');
    await refused(() => CachingTransport.http(undefined as never), 'StreamableHTTPServerTransport');
    await refused(
      () => CachingTransport.stateless(StreamableHTTPServerTransport, 7 as never),
      'makeServer',
    );
  });
});
