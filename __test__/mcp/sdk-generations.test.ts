import { McpServer } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { CacheServerOptions } from '../../src/mcp/cache-server-options.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { deferred } from '../support/deferred.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { SdkOrigin } from '../support/sdk-origin.ts';
import {
  HTTP,
  type Setting,
  SETTINGS,
  Site,
  STATELESS,
  STDIO,
  textIn,
  type Wire,
  type WireMessage,
} from '../support/sdk-wires.ts';

const TTL_MS = 60_000;
/** Without sessions and tokens nothing tells users apart: they share what is named here. */
const EVERYBODY = { partition: () => 'everybody' };

/** Servers of one setting, all of one cache. */
class Fixture {
  readonly clock = new ManualClock();
  readonly cache = new ResourceCache({ clock: this.clock, ttlMs: TTL_MS });
  readonly origin: SdkOrigin;
  readonly site: Site;

  constructor(
    setting: Setting,
    options: CacheServerOptions = {},
    hints?: ConstructorParameters<typeof SdkOrigin>[1],
  ) {
    this.origin = new SdkOrigin(setting, hints);
    this.site = new Site(setting, () => {
      const server = this.origin.server();
      cacheServer(server, { cache: this.cache, ...options });
      return server;
    });
  }
}

async function read(wire: Wire, uri: string): Promise<unknown> {
  return textIn(await wire.ask('resources/read', { uri }));
}

const LISTS = ['resources/list', 'resources/templates/list', 'tools/list', 'prompts/list'] as const;

describe.each(SETTINGS)('cacheServer on $name', (setting) => {
  watchProcess();

  it('answers reads and lists a second time as the first, without the server [SDK-GENERATIONS]', async () => {
    const { cache, origin, site } = new Fixture(setting, EVERYBODY);
    const wire = await site.connect();
    for (const method of LISTS) {
      const first = await wire.ask(method);
      expect(first.error, method).toBeUndefined();
      const { hits } = cache.stats();
      const second = await wire.ask(method);
      expect(second.result, method).toEqual(first.result);
      expect(cache.stats().hits, method).toBe(hits + 1);
    }
    const first = await wire.ask('resources/read', { uri: 'own://x' });
    expect((await wire.ask('resources/read', { uri: 'own://x' })).result).toEqual(first.result);
    expect(textIn(first)).toBe('1: own://x for nobody');
    expect(origin.calls).toBe(1);
  });

  it('calls the handler once however many ask [SDK-GENERATIONS]', async () => {
    const { origin, site } = new Fixture(setting, EVERYBODY);
    const wire = await site.connect();
    const gate = deferred<void>();
    origin.gate = gate.promise;
    const reads = Array.from({ length: 5 }, () => read(wire, 'own://x'));
    for (let n = 0; n < 5; n++) await settled();
    gate.resolve();
    expect(new Set(await Promise.all(reads))).toEqual(new Set(['1: own://x for nobody']));
    expect(origin.calls).toBe(1);
  });

  it('has answers of no other revision, and no field that a revision does not know [HINTS-OLDER]', async () => {
    const { site, cache } = new Fixture(setting, { ...EVERYBODY, public: ['docs://{x}'] });
    const wire = await site.connect();
    const isHinted = setting.revision === '2026-07-28';
    for (let n = 0; n < 2; n++) {
      for (const [method, params] of [
        ['resources/read', { uri: 'own://x' }],
        ['resources/read', { uri: 'docs://x' }],
        ...LISTS.map((list) => [list, undefined] as const),
      ] as const) {
        const { result = {} } = await wire.ask(method, params);
        for (const field of ['ttlMs', 'cacheScope', 'resultType'] as const) {
          expect(field in result, `${method}: ${field}`).toBe(isHinted);
        }
      }
    }
    expect(cache.stats().hits).toBe(6);
  });

  it('lets a notification win over the read that is under way [SCOPE-RACE]', async () => {
    const { origin, site } = new Fixture(setting, EVERYBODY);
    const wire = await site.connect();
    const gate = deferred<void>();
    origin.gate = gate.promise;
    const overtaken = wire.ask('resources/read', { uri: 'own://x' });
    while (origin.calls === 0) await settled();
    await origin.servers.at(-1)!.server.sendResourceUpdated({ uri: 'own://x' });
    gate.resolve();
    const { result } = await overtaken;
    if (setting.revision === '2026-07-28') expect(result).toMatchObject({ ttlMs: 0 });
    expect(await read(wire, 'own://x')).toBe('2: own://x for nobody');
    expect(await read(wire, 'own://x')).toBe('2: own://x for nobody');
  });

  it('caches calls of tools that are named, and of those only what may be [TOOLS-NAMED]', async () => {
    const tools = { look: {}, 'read-only': {}, change: { force: true, ttlMs: 5 } };
    const { clock, site } = new Fixture(setting, { ...EVERYBODY, tools });
    const wire = await site.connect();
    const call = async (name: string, args: object = {}): Promise<string> => {
      const { result = {} } = await wire.ask('tools/call', {
        name,
        arguments: { of: 'x', ...args },
      });
      const [part] = result['content'] as { text: string }[];
      expect(Object.keys(result)).not.toContain('ttlMs');
      return part!.text;
    };
    // Equal arguments are equal in any order.
    expect(await call('look', { a: 1, b: 2 })).toBe('1: look x for nobody');
    expect(await call('look', { b: 2, a: 1 })).toBe('1: look x for nobody');
    expect(await call('look', { a: 1, b: 3 })).toBe('2: look x for nobody');
    expect(await call('read-only')).toBe('3: read-only x for nobody');
    expect(await call('read-only')).toBe('4: read-only x for nobody');
    expect(await call('change')).toBe('5: change x for nobody');
    expect(await call('change')).toBe('5: change x for nobody');
    clock.advance(6);
    expect(await call('change')).toBe('6: change x for nobody');
    expect(await call('look', { fails: true })).toBe('7: look x for nobody');
    expect(await call('look', { fails: true })).toBe('8: look x for nobody');
  });

  it('caches no call of a tool that is not named [TOOLS-NAMED]', async () => {
    const { cache, site } = new Fixture(setting, EVERYBODY);
    const wire = await site.connect();
    for (let n = 0; n < 2; n++) {
      await wire.ask('tools/call', { name: 'look', arguments: { of: 'x' } });
    }
    expect(cache.stats()).toMatchObject({ hits: 0, loads: 0 });
  });

  it('keeps no answer to a request that brings input [HINTS-NEVER]', async () => {
    const { site, origin } = new Fixture(setting, EVERYBODY);
    const wire = await site.connect();
    for (const more of [{ inputResponses: {} }, { requestState: 'state' }]) {
      for (let n = 0; n < 2; n++) await wire.ask('resources/read', { uri: 'own://x', ...more });
    }
    expect(origin.calls).toBe(4);
  });

  it('keeps no error [HINTS-NEVER]', async () => {
    const { site, cache } = new Fixture(setting, EVERYBODY);
    const wire = await site.connect();
    for (let n = 0; n < 2; n++) {
      const { error } = await wire.ask('resources/read', { uri: 'nothing://here' });
      expect(error?.code).toBe(-32_602);
    }
    expect(cache.size).toBe(0);
  });

  it('tells who may not read what the server would of what is not there [SDK-GENERATIONS]', async () => {
    const authorize = (_: unknown, uri: string): boolean => uri !== 'own://hidden';
    const { site, origin } = new Fixture(setting, { ...EVERYBODY, authorize });
    const wire = await site.connect();
    const { error } = await wire.ask('resources/read', { uri: 'own://hidden' });
    expect(error?.code).toBe(setting.generation === 1 ? -32_002 : -32_602);
    expect(origin.calls).toBe(0);
  });
});

describe.each(STDIO)('one connection, on $name', (setting) => {
  it('is told of what it subscribed to, after what was kept is gone [SDK-GENERATIONS]', async () => {
    const { origin, site } = new Fixture(setting);
    const wire = await site.connect();
    // An McpServer answers no resources/subscribe: what it sends reaches everybody.
    if (setting.revision === '2026-07-28') await wire.subscribe(['own://x']);
    expect(await read(wire, 'own://x')).toBe('1: own://x for nobody');
    await origin.servers.at(-1)!.server.sendResourceUpdated({ uri: 'own://x' });
    await settled();
    expect(wire.told.at(-1)).toMatchObject({
      method: 'notifications/resources/updated',
      params: { uri: 'own://x' },
    });
    expect(await read(wire, 'own://x')).toBe('2: own://x for nobody');
    origin.servers.at(-1)!.sendToolListChanged();
    await settled();
    expect(wire.told.at(-1)?.method).toBe('notifications/tools/list_changed');
  });

  it('finds nothing of another connection [SCOPE-CONTEXTS]', async () => {
    const { site } = new Fixture(setting);
    const [one, two] = [await site.connect(), await site.connect()];
    expect(await read(one, 'own://x')).toBe('1: own://x for nobody');
    expect(await read(two, 'own://x')).toBe('2: own://x for nobody');
    expect(await read(one, 'own://x')).toBe('1: own://x for nobody');
  });
});

describe.each(HTTP)('authorization contexts, on $name', (setting) => {
  watchProcess();

  it('do not cross: two users, two roles, a refreshed token, and nobody [SCOPE-CONTEXTS]', async () => {
    const { cache, origin, site } = new Fixture(setting);
    const tokens = ['ann#secret', 'ann:admin#secret', 'ann:admin#fresh-secret', 'bob#secret'];
    const wires: Wire[] = [];
    for (const token of [...tokens, undefined]) {
      wires.push(await site.connect(token === undefined ? {} : { token }));
    }
    const texts = async (): Promise<unknown[]> => {
      const found: unknown[] = [];
      for (const wire of wires) found.push(await read(wire, 'own://x'));
      return found;
    };
    const first = await texts();
    expect(first).toEqual([
      '1: own://x for ann',
      '2: own://x for ann:admin',
      '3: own://x for ann:admin',
      '4: own://x for bob',
      '5: own://x for nobody',
    ]);
    // Without a session nothing tells those without a token apart, so nothing is kept for them.
    const last = setting.transport === 'sessions' ? 5 : 6;
    expect(await texts()).toEqual([...first.slice(0, 4), `${last}: own://x for nobody`]);
    expect(origin.calls).toBe(last);
    const lists = await Promise.all(wires.map((wire) => wire.ask('tools/list')));
    expect(lists.every(({ error }) => error === undefined)).toBe(true);
    // All that a dump carries, in keys, values and tags.
    const dumped = new ResourceCache({ clock: new ManualClock() });
    await dumped.restore(cache.dump());
    const kept = [...dumped.entries()].map(([key, value]) => [key, value, dumped.info(key)?.tags]);
    expect(kept.length).toBeGreaterThanOrEqual(2 * tokens.length);
    expect(JSON.stringify(kept)).not.toContain('secret');
  });

  it('share a principal that partition names, as a refreshed token does [SCOPE-CONTEXTS]', async () => {
    const partition: CacheServerOptions['partition'] = ({ authInfo }) =>
      authInfo?.extra?.['user'] as string | undefined;
    const { site } = new Fixture(setting, { partition });
    const tokens = ['ann', 'ann#2', 'bob'];
    const found: unknown[] = [];
    for (const token of tokens) {
      found.push(await read(await site.connect({ token }), 'own://x'));
    }
    expect(found).toEqual(['1: own://x for ann', '1: own://x for ann', '2: own://x for bob']);
  });

  it('share what is public, each authorized by itself [SCOPE-CONTEXTS]', async () => {
    const authorize: CacheServerOptions['authorize'] = ({ authInfo }) =>
      authInfo?.extra?.['user'] !== 'bob';
    const { site } = new Fixture(setting, { public: ['docs://{x}'], authorize });
    const ann = await site.connect({ token: 'ann' });
    const bob = await site.connect({ token: 'bob' });
    const nobody = await site.connect();
    expect(await read(ann, 'docs://x')).toBe('1: docs://x for ann');
    expect((await bob.ask('resources/read', { uri: 'docs://x' })).error).toBeDefined();
    expect(await read(nobody, 'docs://x')).toBe('1: docs://x for ann');
  });
});

describe.each(SETTINGS)('a handler that notifies, on $name', (setting) => {
  it('drops what it names [SDK-GENERATIONS]', async () => {
    const { cache, origin } = new Fixture(setting);
    const site = new Site(setting, () => {
      const server = origin.server();
      cacheServer(server, { cache, ...EVERYBODY });
      type Notify = (sent: object) => Promise<void>;
      const { registerTool } = server as unknown as {
        registerTool(name: string, config: object, run: (context: object) => object): void;
      };
      registerTool.call(server, 'write', {}, async (context) => {
        const { sendNotification, mcpReq } = context as {
          readonly sendNotification?: Notify;
          readonly mcpReq?: { notify: Notify };
        };
        const params = { uri: 'own://x' };
        const notify = sendNotification ?? mcpReq?.notify.bind(mcpReq);
        await notify?.({ method: 'notifications/resources/updated', params });
        return { content: [] };
      });
      return server;
    });
    const wire = await site.connect();
    expect(await read(wire, 'own://x')).toBe('1: own://x for nobody');
    await wire.ask('tools/call', { name: 'write' });
    expect(await read(wire, 'own://x')).toBe('2: own://x for nobody');
  });
});

describe.each(STDIO)('what is no request, on $name', (setting) => {
  it('is answered by the SDK as without a cache, and the connection goes on [SDK-GENERATIONS]', async () => {
    const { origin, site } = new Fixture(setting, { tools: { look: {} } });
    const bare = new Site(setting, () => origin.server());
    const told: unknown[] = [];
    for (const wire of [await bare.connect(), await site.connect()]) {
      await read(wire, 'own://x');
      for (const params of [null, 7, [], { _meta: null }, { _meta: [] }, { name: 7 }]) {
        for (const method of ['resources/read', 'tools/call', 'tools/list']) {
          wire.send({ jsonrpc: '2.0', id: 'odd', method, params });
          await settled();
        }
      }
      expect(await read(wire, 'own://x')).toMatch(/own:\/\/x for nobody$/);
      told.push(wire.told);
    }
    expect(origin.calls).toBe(3);
    expect(told[1]).toEqual(told[0]);
    expect(told[0]).not.toEqual([]);
  });
});

describe('a server for each request', () => {
  const setting = STATELESS.find(({ transport }) => transport === 'requests')!;

  function post(site: Site, method: string, signal?: AbortSignal): Promise<Response> {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    return site.handler!.fetch(
      new Request('http://127.0.0.1/mcp', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': method,
          'mcp-name': 'own://x',
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method,
          params: { ...(method.endsWith('read') && { uri: 'own://x' }), _meta: meta },
        }),
        ...(signal !== undefined && { signal }),
      }),
    );
  }

  it('refuses what it has no handler for by the status that the SDK has for it [SDK-GENERATIONS]', async () => {
    const bare = new Site(setting, () => {
      const server = new McpServer({ name: 'bare', version: '1.0.0' });
      cacheServer(server, { cache: new ResourceCache(), ...EVERYBODY });
      return server;
    });
    const response = await post(bare, 'prompts/list');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: -32_601 } });
  });

  it('answers others where the client that made a handler be called is gone [SDK-GENERATIONS]', async () => {
    const { origin, site } = new Fixture(setting, EVERYBODY);
    const gate = deferred<void>();
    origin.gate = gate.promise;
    const leaving = new AbortController();
    const left = post(site, 'resources/read', leaving.signal);
    while (origin.calls === 0) await settled();
    const stays = post(site, 'resources/read');
    for (let n = 0; n < 20; n++) await settled();
    expect(origin.calls).toBe(1);
    leaving.abort();
    expect((await left).status).toBe(499);
    gate.resolve();
    const answer = (await (await stays).json()) as WireMessage;
    expect(textIn(answer)).toBe('2: own://x for nobody');
  });

  it('tells authorize and partition of headers, URL and user [SDK-GENERATIONS]', async () => {
    const seen: unknown[] = [];
    const { site } = new Fixture(setting, {
      authorize: ({ authInfo, requestInfo, sessionId, signal }) => {
        seen.push(authInfo?.clientId, requestInfo?.headers['mcp-method'], requestInfo?.url?.href);
        seen.push(sessionId, signal.aborted);
        return true;
      },
    });
    const wire = await site.connect({ token: 'ann' });
    await read(wire, 'own://x');
    expect(seen).toEqual(['wire', 'resources/read', 'http://127.0.0.1/mcp', undefined, false]);
  });
});

describe('a connection that two clients share', () => {
  it('is of neither, where each request says whose it is [SCOPE-CONTEXTS]', async () => {
    const setting = STATELESS.find(({ transport }) => transport === 'stdio')!;
    const { origin, site } = new Fixture(setting);
    const wire = await site.connect();
    const as = (name: string): Promise<WireMessage> =>
      wire.ask(
        'resources/read',
        { uri: 'own://x' },
        { 'io.modelcontextprotocol/clientInfo': { name, version: '1.0.0' } },
      );
    expect(textIn(await as('one'))).toBe('1: own://x for nobody');
    expect(textIn(await as('one'))).toBe('1: own://x for nobody');
    expect(textIn(await as('two'))).toBe('2: own://x for nobody');
    expect(textIn(await as('one'))).toBe('3: own://x for nobody');
    expect(origin.calls).toBe(3);
  });
});

type Handler = (request: { readonly params?: { readonly cursor?: string } }) => object;

describe.each(STATELESS)('hints on $name', (setting) => {
  /** A server that answers one method by a handler of the test's own. */
  async function connectAnswering(
    method: string,
    handler: Handler,
    cache = new ResourceCache(),
  ): Promise<Wire> {
    const origin = new SdkOrigin(setting);
    const site = new Site(setting, () => {
      const server = origin.server();
      cacheServer(server, { cache, ...EVERYBODY });
      // The two SDKs type what a method is in ways that have no common form.
      const { setRequestHandler } = server.server as unknown as {
        setRequestHandler(method: string, handler: Handler): void;
      };
      setRequestHandler.call(server.server, method, handler);
      return server;
    });
    return site.connect();
  }

  const hintsOf = ({ result = {} }: WireMessage): unknown[] => [
    result['ttlMs'],
    result['cacheScope'],
  ];

  it('are what remains of the time to live, for private and public reads and lists [HINTS-REMAINING]', async () => {
    const { clock, site } = new Fixture(setting, { ...EVERYBODY, public: ['docs://{x}'] });
    const wire = await site.connect();
    const all = (): Promise<WireMessage[]> =>
      Promise.all([
        wire.ask('resources/read', { uri: 'own://x' }),
        wire.ask('resources/read', { uri: 'docs://x' }),
        ...LISTS.map((method) => wire.ask(method)),
      ]);
    const scopes = ['private', 'public', 'private', 'private', 'private', 'private'];
    for (const [passed, left] of [
      [0, TTL_MS],
      [12_345.6, 47_654],
      [47_654.4, 0],
      [1, TTL_MS],
    ] as const) {
      clock.advance(passed);
      expect((await all()).map(hintsOf)).toEqual(scopes.map((scope) => [left, scope]));
    }
  });

  it('are for a day of what lives until it is dropped, and private where not all may read [HINTS-REMAINING]', async () => {
    const { site } = new Fixture(setting, {
      ...EVERYBODY,
      ttlMs: 0,
      public: ['docs://{x}'],
      authorize: () => true,
    });
    const wire = await site.connect();
    for (let n = 0; n < 2; n++) {
      const answer = await wire.ask('resources/read', { uri: 'docs://x' });
      expect(hintsOf(answer)).toEqual([86_400_000, 'private']);
    }
  });

  it('of the server bound what is kept, and are passed on [HINTS-BOUND]', async () => {
    const { clock, origin, site } = new Fixture(setting, EVERYBODY, {
      'resources/read': { ttlMs: 1_000, cacheScope: 'public' },
      'tools/list': { ttlMs: 2 * TTL_MS },
      'prompts/list': { ttlMs: 0, cacheScope: 'public' },
    });
    const wire = await site.connect();
    const readHints = async (): Promise<unknown[]> =>
      hintsOf(await wire.ask('resources/read', { uri: 'own://x' }));
    expect(await readHints()).toEqual([1_000, 'public']);
    clock.advance(400);
    expect(await readHints()).toEqual([600, 'public']);
    expect(origin.calls).toBe(1);
    clock.advance(601);
    expect(await readHints()).toEqual([1_000, 'public']);
    expect(origin.calls).toBe(2);
    expect(hintsOf(await wire.ask('tools/list'))).toEqual([TTL_MS, 'private']);
    for (let n = 0; n < 2; n++) {
      expect(hintsOf(await wire.ask('prompts/list'))).toEqual([0, 'public']);
    }
  });

  it('of a handler that says 0 itself keep its result out [HINTS-BOUND]', async () => {
    let calls = 0;
    const wire = await connectAnswering('resources/read', () => ({
      contents: [{ uri: 'own://x', text: `call ${++calls}` }],
      ttlMs: 0,
    }));
    for (const expected of ['call 1', 'call 2']) {
      const answer = await wire.ask('resources/read', { uri: 'own://x' });
      expect([textIn(answer), ...hintsOf(answer)]).toEqual([expected, 0, 'private']);
    }
  });

  /** A list of three pages; of each page, asked for twice, its hints' scope. */
  async function pageScopes(hints: object, cache?: ResourceCache): Promise<Set<unknown>[]> {
    const answer: Handler = ({ params }) => {
      const page = Number(params?.cursor ?? 0);
      const resources = [{ uri: `own://${page}`, name: `page ${page}` }];
      return { resources, ...hints, ...(page < 2 && { nextCursor: String(page + 1) }) };
    };
    const wire = await connectAnswering('resources/list', answer, cache);
    const scopes: Set<unknown>[] = [];
    let params: Record<string, unknown> | undefined;
    for (;;) {
      const answers = [
        await wire.ask('resources/list', params),
        await wire.ask('resources/list', params),
      ];
      scopes.push(new Set(answers.map(({ result }) => result?.['cacheScope'])));
      const cursor = answers[0]!.result?.['nextCursor'];
      if (cursor === undefined) return scopes;
      params = { cursor };
    }
  }

  it('have one scope on all pages of a list that its server calls public, kept or not [HINTS-BOUND] [SPEC-MUSTS]', async () => {
    for (const cache of [new ResourceCache(), new ResourceCache({ maxBytes: 1 })]) {
      const scopes = await pageScopes({ ttlMs: 1_000, cacheScope: 'public' }, cache);
      expect(scopes).toEqual([1, 2, 3].map(() => new Set(['public'])));
    }
  });

  it('are private after a private page, first and from the cache [HINTS-BOUND] [SPEC-MUSTS]', async () => {
    for (const hints of [{}, { ttlMs: 1_000 }, { ttlMs: 1_000, cacheScope: 'private' }]) {
      const scopes = await pageScopes(hints);
      expect(scopes, JSON.stringify(hints)).toEqual([1, 2, 3].map(() => new Set(['private'])));
    }
  });

  it('are there where nothing is kept, and of server/discover [HINTS-REMAINING]', async () => {
    const { site } = new Fixture(setting, {
      ...EVERYBODY,
      cache: new ResourceCache({ maxBytes: 1 }),
    });
    const wire = await site.connect();
    for (const [method, params] of [
      ['server/discover', undefined],
      ['tools/list', undefined],
      ['resources/read', { uri: 'own://x' }],
    ] as const) {
      expect(hintsOf(await wire.ask(method, params)), method).toEqual([0, 'private']);
    }
  });

  it('are for requests whose envelope the SDK takes, whatever it traces or logs [SDK-GENERATIONS]', async () => {
    const { cache, site } = new Fixture(setting, EVERYBODY);
    const wire = await site.connect();
    const uri = { uri: 'own://x' };
    await wire.ask('resources/read', uri);
    const { hits } = cache.stats();
    const traced = { traceparent: '00-1-2-01', 'io.modelcontextprotocol/logLevel': 'debug' };
    expect((await wire.ask('resources/read', uri, traced)).error).toBeUndefined();
    expect(cache.stats().hits).toBe(hits + 1);
    for (const bad of [
      { 'io.modelcontextprotocol/clientCapabilities': [] },
      { 'io.modelcontextprotocol/clientCapabilities': { roots: 7 } },
      { 'io.modelcontextprotocol/clientInfo': { name: 7 } },
      { 'io.modelcontextprotocol/logLevel': 'loud' },
    ]) {
      expect((await wire.ask('resources/read', uri, bad)).error?.code).toBe(-32_602);
    }
    await wire.ask('resources/read', uri, { baggage: 'tenant=1' });
    expect(cache.stats().hits).toBe(hits + 1);
  });
});
