import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { Logger } from '../../src/logger.ts';
import type { CacheServerOptions } from '../../src/mcp/cache-server-options.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import type { RequestIdentity } from '../../src/mcp/request-context.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import { deferred } from '../support/deferred.ts';
import { HttpFixture, linkInMemory, USERS, type Peer } from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const DOCS = { public: ['docs://{x}'] };

/** Servers of one origin over one cache: one for each session or, without sessions, each request. */
class CachedFixture {
  readonly origin = new CountedOrigin();
  readonly cache = new ResourceCache();
  readonly options: CacheServerOptions;

  constructor(options: CacheServerOptions = {}) {
    this.options = { cache: this.cache, ...options };
  }

  start(options?: { stateless?: boolean; enableJsonResponse?: boolean }): Promise<HttpFixture> {
    return HttpFixture.serving(() => {
      const server = this.origin.mcpServer();
      cacheServer(server, this.options);
      return Promise.resolve(server);
    }, options);
  }
}

async function texts(peers: readonly Peer[], uri: string): Promise<string[]> {
  const found: string[] = [];
  for (const peer of peers) found.push(await peer.text(uri));
  return found;
}

/** Asks by hand, with an id of its choice. @returns the messages of the answer */
async function post(
  { url }: HttpFixture,
  headers: Readonly<Record<string, string>>,
  messages: object,
): Promise<{ id: unknown; result?: { contents: { text: string }[] }; error?: { code: number } }[]> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify(messages),
  });
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: {'));
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as never);
}

function reading(uri: string, id: unknown): object {
  return { jsonrpc: '2.0', id, method: 'resources/read', params: { uri } };
}

describe('a cached server over Streamable HTTP', () => {
  watchProcess();

  it('keeps an answer for each token, in any session, and never across [CACHE-SERVER-SCOPE] [HAZARD-19]', async () => {
    const fixture = new CachedFixture();
    await using http = await fixture.start();
    const peers = await Promise.all(
      ['token-of-ann', 'token-of-ann', 'token-of-bob'].map((token) => http.connectAs(token)),
    );
    const first = await texts(peers, 'own://x');
    expect(first).toEqual(['1: own://x for ann', '1: own://x for ann', '2: own://x for bob']);
    expect(await texts(peers, 'own://x')).toEqual(first);
    expect([...fixture.cache.keys()].join()).not.toMatch(/token-of|ann|bob/);
  });

  it('takes a refreshed token for another reader, unless partition says who it is [CACHE-SERVER-SCOPE]', async () => {
    const tokens = ['token-of-ann', 'other-token-of-ann', 'token-of-bob'];
    const partition = ({ authInfo }: RequestIdentity): string | undefined =>
      authInfo?.extra?.['user'] as string | undefined;
    for (const [options, calls] of [
      [{}, [1, 2, 3]],
      [{ partition }, [1, 1, 2]],
    ] as const) {
      const fixture = new CachedFixture(options);
      await using http = await fixture.start();
      const ann = await http.connectAs('token-of-ann');
      const [session] = http.sessionIds;
      // The same session goes on with the new token.
      const refreshed = await http.connectAs('other-token-of-ann', session);
      const bob = await http.connectAs('token-of-bob');
      const found = await texts([ann, refreshed, bob], 'own://x');
      expect(found).toEqual(
        calls.map((call, n) => `${call}: own://x for ${USERS[tokens[n] ?? '']}`),
      );
      expect(await texts([ann, refreshed, bob], 'own://x')).toEqual(found);
    }
  });

  it('keeps an answer for each session where there is no token, until the session ends [CACHE-SERVER-SCOPE] [HAZARD-19-SESSION]', async () => {
    const fixture = new CachedFixture(DOCS);
    await using http = await fixture.start();
    const peers = [await http.connect(), await http.connect({ cookie: 'user=ann' })];
    const first = await texts(peers, 'own://x');
    expect(first).toEqual(['1: own://x for nobody', '2: own://x for nobody']);
    expect(await texts(peers, 'own://x')).toEqual(first);
    expect(await texts(peers, 'docs://x')).toEqual([1, 2].map(() => '3: docs://x for nobody'));
    expect(fixture.cache.size).toBe(3);
    const { transport } = peers[0]!.client;
    await (transport as unknown as { terminateSession(): Promise<void> }).terminateSession();
    expect(fixture.cache.size).toBe(2);
    expect(await texts(peers.slice(1), 'own://x')).toEqual(first.slice(1));
  });

  it('stateless and anonymous, keeps only what is public, whatever cookies say [CACHE-SERVER-SCOPE] [CACHE-SERVER-PUBLIC] [HAZARD-19]', async () => {
    const fixture = new CachedFixture(DOCS);
    await using http = await fixture.start({ stateless: true });
    const peers = [
      await http.connect({ cookie: 'user=ann', 'x-user': 'ann', 'mcp-session-id': 's' }),
      await http.connect({ cookie: 'user=bob', 'x-user': 'bob', 'mcp-session-id': 's' }),
    ];
    for (let round = 0; round < 2; round++) await texts(peers, 'own://x');
    for (const { client } of peers) await client.listResourceTemplates();
    expect([fixture.origin.calls, fixture.cache.size]).toEqual([4, 0]);
    for (let round = 0; round < 2; round++) await texts(peers, 'docs://x');
    expect([fixture.origin.calls, fixture.cache.size]).toEqual([5, 1]);
  });

  it('stateless with tokens, each finds its own [CACHE-SERVER-SCOPE] [CACHE-SERVER-SHARED-CACHE]', async () => {
    const fixture = new CachedFixture();
    await using http = await fixture.start({ stateless: true });
    const peers = [await http.connectAs('token-of-ann'), await http.connectAs('token-of-bob')];
    const first = await texts(peers, 'own://x');
    expect(first).toEqual(['1: own://x for ann', '2: own://x for bob']);
    expect(await texts(peers, 'own://x')).toEqual(first);
    expect((await peers[0]!.client.listResourceTemplates()).resourceTemplates).toHaveLength(2);
    expect(fixture.cache.stats()).toMatchObject({ size: 3, hits: 2 });
  });

  it('takes for public only what a template names, not what climbs out of it [CACHE-SERVER-PUBLIC]', async () => {
    const origin = new CountedOrigin();
    const cache = new ResourceCache();
    const servers = [1, 2].map(() => {
      const server = origin.lowLevelServer();
      cacheServer(server, {
        cache,
        public: ['file:///docs/{+x}', 'note://{x}', 'exact://one', 'all://*'],
      });
      return server;
    });
    const [one, two] = await Promise.all(servers.map((server) => linkInMemory(server)));
    for (const uri of [
      'file:///docs/../secret',
      'file:///docs/%2e%2e/secret',
      'file:///docs/..%2fsecret',
      'file:///docs/..%5csecret',
      'file:///docs/..',
      'file:///docs/.\t./secret',
      'file:///docs/%',
      'file:///doc',
      'note://a/b',
    ]) {
      expect(await one?.text(uri), uri).not.toBe(await two?.text(uri));
    }
    for (const uri of ['file:///docs/a..b/c', 'note://1', 'exact://one', 'all://x/y']) {
      expect(await one?.text(uri), uri).toBe(await two?.text(uri));
    }
  });

  it.each([
    ['streams', { enableJsonResponse: false }],
    ['JSON', { enableJsonResponse: true }],
  ])(
    'answers to many interleaved reads never cross, by %s [CACHE-SERVER-SCOPE]',
    async (_, options) => {
      const fixture = new CachedFixture();
      await using http = await fixture.start(options);
      const users = Object.keys(USERS);
      const peers = await Promise.all(users.map((token) => http.connectAs(token)));
      await Promise.all(
        Array.from({ length: 120 }, async (_, n) => {
          const at = n % peers.length;
          const uri = `own://${n % 7}`;
          expect(await peers[at]?.text(uri)).toContain(`: ${uri} for ${USERS[users[at] ?? '']}`);
        }),
      );
      expect(fixture.origin.calls).toBe(21);
    },
  );

  describe('with a transport that two clients share by mistake', () => {
    it('gives each token its own, under equal ids too [CACHE-SERVER-SHARED-TRANSPORT] [HAZARD-19]', async () => {
      const fixture = new CachedFixture(DOCS);
      await using http = await fixture.start();
      const ann = await http.connectAs('token-of-ann');
      const bob = await http.connectAs('token-of-bob', http.sessionIds[0]);
      for (let round = 0; round < 3; round++) {
        expect(await texts([ann, bob], 'own://x')).toEqual([
          '1: own://x for ann',
          '2: own://x for bob',
        ]);
      }
      const asked = Array.from({ length: 30 }, (_, n) => `own://${n % 5}`);
      const answers = await Promise.all(
        asked.map(async (uri, n) => {
          const [peer, user] = n % 2 ? ([ann, 'ann'] as const) : ([bob, 'bob'] as const);
          return [await peer.text(uri), `: ${uri} for ${user}`] as const;
        }),
      );
      for (const [text, expected] of answers) expect(text).toContain(expected);
    });

    it('sends no answer to the wrong one while equal ids are in flight [CACHE-SERVER-SHARED-TRANSPORT] [CACHE-SERVER-IDS]', async () => {
      const fixture = new CachedFixture();
      await using http = await fixture.start();
      await http.connectAs('token-of-ann');
      const [session = ''] = http.sessionIds;
      const headers = (token: string): Record<string, string> => ({
        'mcp-session-id': session,
        authorization: `Bearer ${token}`,
      });
      const gate = deferred<void>();
      fixture.origin.gate = gate.promise;
      const calls = async (count: number): Promise<void> => {
        while (fixture.origin.calls < count) await settled();
      };
      // Its stream stays open: nobody can find it any more, and it must not get what is bob's.
      const lost: unknown[] = [];
      const ann = new AbortController();
      const annAsks = fetch(http.url, {
        method: 'POST',
        signal: ann.signal,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers('token-of-ann'),
        },
        body: JSON.stringify(reading('own://x', 7)),
      })
        .then(async (response) => {
          for await (const chunk of response.body!) lost.push(Buffer.from(chunk).toString());
        })
        .catch(() => {});
      await calls(1);
      const bobAsks = post(http, headers('token-of-bob'), reading('own://x', 7));
      await calls(2);
      gate.resolve();
      expect(await bobAsks).toEqual([
        expect.objectContaining({
          id: 7,
          result: { contents: [{ uri: 'own://x', text: '2: own://x for bob' }] },
        }),
      ]);
      ann.abort();
      await annAsks;
      expect(lost.join('')).not.toContain('data: {');
      expect(fixture.origin.extras.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    });

    it('answers each request of a batch on its own stream [CACHE-SERVER-IDS]', async () => {
      const fixture = new CachedFixture();
      await using http = await fixture.start();
      await http.connectAs('token-of-ann');
      const headers = {
        'mcp-session-id': http.sessionIds[0] ?? '',
        authorization: 'Bearer token-of-ann',
      };
      for (let round = 0; round < 2; round++) {
        const batches = await Promise.all(
          [0, 1].map((at) =>
            post(http, headers, [
              reading('own://x', `${at}x`),
              { jsonrpc: '2.0', id: `${at}p`, method: 'ping' },
              reading('own://y', `${at}y`),
            ]),
          ),
        );
        for (const [at, messages] of batches.entries()) {
          expect(messages.map(({ id }) => String(id)).toSorted()).toEqual([
            `${at}p`,
            `${at}x`,
            `${at}y`,
          ]);
          for (const { id, result } of messages) {
            if (!String(id).endsWith('p')) {
              expect(result?.contents[0]?.text).toContain(`own://${String(id).at(-1)} for ann`);
            }
          }
        }
      }
      expect(fixture.origin.calls).toBe(2);
    });
  });

  describe('with authorize', () => {
    it('refuses what is public and cached to whoever may not read it (server/utilities/caching, Security) [SPEC-MUSTS]', async () => {
      const fixture = new CachedFixture({
        ...DOCS,
        authorize: async ({ authInfo }) => authInfo?.extra?.['user'] === 'ann',
      });
      await using http = await fixture.start();
      const [ann, bob] = [
        await http.connectAs('token-of-ann'),
        await http.connectAs('token-of-bob'),
      ];
      await texts([ann, ann], 'docs://x');
      expect(fixture.origin.calls).toBe(1);
      await expect(bob.text('docs://x')).rejects.toMatchObject({ code: -32_002 });
    });

    it('asks before every answer, and tells whoever may not that there is no such resource [CACHE-SERVER-AUTHORIZE] [HAZARD-19-AUTHORIZE]', async () => {
      const asked: string[] = [];
      const allowed = new Set(['ann', 'bob']);
      const fixture = new CachedFixture({
        ...DOCS,
        authorize: async ({ authInfo }, uri) => {
          const user = String(authInfo?.extra?.['user']);
          asked.push(`${user} ${uri}`);
          await settled();
          return allowed.has(user);
        },
      });
      await using http = await fixture.start();
      const [ann, bob] = [
        await http.connectAs('token-of-ann'),
        await http.connectAs('token-of-bob'),
      ];
      const notFound = (uri: string): object =>
        expect.objectContaining({ code: -32_002, data: { uri } }) as object;
      for (const uri of ['docs://x', 'own://x']) {
        for (let round = 0; round < 2; round++) await texts([ann, bob], uri);
        expect(asked.splice(0)).toEqual(
          Array.from({ length: 4 }, (_, n) => `${n % 2 ? 'bob' : 'ann'} ${uri}`),
        );
      }
      const { calls } = fixture.origin;
      allowed.delete('bob');
      for (const uri of ['docs://x', 'own://x', 'docs://new', 'unknown://x']) {
        await expect(bob.text(uri)).rejects.toEqual(notFound(uri));
        // Nor by a way past the cache.
        await expect(bob.client.readResource({ uri, _meta: { tenant: 'x' } })).rejects.toEqual(
          notFound(uri),
        );
      }
      expect(fixture.origin.calls).toBe(calls);
      await texts([ann], 'docs://x');
      await ann.client.readResource({ uri: 'docs://x', _meta: { tenant: 'x' } });
      expect(fixture.origin.calls).toBe(calls + 1);
      await bob.client.listResourceTemplates();
    });

    it('refuses where it throws, or answers anything but true; where partition throws too [CACHE-SERVER-AUTHORIZE]', async () => {
      const logged: unknown[] = [];
      const log = (message: string, data?: object): void => void logged.push(message, data);
      const logger: Logger = { debug: log, info: log, warn: log, error: log };
      const fail = (): never => {
        throw new Error('secret: the database is down');
      };
      for (const [options, code] of [
        [{ authorize: fail }, -32_603],
        [{ authorize: () => Promise.reject(new Error('secret')) }, -32_603],
        [{ authorize: () => undefined as never }, -32_002],
        [{ authorize: () => 'yes' as never }, -32_002],
        [{ partition: fail }, -32_603],
        [{ partition: () => '' }, -32_603],
        [{ partition: () => 7 as never }, -32_603],
      ] as const) {
        const origin = new CountedOrigin();
        const server = origin.mcpServer();
        cacheServer(server, { ...options, logger });
        const peer = await linkInMemory(server);
        const error = await peer.text('own://x').catch((thrown: Error) => thrown);
        expect(error).toMatchObject({ code });
        expect(String(error)).not.toContain('secret');
        expect(origin.calls).toBe(0);
      }
      expect(JSON.stringify(logged)).toContain('the database is down');
    });
  });
});
