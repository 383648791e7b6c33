import { once } from 'node:events';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type CreateMcpHandlerOptions } from '@modelcontextprotocol/server';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { CachingHandler, CachingHandlerOptions } from '../../src/mcp/caching-handler.ts';
import { CachingTransport } from '../../src/mcp/caching-transport.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { watchProcess } from '../support/process-signals.ts';
import {
  bodyOf,
  Documents,
  type Era,
  ERAS,
  headersOf,
  lasting,
  messageIn,
} from '../support/v2-documents.ts';
import { HttpWire, type WireResponse } from '../support/wire-peers.ts';

type Options = CachingHandlerOptions<CreateMcpHandlerOptions>;
/** By which a request comes to the handler: `forNode`, or a `Request` to its `fetch`. */
const FACES = ['node', 'fetch'] as const;

interface Served {
  readonly documents: Documents;
  readonly handler: CachingHandler;
  readonly wire: HttpWire;
}

async function serve(
  options: Options = {},
  face: (typeof FACES)[number] = 'node',
): Promise<Served> {
  const documents = new Documents();
  const handler = CachingTransport.handler(createMcpHandler, documents.make, options);
  const answer = face === 'node' ? handler.forNode(toNodeHandler) : toNodeHandler(handler);
  const wire = await HttpWire.serving(answer as never);
  onTestFinished(async () => {
    await wire[Symbol.asyncDispose]();
    await handler.close();
  });
  return { documents, handler, wire };
}

/** The same by the SDK alone. */
async function plain(options?: CreateMcpHandlerOptions): Promise<HttpWire> {
  const handler = createMcpHandler(new Documents().make, options);
  const wire = await HttpWire.serving(toNodeHandler(handler) as never);
  onTestFinished(async () => {
    await wire[Symbol.asyncDispose]();
    await handler.close();
  });
  return wire;
}

function read(
  wire: HttpWire,
  era: Era,
  uri: string,
  headers: Readonly<Record<string, string | null>> = {},
): Promise<WireResponse> {
  const own = headersOf(era, 'resources/read', uri);
  return wire.post(bodyOf(era, 7, 'resources/read', { uri }), { ...own, ...headers });
}

function as(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}

function told({ status, headers, body }: WireResponse): unknown {
  const { date: _, 'transfer-encoding': _encoding, 'content-length': _length, ...others } = headers;
  return { status, others, message: lasting(messageIn(body)) };
}

describe.each(ERAS.flatMap((era) => FACES.map((face) => [era, face] as const)))(
  'CachingTransport.handler, %s, by %s',
  (era, face) => {
    watchProcess();

    it('answers a hit before a server is made, as the SDK would [BYTES-STATELESS] [SDK-GENERATIONS]', async () => {
      const { documents, wire } = await serve({ public: ['docs://{+x}'] }, face);
      const bare = await plain();
      const list = (on: HttpWire): Promise<WireResponse> =>
        on.post(bodyOf(era, 'ä', 'tools/list'), { ...headersOf(era, 'tools/list'), ...as('ann') });
      for (let time = 0; time < 2; time++)
        await Promise.all([read(wire, era, 'docs://1'), list(wire)]);
      const { servers, calls } = documents;
      const hits = [await read(wire, era, 'docs://1'), await list(wire)];
      expect([documents.servers, documents.calls]).toEqual([servers, calls]);
      const expected = [await read(bare, era, 'docs://1'), await list(bare)];
      expect(hits.map(told)).toEqual(expected.map(told));
    });

    it('keeps apart who is told apart, and keeps for nobody else but what is public [BYTES-STATELESS] [HAZARD-19] [SCOPE-CONTEXTS]', async () => {
      const { documents, wire } = await serve({ public: ['docs://{+x}'] }, face);
      const texts: unknown[] = [];
      for (const headers of [as('ann'), as('bob'), as('ann'), as('bob'), {}, {}]) {
        const { result } = messageIn((await read(wire, era, 'own://1', headers)).body);
        texts.push((result as { contents: { text: string }[] }).contents[0]?.text[0]);
      }
      expect(texts).toEqual(['1', '2', '1', '2', '3', '4']);
      for (const headers of [as('ann'), as('bob'), {}]) await read(wire, era, 'docs://1', headers);
      expect(documents.calls).toBe(5);
    });

    it('says what remains where the revision asks for it, and nothing where not [HINTS-REMAINING] [HINTS-OLDER] [HAZARD-20]', async () => {
      const clock = new ManualClock();
      using cache = new ResourceCache({ clock, ttlMs: 60_000 });
      const { documents, wire } = await serve({ cache, public: ['docs://{+x}'] }, face);
      await read(wire, era, 'docs://1');
      const hints: unknown[] = [];
      for (let time = 0; time < 2; time++) {
        clock.advance(10_500);
        const { result } = messageIn((await read(wire, era, 'docs://1')).body) as {
          result: object;
        };
        hints.push(['ttlMs', 'cacheScope'].map((name) => Reflect.get(result, name)));
      }
      const modern = [49_500, 39_000].map((left) => [left, 'public']);
      expect(hints).toEqual(era === 'modern' ? modern : modern.map(() => [undefined, undefined]));
      expect(documents.servers).toBe(1);
      clock.advance(60_000);
      await read(wire, era, 'docs://1');
      expect(documents.calls).toBe(2);
    });

    it('has the SDK ask for the scopes that a resource wants [BYTES-RULES]', async () => {
      const { documents, wire } = await serve({ public: ['guarded://{x}'] }, face);
      // Tokens of these sites have no scopes; who has none at all is let pass.
      for (let time = 0; time < 2; time++) {
        expect((await read(wire, era, 'guarded://1')).status).toBe(200);
      }
      expect(documents.servers).toBe(1);
      const refused = await read(wire, era, 'guarded://1', as('ann'));
      expect(refused.status).toBe(403);
      expect(refused.headers['www-authenticate']).toContain('docs:read');
    });

    it('asks authorize before every answer, and serves on without a cache once it is closed [BYTES-RULES]', async () => {
      let isAllowed = true;
      const authorize = (): boolean => isAllowed;
      const guarded = await serve({ public: ['docs://{+x}'], authorize }, face);
      for (let time = 0; time < 2; time++) await read(guarded.wire, era, 'docs://1');
      expect(guarded.documents.calls).toBe(1);
      isAllowed = false;
      expect(messageIn((await read(guarded.wire, era, 'docs://1')).body)).toHaveProperty('error');

      const cache = new ResourceCache();
      const outside = await serve({ cache, public: ['docs://{+x}'] }, face);
      await read(outside.wire, era, 'docs://1');
      cache.close();
      expect((await read(outside.wire, era, 'docs://1')).status).toBe(200);
      expect(outside.documents.calls).toBe(2);
    });

    it('drops what is published before who listens hears of it [BYTES-RULES]', async () => {
      const { documents, handler, wire } = await serve({ public: ['docs://{+x}'] }, face);
      const heard: unknown[] = [];
      handler.bus.subscribe((event) => void heard.push([event, handler.cache.size]));
      await read(wire, era, 'docs://1');
      handler.notify.resourceUpdated('docs://1');
      await read(wire, era, 'docs://1');
      handler.invalidate('docs://1');
      await read(wire, era, 'docs://1');
      expect(documents.calls).toBe(3);
      expect(heard).toEqual(
        [0, 0].map((size) => [{ kind: 'resource_updated', uri: 'docs://1' }, size]),
      );
    });

    it('gives long answers whole, and bodies beyond its own bound to the SDK whole [BYTES-HIT] [BYTES-LIMIT]', async () => {
      const { documents, wire } = await serve({ public: ['docs://{+x}'] }, face);
      documents.text = `"ä${'x'.repeat(200_000)}`;
      const uri = 'docs://1';
      const bodies = [1, 2, 3].map(async () => messageIn((await read(wire, era, uri)).body));
      expect(
        new Set((await Promise.all(bodies)).map((each) => JSON.stringify(lasting(each)))).size,
      ).toBe(1);
      const long = `docs://${'y'.repeat(100_000)}`;
      // Beyond what a header may have; by its length alone it is none of ours.
      const { status, body } = await wire.post(
        bodyOf('legacy', 8, 'resources/read', { uri: long }),
        headersOf('legacy', 'resources/read'),
      );
      expect(status).toBe(200);
      expect(messageIn(body)).toMatchObject({ id: 8, result: { contents: [{ uri: long }] } });
      const chunked = { 'content-length': null, 'transfer-encoding': 'chunked' };
      for (let time = 0; time < 2; time++) {
        expect((await read(wire, era, uri, chunked)).status).toBe(200);
      }
    });

    it('refuses a body beyond the limit as the SDK does [BYTES-LIMIT]', async () => {
      const { documents, wire } = await serve(
        { public: ['docs://{+x}'], handler: { maxRequestBodySize: 320 } },
        face,
      );
      const uri = `docs://${'x'.repeat(300)}`;
      for (let time = 0; time < 2; time++) {
        expect((await read(wire, era, 'docs://1')).status).toBe(200);
        expect((await read(wire, era, uri)).status).toBe(413);
      }
      expect(documents.servers).toBe(1);
    });
  },
);

describe('CachingTransport.handler', () => {
  watchProcess();

  it.each(FACES)(
    'leaves to the SDK what its headers do not bear out, by %s [BYTES-RULES] [HAZARD-20]',
    async (face) => {
      const { wire } = await serve({ public: ['docs://{+x}'] }, face);
      const bare = await plain();
      const uri = 'docs://1';
      const mutations = [
        ...[{ 'mcp-method': null }, { 'mcp-method': 'tools/list' }, { 'mcp-name': null }],
        ...[{ 'mcp-name': 'docs://2' }, { 'mcp-name': '=?base64?ZG9jczovLzE=?=' }],
        ...[{ 'mcp-protocol-version': null }, { 'mcp-protocol-version': '2025-11-25' }],
        ...[{ 'content-type': 'text/plain' }, { accept: 'text/html' }, {}],
      ];
      for (let time = 0; time < 2; time++) await read(wire, 'modern', uri);
      for (const each of mutations) {
        const [got, expected] = [
          await read(wire, 'modern', uri, each),
          await read(bare, 'modern', uri, each),
        ];
        const numberless = (response: WireResponse): string =>
          JSON.stringify(told(response)).replaceAll(/\d+: ä/g, 'ä');
        expect(numberless(got), JSON.stringify(each)).toBe(numberless(expected));
      }
      // What one era has taught of a version does not pass in the other.
      await read(wire, 'legacy', uri);
      const modernOnly = { 'mcp-protocol-version': '2026-07-28' };
      expect(told(await read(wire, 'legacy', uri, modernOnly))).toEqual(
        told(await read(bare, 'legacy', uri, modernOnly)),
      );
      const claimed = bodyOf('modern', 7, 'resources/read', { uri }).replace(
        '2026-07-28',
        '2099-01-01',
      );
      const headers = {
        ...headersOf('modern', 'resources/read', uri),
        'mcp-protocol-version': '2099-01-01',
      };
      for (let time = 0; time < 2; time++) {
        expect((await wire.post(claimed, headers)).status).toBe(400);
      }
    },
  );

  it('answers as its options have the SDK answer [BYTES-EQUAL-HTTP]', async () => {
    const options = { legacy: 'reject', responseMode: 'sse' } as const;
    const { documents, wire } = await serve({ public: ['docs://{+x}'], handler: options });
    const bare = await plain(options);
    await read(wire, 'modern', 'docs://1');
    const hit = await read(wire, 'modern', 'docs://1');
    expect(documents.servers).toBe(1);
    expect(hit.headers['content-type']).toBe('text/event-stream');
    expect(told(hit)).toEqual(told(await read(bare, 'modern', 'docs://1')));
    for (let time = 0; time < 2; time++) {
      expect(told(await read(wire, 'legacy', 'docs://1'))).toEqual(
        told(await read(bare, 'legacy', 'docs://1')),
      );
    }
  });

  it('takes a body that middleware has parsed, by either way [BYTES-HIT]', async () => {
    const { documents, handler } = await serve({ public: ['docs://{+x}'] });
    const method = 'resources/read';
    const parsed: unknown = JSON.parse(bodyOf('modern', 7, method, { uri: 'docs://1' }));
    const answer = handler.forNode(toNodeHandler);
    await using wire = await HttpWire.serving(async (request, response) => {
      request.resume();
      await once(request, 'end');
      await answer(request, response, parsed);
    });
    const headers = { ...headersOf('modern', method, 'docs://1'), 'content-length': '0' };
    for (let time = 0; time < 2; time++) expect((await wire.post('', headers)).status).toBe(200);
    const request = new Request('http://localhost/mcp', {
      method: 'POST',
      headers: {
        ...headersOf('modern', method, 'docs://1'),
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
    });
    const response = await handler.fetch(request, { parsedBody: parsed });
    expect(response.status).toBe(200);
    expect([documents.servers, documents.calls]).toEqual([1, 1]);
    // The third argument of Express is its next().
    await using express = await HttpWire.serving((each, out) => answer(each, out, () => undefined));
    await read(express, 'modern', 'docs://1');
    expect(documents.servers).toBe(1);
  });

  it('hands on a body that fails, or is none, as if nobody had read it [BYTES-LIMIT]', async () => {
    const { handler } = await serve({ public: ['docs://{+x}'] });
    const bare = createMcpHandler(new Documents().make);
    const post = (body: ReadableStream | string | null): Request =>
      new Request('http://localhost/mcp', {
        method: 'POST',
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
        },
        body,
        ...(body !== null && { duplex: 'half' }),
      });
    const cut = (): ReadableStream =>
      new ReadableStream({
        start: (controller) => controller.enqueue(Buffer.from('{"jsonrpc"')),
        pull: (controller) => controller.error(new Error('cut')),
      });
    const large = bodyOf('legacy', 9, 'resources/read', { uri: `docs://${'z'.repeat(80_000)}` });
    for (const make of [() => cut(), () => '{"jsonrpc"', () => '', () => null, () => '\uFEFF7']) {
      const [got, expected] = [await handler.fetch(post(make())), await bare.fetch(post(make()))];
      expect([got.status, await got.text()]).toEqual([expected.status, await expected.text()]);
    }
    const { id, result } = messageIn(await (await handler.fetch(post(large))).text());
    expect([id, typeof result]).toEqual([9, 'object']);
    const withdrawn = new AbortController();
    withdrawn.abort();
    const gone = new Request(post(bodyOf('modern', 1, 'tools/list')), { signal: withdrawn.signal });
    expect((await handler.fetch(gone)).ok).toBe(false);
    await bare.close();
  });

  it("serves the SDK's own client on either revision [BYTES-STATELESS] [SDK-GENERATIONS]", async () => {
    const { documents, wire } = await serve({ public: ['docs://{+x}'] });
    for (const mode of ['auto', 'legacy'] as const) {
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
      const url = new URL(`http://127.0.0.1:${wire.port}/`);
      await client.connect(new StreamableHTTPClientTransport(url));
      const { calls } = documents;
      for (let time = 0; time < 3; time++) {
        const { contents } = await client.readResource({ uri: 'docs://1' });
        expect(contents).toMatchObject([{ uri: 'docs://1', text: expect.stringContaining('ä') }]);
      }
      expect(documents.calls).toBe(calls + 1);
      await client.close();
    }
  });

  it('ends as the SDK does, and leaves a cache from outside open [BYTES-STATELESS]', async () => {
    using cache = new ResourceCache();
    const documents = new Documents();
    const handler = CachingTransport.handler(createMcpHandler, documents.make, { cache });
    await handler.close();
    const request = new Request('http://localhost/', { method: 'POST', body: '{}' });
    await expect(handler.fetch(request)).rejects.toThrow('closed');
    expect(cache.size).toBe(0);
    const own = CachingTransport.handler(createMcpHandler, documents.make);
    expect(own.stats()).toMatchObject({ hits: 0 });
    await own[Symbol.asyncDispose]();
    await granaryFailure(() => own.stats(), 'ERR_GRANARY_CLOSED');
  });

  it('refuses bad options by name [BYTES-OPTIONS]', async () => {
    const refused = async (make: () => unknown, option: string): Promise<void> => {
      const { data } = await granaryFailure(make, 'ERR_GRANARY_BAD_OPTION');
      expect(data['option']).toBe(option);
    };
    const { make } = new Documents();
    await refused(() => CachingTransport.handler(7 as never, make), 'createMcpHandler');
    await refused(() => CachingTransport.handler(createMcpHandler, 7 as never), 'makeServer');
    const wrong = { ttlMs: -1, handler: {} };
    await refused(() => CachingTransport.handler(createMcpHandler, make, wrong), 'ttlMs');
    await refused(
      () => CachingTransport.handler(createMcpHandler, make, { handler: 7 as never }),
      'handler',
    );
    const { handler } = await serve();
    await refused(() => handler.forNode(7 as never), 'toNodeHandler');
    await granaryFailure(() => handler.invalidate(''), 'ERR_GRANARY_BAD_URI');
  });
});
