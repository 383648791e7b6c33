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
import { watchProcess } from '../support/process-signals.ts';
import { HttpWire, StdioWire, type WireResponse } from '../support/wire-peers.ts';

const TEXTS: Readonly<Record<string, string>> = {
  'doc://plain': 'plain',
  'doc://escaped': '"\\\u0000\b\f\n\r\t\u007F\u2028\u2029</script>',
  'doc://ünï/日本語/𝒳?q=%20': 'ä 日本 𝒳 👩‍👩‍👧 \uFEFF',
  'doc://lone': 'a lone \uD800 surrogate \uDFFF',
  'doc://empty': '',
  'doc://long': 'é€𝒳'.repeat(20_000),
};
const URIS = Object.keys(TEXTS);

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

/** As JSON would spell it, or with each character escaped, or as a client had it in mind. */
const spelled = (text: string) =>
  fc.constantFrom(
    JSON.stringify(text),
    `"${Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`,
    JSON.stringify(text).replaceAll('/', String.raw`\/`),
  );

/** Ids as they are spelled: those that the SDK takes, and others. */
const id = fc.oneof(
  { weight: 3, arbitrary: fc.integer().map(String) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary' }).chain(spelled) },
  fc.maxSafeInteger().map(String),
  fc.constantFrom(
    ...[
      '-0',
      '0',
      '1e2',
      '1.0',
      '9007199254740991',
      '-9007199254740991',
      '"\\ud800"',
      '"__proto__"',
    ],
    ...['9007199254740993', '1e400', '0.5', '-1.5e-7', 'null', 'true', '[]', '{}', '01'],
  ),
);
const method = fc.constantFrom(
  ...['"resources/read"', '"resources\\/read"', '"tools/list"', '"resources/list"', '"ping"'],
  ...['"resources/unknown"', '"/read"', '"prompts/list"', 'null', '7'],
);
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
const message = fc
  .record({
    id,
    method: fc.oneof({ weight: 6, arbitrary: fc.constant('"resources/read"') }, method),
    params: fc.option(params, { freq: 8, nil: undefined }),
    version: fc.oneof(
      { weight: 8, arbitrary: fc.constant('"2.0"') },
      fc.constantFrom('"1.0"', '2.0', 'null'),
    ),
    more: fc.oneof(
      { weight: 8, arbitrary: fc.constant('') },
      fc.constantFrom(',"id":77', ',"other":1', ',"method":"tools/list"', ',"__proto__":{}'),
    ),
    space: fc.constantFrom('', ' ', '\t', '\r'),
  })
  .map(
    (each) =>
      `${each.space}{"jsonrpc":${each.version},"id":${each.id},"method":${each.method}` +
      `${each.params === undefined ? '' : `,"params":${each.params}`}${each.more}}${each.space}`,
  );
const text = fc.oneof(
  { weight: 8, arbitrary: message },
  fc
    .tuple(message, message)
    .filter(([one, other]) => idOf(one) !== idOf(other))
    .map(([one, other]) => `[${one},${other}]`),
  message.map((each) => each.slice(0, -1)),
  message.map((each) => `\uFEFF${each}`),
  fc.constantFrom('', '[]', 'null', '7', '{}', '{"jsonrpc":"2.0","method":"notifications/x"}'),
);
const bytes = fc.oneof(
  { weight: 8, arbitrary: text.map((each) => Buffer.from(each)) },
  message.map((each) => Buffer.from(each, 'latin1')),
);

/** A request of every URI and list, so that the cache knows them. */
const WARM_UP = [
  ...URIS.map((uri) => ({ method: 'resources/read', params: { uri } })),
  { method: 'tools/list' },
  { method: 'tools/list', params: { cursor: 'second' } },
].map((each, at) => JSON.stringify({ jsonrpc: '2.0', id: `warm-${at}`, ...each }));

function byText(messages: readonly unknown[]): string[] {
  return messages.map((each) => JSON.stringify(sorted(each))).toSorted();
}

/** Members of objects in one order: what JSON carries has none. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, each]) => [key, sorted(each)]);
}

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

function comparable({ status, headers: told, body }: WireResponse): unknown {
  // Whether a body comes in chunks or with its length depends on when the SDK has it.
  const { date: _, 'transfer-encoding': _encoding, ...lasting } = told;
  const { 'mcp-session-id': session, 'content-length': length, ...others } = lasting;
  const isEvents = body.startsWith('event: ');
  const messages = isEvents
    ? body.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []))
    : [body];
  return {
    status,
    others,
    hasSession: session !== undefined,
    isMeasured: Number(length) === Buffer.byteLength(body) || length === undefined,
    isEvents,
    // Those of a batch may be answered in any order (JSON-RPC 2.0, section 6).
    messages: messages
      .flatMap((each) =>
        each.startsWith('{') || each.startsWith('[') ? byText([JSON.parse(each)].flat()) : each,
      )
      .toSorted(),
  };
}

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

/** Two requests of one id under way at a time are another property's. */
function idOf(line: Buffer | string): string {
  try {
    return JSON.stringify((JSON.parse(line.toString()) as { id?: unknown }).id);
  } catch {
    return line.toString();
  }
}
