import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import {
  ElicitRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  ResultSchema,
  type JSONRPCMessage,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import { deferred } from '../support/deferred.ts';
import {
  linkInMemory,
  newLowLevelServer,
  Peer,
  type LowLevelServer,
} from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { RawPeer } from '../support/raw-peer.ts';

const READS = { capabilities: { resources: {}, tools: {} } };

/** As the wire has it, also what the client's types would refuse. */
function rawRead(peer: Peer, uri: string): Promise<unknown> {
  return peer.client
    .request({ method: 'resources/read', params: { uri } }, ResultSchema)
    .catch((error: unknown) => error);
}

describe('what a cached server answers to one', () => {
  watchProcess();

  it.each(['error', 'requestState'])(
    'alone is not told to others who wait for a public read: %s [CACHE-SERVER-SHARED-ANSWER] [CACHE-SERVER-ERRORS]',
    async (kind) => {
      const cache = new ResourceCache();
      const gate = deferred<void>();
      const calls: string[] = [];
      const peers = await Promise.all(
        ['ann', 'bob', 'cyd'].map((user) => {
          const server = newLowLevelServer(READS);
          server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }) => {
            calls.push(user);
            await gate.promise;
            if (user !== 'ann') return { contents: [{ uri, text: 'for all' }] };
            if (kind === 'error') throw new Error('ann is over her quota');
            return { contents: [], requestState: 'of ann' };
          });
          cacheServer(server, { cache, public: ['docs://{x}'] });
          return linkInMemory(server);
        }),
      );
      const reads = peers.map((peer) => rawRead(peer, 'docs://1'));
      await settled();
      expect(calls).toEqual(['ann']);
      gate.resolve();
      const [own, ...others] = await Promise.all(reads);
      expect(own).toMatchObject(
        kind === 'error'
          ? { message: expect.stringContaining('ann is over') as string }
          : { requestState: 'of ann' },
      );
      for (const other of others) {
        expect(other).toEqual({ contents: [{ uri: 'docs://1', text: 'for all' }] });
      }
      // The next who waits has asked for all who are left, and what it got is kept.
      expect([calls.length, cache.size]).toEqual([2, 1]);
    },
  );

  it('alone is asked for by each where nobody gets one for all [CACHE-SERVER-SHARED-ANSWER] [CACHE-SERVER-ERRORS]', async () => {
    const server = newLowLevelServer(READS);
    let calls = 0;
    server.setRequestHandler(ReadResourceRequestSchema, async () => {
      const call = ++calls;
      await settled();
      return { contents: [], requestState: `call ${call}` };
    });
    cacheServer(server);
    const peer = await linkInMemory(server);
    const answers = await Promise.all([1, 2, 3, 4].map(() => rawRead(peer, 'a://1')));
    const states = answers.map((answer) => (answer as { requestState: string }).requestState);
    expect(states.toSorted()).toEqual([1, 2, 3, 4].map((call) => `call ${call}`));
  });

  it.each(['related', 'unrelated'])(
    'after asking its client something is for that client alone: %s to the read [CACHE-SERVER-SHARED-ANSWER]',
    async (relation) => {
      const cache = new ResourceCache();
      const params = { message: '?', requestedSchema: { type: 'object', properties: {} } } as const;
      const peers = await Promise.all(
        ['ann', 'bob', 'cyd'].map(async (user) => {
          const server = newLowLevelServer(READS);
          server.setRequestHandler(
            ReadResourceRequestSchema,
            async ({ params: { uri } }, extra) => {
              const { content } =
                relation === 'unrelated'
                  ? await server.elicitInput(params)
                  : await extra.sendRequest(
                      { method: 'elicitation/create', params },
                      ResultSchema.passthrough() as never,
                    );
              return { contents: [{ uri, text: JSON.stringify(content) }] };
            },
          );
          cacheServer(server, { cache, public: ['docs://{x}'] });
          const peer = new Peer();
          peer.client.registerCapabilities({ elicitation: {} });
          // Ann goes to lunch.
          peer.client.setRequestHandler(ElicitRequestSchema, () =>
            user === 'ann'
              ? new Promise<never>(() => {})
              : Promise.resolve({ action: 'accept' as const, content: { user } }),
          );
          const [near, far] = InMemoryTransport.createLinkedPair();
          await server.connect(far);
          await peer.client.connect(near);
          return peer;
        }),
      );
      const leaving = new AbortController();
      const [ann, bob, cyd] = peers as [Peer, Peer, Peer];
      const waits = ann.client
        .readResource({ uri: 'docs://1' }, { signal: leaving.signal })
        .catch(() => 'gone');
      const texts = [bob.text('docs://1'), cyd.text('docs://1')];
      expect(await Promise.all(texts)).toEqual(['{"user":"bob"}', '{"user":"cyd"}']);
      expect(cache.size).toBe(0);
      leaving.abort();
      expect(await waits).toBe('gone');
    },
  );

  it('is its own copy: what anybody does to it changes no other answer [CACHE-SERVER-SHARED-ANSWER]', async () => {
    for (const storage of ['heap', 'native'] as const) {
      const cache = new ResourceCache({ storage });
      const open = async (user: string): Promise<Peer> => {
        const server = newLowLevelServer(READS);
        server.setRequestHandler(ListToolsRequestSchema, () => ({
          tools: [{ name: 'tool', inputSchema: { type: 'object' }, annotations: { title: 'own' } }],
        }));
        server.setRequestHandler(ReadResourceRequestSchema, async ({ params }) => {
          await settled();
          const data = { by: 'nobody' };
          throw Object.assign(new Error(params.uri), { code: -32_050, data });
        });
        cacheServer(server, { cache, partition: () => 'all' });
        const [near, far] = InMemoryTransport.createLinkedPair();
        // A transport that marks what it sends, as tracing does.
        const send = far.send.bind(far);
        far.send = (message, options) => {
          const { result, error } = message as {
            result?: { tools?: [{ annotations: { title: string } }] };
            error?: { data?: object };
          };
          if (result?.tools !== undefined) result.tools[0].annotations.title += ` ${user}`;
          if (error?.data !== undefined) Object.assign(error.data, { [user]: true });
          return send(message, options);
        };
        await server.connect(far);
        const peer = new Peer();
        await peer.client.connect(near);
        return peer;
      };
      const peers = [await open('ann'), await open('bob')];
      for (const [at, { client }] of [...peers, ...peers].entries()) {
        const { tools } = await client.listTools();
        expect(tools[0]?.annotations?.title).toBe(`own ${at % 2 ? 'bob' : 'ann'}`);
      }
      const errors = await Promise.all(
        peers.map((peer) => peer.text('a://1').catch((error: { data?: unknown }) => error.data)),
      );
      expect(errors).toEqual([
        { by: 'nobody', ann: true },
        { by: 'nobody', bob: true },
      ]);
    }
  });
});

describe('a cached server', () => {
  watchProcess();

  /** A server that tells the ids of its requests, and what it answered for what it was asked. */
  function tellingServer(): { server: LowLevelServer; gate: ReturnType<typeof deferred<void>> } {
    const server = newLowLevelServer(READS);
    const gate = deferred<void>();
    server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }, extra) => {
      if (uri === 'id://') return { contents: [{ uri, text: String(extra.requestId) }] };
      if (uri === 'bad://') return { contents: [{ uri, text: 'bad' }] };
      await gate.promise;
      return { contents: [{ uri, text: 'good' }] };
    });
    return { server, gate };
  }

  it('lets no client answer or cancel a call by its id, and takes others that look alike [CACHE-SERVER-IDS]', async () => {
    const { server, gate } = tellingServer();
    cacheServer(server);
    const peer = await RawPeer.link(server);
    const read = (id: unknown, uri: string, more = {}): Promise<void> =>
      peer.write({ id, method: 'resources/read', params: { uri, ...more } });
    await read(1, 'id://');
    await settled();
    const [[, told] = []] = peer.texts;
    const prefix = String(told).replace(/\d+$/, '');
    const next = `${prefix}${Number(String(told).slice(prefix.length)) + 1}`;
    await read(2, 'good://');
    await settled();
    await read(next, 'bad://', { unknown: true });
    await peer.write({ method: 'notifications/cancelled', params: { requestId: next } });
    await read(`${prefix}x`, 'bad://', { unknown: true });
    await settled();
    gate.resolve();
    await settled();
    const [, refused, other, good] = peer.received as Record<string, unknown>[];
    expect(refused).toMatchObject({ id: next, error: { code: -32_600 } });
    expect(other).toMatchObject({ id: `${prefix}x`, result: { contents: [{ text: 'bad' }] } });
    expect(good).toMatchObject({ id: 2, result: { contents: [{ text: 'good' }] } });
  });

  it('answers what its own server could not take up, and tells of it [CACHE-SERVER-FAILURES]', async () => {
    const origin = new CountedOrigin();
    const server = origin.mcpServer();
    const { cache } = cacheServer(server, { authorize: () => true });
    const [near, far] = InMemoryTransport.createLinkedPair();
    // As a tap that somebody has put on the transport may.
    far.onmessage = (message: JSONRPCMessage) => {
      if (JSON.stringify(message).includes('own://bad')) throw new Error('the tap failed');
    };
    const errors: string[] = [];
    server.server.onerror = ({ message }) => void errors.push(message);
    await server.connect(far);
    const peer = new Peer();
    await peer.client.connect(near);
    for (const params of [{ uri: 'own://bad' }, { uri: 'own://bad', _meta: { tenant: 'x' } }]) {
      await expect(peer.client.readResource(params)).rejects.toMatchObject({ code: -32_603 });
    }
    expect(errors).toEqual([1, 2].map(() => expect.stringContaining('the tap failed') as string));
    expect([await peer.text('own://good'), cache.size]).toEqual(['1: own://good for nobody', 1]);
  });

  it('answers from the call that was made where its cache fails [CACHE-SERVER-FAILURES]', async () => {
    const origin = new CountedOrigin();
    const server = origin.mcpServer();
    const warnings: string[] = [];
    const log = (message: string): void => void warnings.push(message);
    const weigh = (): never => {
      throw new Error('no scales');
    };
    cacheServer(server, {
      cache: new ResourceCache({ weigh }),
      logger: { debug: log, info: log, warn: log, error: log },
    });
    const peer = await linkInMemory(server);
    expect(await peer.text('own://1')).toBe('1: own://1 for nobody');
    expect([origin.calls, warnings]).toEqual([1, ['the cache failed']]);
  });
});
