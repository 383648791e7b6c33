import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { CachingTransport } from '../../src/mcp/caching-transport.ts';
import { newLowLevelServer, type LowLevelServer } from '../support/mcp-peers.ts';
import {
  byText,
  comparable,
  idOf,
  rawBodies,
  rawMessages,
  spelled,
  TEXTS,
  URIS,
} from '../support/raw-requests.ts';
import { watchProcess } from '../support/process-signals.ts';
import { HttpWire, StdioWire } from '../support/wire-peers.ts';

/** What it answers depends on nothing but what is asked. */
function documents(): LowLevelServer {
  const server = newLowLevelServer({ capabilities: { resources: {}, tools: {} } });
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri, _meta } }) => {
    const text = TEXTS[uri];
    if (text === undefined) throw new Error(`no ${uri}`);
    // Progress is nothing that an answer may depend on.
    const { progressToken: _, ...others } = _meta ?? {};
    return {
      contents: [{ uri, text, ...(Object.keys(others).length > 0 ? { _meta: others } : {}) }],
    };
  });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => ({
    tools: [{ name: params?.cursor ?? 'first', inputSchema: { type: 'object' } }],
  }));
  return server;
}

const params = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom(...URIS)
      .chain(spelled)
      .map((uri) => `{"uri":${uri}}`),
  },
  { weight: 2, arbitrary: fc.constantFrom('{}', '{"cursor":"second"}', '{ "cursor" : "" }') },
  fc.constantFrom(
    '{"uri":"doc://plain","uri":"doc://empty"}',
    '{"uri":"doc://plain","_meta":{"progressToken":7}}',
    '{"uri":"doc://plain","_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}}',
    '{"uri":"doc://plain","_meta":{}}',
    '{"uri":"doc://plain","task":{"ttl":1}}',
    '{"uri":"doc://plain","inputResponses":{}}',
    '{"uri":"doc://plain","requestState":"s"}',
    '{"uri":"doc://plain","__proto__":{"uri":"doc://empty"}}',
    ...['{"uri":"doc://none"}', '{"uri":""}', '{"uri":7}', '{"uri":null}', '[]', 'null', '"x"'],
  ),
);
const bytes = rawBodies(rawMessages(params));

/** A request of every URI and list, so that the cache knows them. */
const WARM_UP = [
  ...URIS.map((uri) => ({ method: 'resources/read', params: { uri } })),
  { method: 'tools/list' },
  { method: 'tools/list', params: { cursor: 'second' } },
].map((each, at) => JSON.stringify({ jsonrpc: '2.0', id: `warm-${at}`, ...each }));

async function stdioWires(cache: ResourceCache): Promise<[StdioWire, StdioWire]> {
  const cached = documents();
  cacheServer(cached, { cache });
  const wires: [StdioWire, StdioWire] = [
    await StdioWire.open(documents(), (input, output) => new StdioServerTransport(input, output)),
    await StdioWire.open(
      cached,
      (input, output) => new CachingTransport(StdioServerTransport, { input, output }),
    ),
  ];
  for (const wire of wires) await wire.exchange(`${WARM_UP.join('\n')}\n`);
  return wires;
}

/** Headers as a client may send them, of which the SDK takes some. */
const headers = fc.record(
  {
    accept: fc.constantFrom(
      ...['application/json', 'text/event-stream;q=0.1,application/json', '*/*', null],
    ),
    'content-type': fc.constantFrom(
      ...['application/json; charset=utf-8', 'APPLICATION/JSON', 'text/plain', 'application/json;'],
      ...['application/json; a=b', 'text/plain; a=application/json', null],
    ),
    'mcp-protocol-version': fc.constantFrom(...SUPPORTED_PROTOCOL_VERSIONS, '1999-01-01', ''),
    'mcp-session-id': fc.constantFrom('other', '', null),
    origin: fc.constantFrom('http://evil.example', 'http://localhost'),
    'content-encoding': fc.constant('gzip'),
    'transfer-encoding': fc.constant('chunked'),
  },
  { requiredKeys: [] },
);

describe('bytes below the SDK', () => {
  watchProcess();

  it.each(['heap', 'native'] as const)(
    'answer lines as the SDK does, field for field, from %s [BYTES-EQUAL] [HAZARD-20]',
    async (storage) => {
      using cache = new ResourceCache({ storage });
      const [plain, cached] = await stdioWires(cache);
      const { hits } = cache.stats();
      const sequence = fc.uniqueArray(bytes, { minLength: 1, maxLength: 12, selector: idOf });
      await fc.assert(
        fc.asyncProperty(sequence, fc.nat(200), async (lines, cut) => {
          const input = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
          const chunks = [input.subarray(0, cut), input.subarray(cut)];
          const [expected, got] = [
            await plain.exchange(...chunks),
            await cached.exchange(...chunks),
          ];
          expect(byText(got)).toEqual(byText(expected));
          expect(cached.errors).toEqual(plain.errors);
        }),
        { numRuns: 150 },
      );
      expect(cached.closed).toBe(false);
      expect(cache.stats().hits).toBeGreaterThan(hits);
      await Promise.all([plain.close(), cached.close()]);
    },
    60_000,
  );

  it.each([true, false])(
    'answer posts as the SDK does, with status and headers, JSON %s [BYTES-EQUAL-HTTP] [HAZARD-20]',
    async (enableJsonResponse) => {
      const server = documents();
      const { stats } = cacheServer(server);
      await using plain = await HttpWire.session(
        documents(),
        (sessionIdGenerator) =>
          new StreamableHTTPServerTransport({ sessionIdGenerator, enableJsonResponse }),
      );
      await using cached = await HttpWire.session(server, (sessionIdGenerator) =>
        CachingTransport.http(StreamableHTTPServerTransport, {
          sessionIdGenerator,
          enableJsonResponse,
        }),
      );
      for (const wire of [plain, cached]) for (const each of WARM_UP) await wire.post(each);
      const { hits } = stats();
      await fc.assert(
        fc.asyncProperty(bytes, fc.option(headers, { freq: 3 }), async (body, mutation) => {
          const sent = mutation ?? {};
          const own = 'transfer-encoding' in sent ? { ...sent, 'content-length': null } : sent;
          const [expected, got] = [await plain.post(body, own), await cached.post(body, own)];
          expect(comparable(got)).toEqual(comparable(expected));
          expect(cached.errors.splice(0)).toEqual(plain.errors.splice(0));
        }),
        { numRuns: 300 },
      );
      expect(stats().hits).toBeGreaterThan(hits);
      await server.close();
    },
    60_000,
  );
});
