import { randomUUID } from 'node:crypto';

import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import {
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
  type WebStandardStreamableHTTPServerTransportOptions,
} from '@modelcontextprotocol/server';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { CacheServerOptions } from '../../src/mcp/cache-server-options.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { CachingTransport } from '../../src/mcp/caching-transport.ts';
import type { SdkHttpTransport } from '../../src/mcp/sdk-transport.ts';
import { watchProcess } from '../support/process-signals.ts';
import { bodyOf, Documents, messageIn } from '../support/v2-documents.ts';
import { HttpWire, INITIALIZE, type WireResponse } from '../support/wire-peers.ts';

type Options = WebStandardStreamableHTTPServerTransportOptions;

/** Version 2, telling of what it is asked to send. */
let sent = 0;
class WatchedNode extends NodeStreamableHTTPServerTransport {
  override send(...args: Parameters<NodeStreamableHTTPServerTransport['send']>): Promise<void> {
    sent++;
    return super.send(...args);
  }
}
class WatchedFetch extends WebStandardStreamableHTTPServerTransport {
  override send(
    ...args: Parameters<WebStandardStreamableHTTPServerTransport['send']>
  ): Promise<void> {
    sent++;
    return super.send(...args);
  }
}

/** The two transports, each as what answers requests of `node:http`. */
const TRANSPORTS = {
  node: (options: Options) => {
    const transport = CachingTransport.http(WatchedNode, options);
    return { transport, handle: transport.handleRequest.bind(transport) };
  },
  fetch: (options: Options) => {
    const transport = CachingTransport.http(WatchedFetch, options);
    const handle = toNodeHandler({
      fetch: (request, given) => transport.handleRequest(request, given),
    });
    return { transport, handle };
  },
};

interface Served {
  readonly documents: Documents;
  readonly server: McpServer;
  readonly wire: HttpWire;
}

async function session(
  kind: keyof typeof TRANSPORTS,
  caching: CacheServerOptions = {},
  options: Options = {},
  documents = new Documents(),
): Promise<Served> {
  const server = documents.make();
  cacheServer(server, caching);
  const { transport, handle } = TRANSPORTS[kind]({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: true,
    ...options,
  });
  await server.connect(transport);
  const wire = await HttpWire.serving(handle as SdkHttpTransport['handleRequest']);
  onTestFinished(async () => {
    await wire[Symbol.asyncDispose]();
    await server.close();
  });
  const { headers } = await wire.post(JSON.stringify(INITIALIZE));
  wire.session = headers['mcp-session-id'] as string;
  await wire.post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
  sent = 0;
  return { documents, server, wire };
}

function read(
  wire: HttpWire,
  uri: string,
  headers: Readonly<Record<string, string | null>> = {},
): Promise<WireResponse> {
  return wire.post(bodyOf('legacy', 7, 'resources/read', { uri }), headers);
}

function as(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}

function told({ status, headers, body }: WireResponse): unknown {
  const { date: _, 'transfer-encoding': _encoding, 'content-length': _length, ...others } = headers;
  return { status, others, message: messageIn(body) };
}

describe.each(['node', 'fetch'] as const)('CachingTransport.http of SDK 2, %s', (kind) => {
  watchProcess();

  it.each([true, false])(
    'answers a hit itself, as the SDK does, JSON %s [BYTES-HIT] [SDK-GENERATIONS]',
    async (enableJsonResponse) => {
      const { documents, wire } = await session(kind, {}, { enableJsonResponse });
      const missed = await read(wire, 'docs://1');
      const hit = await read(wire, 'docs://1');
      expect([sent, documents.calls]).toEqual([1, 1]);
      expect(told(hit)).toEqual(told(missed));
    },
  );

  it('is an instance of the class that it is given [BYTES-HIT]', () => {
    const { transport } = TRANSPORTS[kind]({});
    expect(transport).toBeInstanceOf(kind === 'node' ? WatchedNode : WatchedFetch);
  });

  it('gives nobody what is kept for another token or session [BYTES-RULES] [HAZARD-19]', async () => {
    using cache = new ResourceCache();
    const documents = new Documents();
    const one = await session(kind, { cache }, {}, documents);
    const other = await session(kind, { cache }, {}, documents);
    const calls: unknown[] = [];
    for (const { wire } of [one, other, one, other]) {
      for (const headers of [as('ann'), as('bob'), {}]) {
        const { body } = await read(wire, 'own://1', headers);
        calls.push(Number(/(\d+): ä/.exec(body)?.[1]));
      }
    }
    expect(calls).toEqual([1, 2, 3, 1, 2, 4, 1, 2, 3, 1, 2, 4]);
    expect(sent).toBe(4);
  });

  it('leaves to the SDK another session, an unknown version, a foreign host, and what it stores [BYTES-RULES] [HAZARD-20]', async () => {
    const { wire } = await session(
      kind,
      {},
      {
        enableDnsRebindingProtection: true,
        allowedOrigins: ['http://localhost'],
      },
    );
    const known = { origin: 'http://localhost', 'mcp-protocol-version': '2025-06-18' };
    for (let time = 0; time < 3; time++)
      expect((await read(wire, 'docs://1', known)).status).toBe(200);
    // The SDK alone knows which versions its server takes.
    expect(sent).toBe(1);
    for (const [headers, status] of [
      [{ 'mcp-session-id': 'other' }, 404],
      [{ 'mcp-session-id': null }, 400],
      [{ 'mcp-protocol-version': '1999-01-01' }, 400],
      [{ origin: 'http://evil.example' }, 403],
      [{ accept: 'application/json' }, 406],
      [{ 'content-type': 'text/plain' }, 415],
    ] as const) {
      for (let time = 0; time < 2; time++) {
        expect((await read(wire, 'docs://1', headers)).status, JSON.stringify(headers)).toBe(
          status,
        );
      }
    }
    const stored = await session(
      kind,
      {},
      {
        enableJsonResponse: false,
        eventStore: {
          storeEvent: () => Promise.resolve(randomUUID()),
          replayEventsAfter: () => Promise.resolve('stream'),
        },
      },
    );
    for (let time = 0; time < 2; time++) await read(stored.wire, 'docs://1');
    expect(sent).toBe(2);
  });

  it('has the SDK ask for the scopes that a resource wants [BYTES-RULES]', async () => {
    const { documents, wire } = await session(kind, { public: ['guarded://{x}'] });
    for (let time = 0; time < 2; time++) await read(wire, 'guarded://1');
    expect([sent, documents.calls]).toEqual([1, 1]);
    expect((await read(wire, 'guarded://1', as('ann'))).status).toBe(403);
  });

  it('drops what a notification names, and answers nothing of an ended session [BYTES-RULES] [BYTES-ORDER]', async () => {
    const { documents, server, wire } = await session(kind);
    for (let time = 0; time < 2; time++) await read(wire, 'docs://1');
    await server.server.sendResourceUpdated({ uri: 'docs://1' });
    await read(wire, 'docs://1');
    expect(documents.calls).toBe(2);
    await server.close();
    expect((await read(wire, 'docs://1')).status).toBe(404);
  });
});

describe('CachingTransport.stateless of SDK 2', () => {
  watchProcess();

  it('answers a hit before a server is made, and asks for scopes as the SDK does [BYTES-STATELESS] [SDK-GENERATIONS]', async () => {
    const documents = new Documents();
    const handler = CachingTransport.stateless(WatchedNode, documents.make, {
      public: ['guarded://{x}', 'docs://{x}'],
      transport: { enableJsonResponse: true },
    });
    await using wire = await HttpWire.serving(handler.handleRequest);
    for (let time = 0; time < 3; time++) {
      expect((await read(wire, 'docs://1')).status).toBe(200);
      expect((await read(wire, 'guarded://1')).status).toBe(200);
    }
    expect([documents.servers, documents.calls]).toEqual([2, 2]);
    expect((await read(wire, 'guarded://1', as('ann'))).status).toBe(403);
    handler.close();
  });
});
