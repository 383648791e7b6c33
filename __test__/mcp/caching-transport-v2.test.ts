import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { CachingTransport } from '../../src/mcp/caching-transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { watchProcess } from '../support/process-signals.ts';
import { StdioWire } from '../support/wire-peers.ts';

/** SDK 2, telling of what it is asked to send. */
class WatchedStdio extends StdioServerTransport {
  static sent = 0;

  override send(message: Parameters<StdioServerTransport['send']>[0]): Promise<void> {
    WatchedStdio.sent++;
    return super.send(message);
  }
}

const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

type Era = 'modern' | 'legacy';

class Served {
  calls = 0;
  readonly clock = new ManualClock();
  readonly cache = new ResourceCache({ clock: this.clock, ttlMs: 60_000 });
  readonly servers: McpServer[] = [];

  make(isCached: boolean): McpServer {
    const server = new McpServer({ name: 'documents', version: '1.0.0' });
    const template = new ResourceTemplate('docs://{id}', { list: undefined });
    server.registerResource('document', template, {}, async ({ href }) => {
      this.calls++;
      return { contents: [{ uri: href, text: 'ä "quoted" \u2028' }] };
    });
    server.registerTool('count', {}, async () => ({ content: [] }));
    if (isCached) cacheServer(server, { cache: this.cache });
    this.servers.push(server);
    return server;
  }

  /** @param isCached and with bytes, else the plain SDK */
  async open(era: Era, isCached: boolean): Promise<StdioWire> {
    let handle: { close(): Promise<void> };
    const peer = {
      connect: async (transport: object) => {
        handle = serveStdio(() => this.make(isCached), { transport: transport as never });
      },
      close: () => handle.close(),
    };
    const wire = await StdioWire.open(
      peer,
      (input, output) =>
        isCached
          ? new CachingTransport(WatchedStdio, { input, output })
          : new StdioServerTransport(input, output),
      { isInitialized: era === 'legacy' },
    );
    if (era === 'modern') wire.readOn();
    onTestFinished(() => wire.close());
    return wire;
  }
}

function line(era: Era, id: unknown, method: string, params: object = {}): string {
  const meta = era === 'modern' ? { _meta: ENVELOPE } : {};
  return `${JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, ...meta } })}\n`;
}

function read(era: Era, id: unknown, uri: string): string {
  return line(era, id, 'resources/read', { uri });
}

/** Without what passes. */
function lasting({ result, ...others }: Record<string, unknown>): unknown {
  const { ttlMs: _ttl, cacheScope: _scope, ...rest } = result as Record<string, unknown>;
  return { ...others, result: rest };
}

describe.each(['modern', 'legacy'] as const)('CachingTransport under SDK 2, %s', (era) => {
  watchProcess();

  it('writes hits itself, equal to what the SDK sends [BYTES-HIT] [SDK-GENERATIONS]', async () => {
    const served = new Served();
    const [cached, plain] = [await served.open(era, true), await served.open(era, false)];
    const lines = (from: number): string =>
      read(era, from, 'docs://1') +
      line(era, `${from}`, 'tools/list') +
      read(era, from + 1, 'docs://2');
    await cached.exchange(lines(0));
    WatchedStdio.sent = 0;
    const hits = await cached.exchange(lines(10));
    expect(WatchedStdio.sent).toBe(0);
    const expected = await plain.exchange(lines(10));
    expect(hits).toHaveLength(3);
    const byId = (messages: Record<string, unknown>[]): unknown =>
      new Map(messages.map((message) => [message['id'], lasting(message)]));
    expect(byId(hits)).toEqual(byId(expected));
  });

  it('says what remains where the revision asks for it, and nothing where not [HINTS-REMAINING] [HINTS-OLDER] [HAZARD-20]', async () => {
    const served = new Served();
    const wire = await served.open(era, true);
    await wire.exchange(read(era, 0, 'docs://1'));
    const told: unknown[] = [];
    WatchedStdio.sent = 0;
    for (const id of [1, 2]) {
      served.clock.advance(10_500);
      const [{ result = {} } = {}] = (await wire.exchange(read(era, id, 'docs://1'))) as {
        result?: { ttlMs?: number; cacheScope?: string };
      }[];
      told.push([result.ttlMs, result.cacheScope]);
    }
    expect(WatchedStdio.sent).toBe(0);
    const modern = [
      [49_500, 'private'],
      [39_000, 'private'],
    ];
    expect(told).toEqual(era === 'modern' ? modern : [[], []].map(() => [undefined, undefined]));
    served.clock.advance(60_000);
    await wire.exchange(read(era, 3, 'docs://1'));
    expect(served.calls).toBe(2);
  });

  it('goes the ordinary way for what is odd, and drops what is told to have changed [BYTES-RULES]', async () => {
    const served = new Served();
    const wire = await served.open(era, true);
    await wire.exchange(read(era, 0, 'docs://1'));
    WatchedStdio.sent = 0;
    const meta = { ...(era === 'modern' ? ENVELOPE : {}), progressToken: 1 };
    const odd = { jsonrpc: '2.0', id: 1, method: 'resources/read' };
    await wire.exchange(
      `${JSON.stringify({ ...odd, params: { uri: 'docs://1', _meta: meta } })}\n`,
    );
    expect(WatchedStdio.sent).toBe(1);
    await served.servers.at(-1)?.server.sendResourceUpdated({ uri: 'docs://1' });
    await wire.exchange(read(era, 2, 'docs://1'));
    expect(served.calls).toBe(2);
  });
});

describe('a client that changes on one connection', () => {
  it('is not given what the former one asked for [BYTES-RULES] [SCOPE-CONTEXTS]', async () => {
    const served = new Served();
    const wire = await served.open('modern', true);
    for (const id of [1, 2]) await wire.exchange(read('modern', id, 'docs://1'));
    expect(served.calls).toBe(1);
    const info = { name: 'other', version: '1' };
    const other = { ...ENVELOPE, 'io.modelcontextprotocol/clientInfo': info };
    const params = { uri: 'docs://1', _meta: other };
    for (const id of [3, 4]) {
      await wire.exchange(
        `${JSON.stringify({ jsonrpc: '2.0', id, method: 'resources/read', params })}\n`,
      );
    }
    expect(served.calls).toBe(3);
  });
});
