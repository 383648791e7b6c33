import { toNodeHandler } from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  Server,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CachingTransport } from '../../src/mcp/caching-transport.ts';
import {
  comparable,
  idOf,
  rawBodies,
  rawMessages,
  spelled,
  TEXTS,
  URIS,
} from '../support/raw-requests.ts';
import { watchProcess } from '../support/process-signals.ts';
import { bodyOf, ENVELOPE, type Era, ERAS, headersOf } from '../support/v2-documents.ts';
import { HttpWire, type WireResponse } from '../support/wire-peers.ts';

/** What it answers depends on nothing but what is asked. */
function documents(): Server {
  const server = new Server(
    { name: 'documents', version: '1.0.0' },
    { capabilities: { resources: {}, tools: {} } },
  );
  server.setRequestHandler('resources/read', ({ params: { uri, _meta } }) => {
    const text = TEXTS[uri];
    if (text === undefined) throw new Error(`no ${uri}`);
    // Progress, and where a trace goes on, is nothing that an answer may depend on.
    const { progressToken: _, traceparent: _trace, ...others } = _meta ?? {};
    return {
      contents: [{ uri, text, ...(Object.keys(others).length > 0 ? { _meta: others } : {}) }],
    };
  });
  server.setRequestHandler('tools/list', ({ params }) => ({
    tools: [{ name: params?.cursor ?? 'first', inputSchema: { type: 'object' } }],
  }));
  return server;
}

const CLAIM = JSON.stringify(ENVELOPE).slice(1, -1);
const NAME = 'io.modelcontextprotocol/';
/** Envelopes as they are spelled, most of them sound. */
const meta = fc.oneof(
  { weight: 6, arbitrary: fc.constant(`{${CLAIM}}`) },
  fc.constantFrom(
    `{${CLAIM},"progressToken":7}`,
    `{${CLAIM},"traceparent":"00-1-2-03"}`,
    `{${CLAIM},"own":1}`,
    `{${CLAIM},"${NAME}logLevel":"info"}`,
    `{${CLAIM},"${NAME}logLevel":"loud"}`,
    `{${CLAIM},"${NAME}protocolVersion":"2099-01-01"}`,
    `{${CLAIM},"${NAME}protocolVersion":"2025-11-25"}`,
    `{${CLAIM},"${NAME}clientCapabilities":{"sampling":{}}}`,
    `{${CLAIM},"${NAME}clientInfo":{"name":"other"}}`,
    `{"${NAME}protocolVersion":"2026-07-28"}`,
    ...['{}', '{"progressToken":7}', '[]', 'null'],
  ),
);

function paramsOf(era: Era): fc.Arbitrary<string> {
  const claims = era === 'modern' ? fc.option(meta, { freq: 12 }) : fc.option(meta, { freq: 1 });
  const members = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .constantFrom(...URIS)
        .chain(spelled)
        .map((uri) => `"uri":${uri}`),
    },
    { weight: 2, arbitrary: fc.constantFrom('', '"cursor":"second"', '"cursor":""') },
    fc.constantFrom(
      ...['"uri":"doc://plain","uri":"doc://empty"', '"uri":"doc://plain","inputResponses":{}'],
      ...['"uri":"doc://plain","requestState":"s"', '"uri":"doc://plain","other":1'],
      ...['"uri":"doc://none"', '"uri":""', '"uri":7', '"uri":null'],
    ),
  );
  return fc.tuple(members, claims).map(([own, claim]) => {
    const parts = [own, claim === null ? '' : `"_meta":${claim}`];
    return `{${parts.filter((part) => part !== '').join(',')}}`;
  });
}

/** Headers in the place of those that the body bears out; `null` = without. */
const mutation = fc.record(
  {
    accept: fc.constantFrom('application/json', '*/*', null),
    'content-type': fc.constantFrom('application/json; charset=utf-8', 'text/plain', null),
    'mcp-protocol-version': fc.constantFrom(
      ...[...SUPPORTED_PROTOCOL_VERSIONS, '2026-07-28', '2099-01-01', '', null],
    ),
    'mcp-method': fc.constantFrom('resources/read', 'tools/list', ' tools/list ', '', null),
    'mcp-name': fc.constantFrom('doc://plain', '=?base64?ZG9jOi8vcGxhaW4=?=', '=?base64?!?=', null),
    'content-encoding': fc.constant('gzip'),
    'transfer-encoding': fc.constant('chunked'),
  },
  { requiredKeys: [] },
);
type Mutation = Readonly<Record<string, string | null>>;

/** As a client of the era would send them with a body. */
function borneOut(era: Era, body: Buffer): Record<string, string> {
  let method = 'resources/read';
  let name: string | undefined;
  try {
    const parsed = JSON.parse(body.toString()) as { method?: unknown; params?: { uri?: unknown } };
    if (typeof parsed.method === 'string') method = parsed.method;
    if (typeof parsed.params?.uri === 'string') name = parsed.params.uri;
  } catch {
    // Not JSON: whatever the headers say.
  }
  const isPlain = name === undefined || /^[!-~]*$/.test(name);
  const encoded = isPlain ? name : `=?base64?${Buffer.from(name ?? '').toString('base64')}?=`;
  return headersOf(era, method, encoded);
}

/** Without what passes. */
function lasting({ headers, body, ...others }: WireResponse): WireResponse {
  const { 'content-length': _, ...told } = headers;
  const unhinted = body
    .replaceAll(/"ttlMs":\d+/g, '"ttlMs":0')
    .replaceAll('"cacheScope":"public"', '"cacheScope":"private"');
  return { ...others, headers: told, body: unhinted };
}

describe('bytes before createMcpHandler', () => {
  watchProcess();

  it.each(ERAS.flatMap((era) => (['node', 'fetch'] as const).map((face) => [era, face] as const)))(
    'answer %s posts as the SDK does, with status and headers, by %s [BYTES-EQUAL-HTTP] [HAZARD-20] [SDK-GENERATIONS]',
    async (era, face) => {
      const made = { bare: 0, cached: 0 };
      const counted = (kind: keyof typeof made) => (): Server => {
        made[kind]++;
        return documents();
      };
      const bare = createMcpHandler(counted('bare'));
      const handler = CachingTransport.handler(createMcpHandler, counted('cached'), {
        partition: () => 'everybody',
      });
      await using plain = await HttpWire.serving(toNodeHandler(bare) as never);
      const answer = face === 'node' ? handler.forNode(toNodeHandler) : toNodeHandler(handler);
      await using cached = await HttpWire.serving(answer as never);
      // In both eras: what one has taught of headers must not pass in the other.
      for (const each of ERAS) {
        const warmUp = [
          ...URIS.map((uri) => bodyOf(each, 0, 'resources/read', { uri })),
          bodyOf(each, 0, 'tools/list'),
          bodyOf(each, 0, 'tools/list', { cursor: 'second' }),
        ];
        for (const body of warmUp) await cached.post(body, borneOut(each, Buffer.from(body)));
      }
      made.cached = 0;
      const plainReads = URIS.map((uri) =>
        Buffer.from(bodyOf(era, 'ä', 'resources/read', { uri })),
      );
      const bodies = fc.oneof(
        fc.constantFrom(...plainReads),
        rawBodies(rawMessages(paramsOf(era))),
      );
      const check = async (body: Buffer, mutated: Mutation | null): Promise<void> => {
        const given = { ...borneOut(era, body), ...mutated };
        const own = 'transfer-encoding' in given ? { ...given, 'content-length': null } : given;
        const [expected, got] = [await plain.post(body, own), await cached.post(body, own)];
        expect(comparable(lasting(got)), idOf(body)).toEqual(comparable(lasting(expected)));
      };
      await fc.assert(fc.asyncProperty(bodies, fc.option(mutation, { freq: 3 }), check), {
        numRuns: 200,
      });
      // For a hit no server is made.
      expect(made.cached).toBeLessThan(0.8 * made.bare);
      await Promise.all([bare.close(), handler.close()]);
    },
    60_000,
  );
});
