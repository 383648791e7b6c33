import { ReadResourceRequestSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { Server } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { newLowLevelServer, type LowLevelServer } from '../support/mcp-peers.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

/** Odd ones, few enough that they meet in flight, within a connection and across. */
const IDS = [0, -1, 1, '0', '1', '', 'granary-', Number.MIN_SAFE_INTEGER, '\u0000', '__proto__'];
const URIS = ['own://a', 'own://b', 'public://a', '__proto__', 'constructor'];
/** The last two connections belong to one user. */
const USERS = ['ann', 'bob', 'bob'];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      by: fc.nat(USERS.length - 1),
      id: fc.constantFrom(...IDS),
      uri: fc.constantFrom(...URIS),
      isPlain: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.boolean()),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('cancel' as const),
      by: fc.nat(USERS.length - 1),
      id: fc.constantFrom(...IDS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      by: fc.nat(USERS.length - 1),
      uri: fc.constantFrom(...URIS),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Expected {
  readonly uri: string;
  /** Versions from here on are right. */
  readonly since: number;
}

/** Version 1 of the SDK; version 2 on a revision with `initialize`, and on one without. */
type Generation = 'version 1' | '2025-11-25' | '2026-07-28';

function newServer(
  generation: Generation,
  read: (uri: string) => Promise<{ contents: { uri: string; text: string }[] }>,
): LowLevelServer {
  const options = { capabilities: { resources: {} } };
  if (generation === 'version 1') {
    const server = newLowLevelServer(options);
    server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => read(params.uri));
    return server;
  }
  const server = new Server({ name: 'low', version: '1.0.0' }, options);
  server.setRequestHandler('resources/read', ({ params }) => read(params.uri));
  return server as unknown as LowLevelServer;
}

/** Three connections to servers of one origin over one cache, whose handlers answer on command. */
class World {
  readonly cache: ResourceCache;
  readonly versions = new Map(URIS.map((uri) => [uri, 1]));
  /** What is in flight by connection and id; a later request of an id takes the place of an earlier. */
  readonly asked = USERS.map(() => new Map<unknown, Expected>());
  readonly waiting: (() => void)[] = [];
  readonly servers: LowLevelServer[] = [];
  readonly peers: RawPeer[] = [];
  /** Ids of requests that the server answers itself, whose order against others is its own affair. */
  readonly passed = USERS.map(() => new Set<unknown>());
  readonly failures: unknown[] = [];
  answers = 0;
  /** Answers that were told to be fresh for a while. */
  hinted = 0;

  readonly #generation: Generation;

  constructor(storage: 'heap' | 'native', generation: Generation) {
    this.cache = new ResourceCache({ storage });
    this.#generation = generation;
  }

  async open(): Promise<void> {
    for (const [at, user] of USERS.entries()) {
      const server = newServer(this.#generation, async (uri) => {
        const version = this.versions.get(uri);
        await new Promise<void>((resolve) => this.waiting.push(resolve));
        if (uri === 'constructor') throw new Error(`no ${uri}`);
        const owner = uri.startsWith('public:') ? 'all' : user;
        return { contents: [{ uri, text: `${uri} ${version} ${owner}` }] };
      });
      cacheServer(server, {
        cache: this.cache,
        public: ['public://{x}'],
        partition: () => user,
      });
      const onMessage = (message: JSONRPCMessage): void => {
        try {
          this.receive(at, message);
        } catch (error) {
          this.failures.push(error); // to be told at the end: a transport may swallow it
        }
      };
      const peer =
        this.#generation === '2026-07-28'
          ? await RawPeer.linkStateless(
              (transport) => serveStdio(() => server as never, { transport }),
              onMessage,
            )
          : await RawPeer.link(server, onMessage);
      this.servers.push(server);
      this.peers.push(peer);
    }
  }

  receive(at: number, message: JSONRPCMessage): void {
    if ('method' in message) return;
    const expected = this.asked[at]?.get(message.id);
    expect(
      expected,
      `an answer to ${JSON.stringify(message.id)}, which nobody awaits`,
    ).toBeDefined();
    this.asked[at]?.delete(message.id);
    this.passed[at]?.delete(message.id);
    this.answers++;
    if (expected?.uri === 'constructor') {
      expect(message).toMatchObject({ error: { code: -32_603, message: 'no constructor' } });
      return;
    }
    const { result } = message as { result?: { contents: { text: string }[] } };
    const [uri, version, owner] = result?.contents[0]?.text.split(' ') ?? [];
    expect(uri).toBe(expected?.uri);
    expect(owner).toBe(uri?.startsWith('public:') ? 'all' : USERS[at]);
    expect(Number(version)).toBeGreaterThanOrEqual(expected?.since ?? 0);
    const { ttlMs = 0 } = result as { ttlMs?: number };
    // What has changed since it was read is told to be fresh by nobody.
    if (ttlMs > 0) {
      this.hinted++;
      expect(Number(version)).toBe(this.versions.get(uri ?? ''));
    }
  }

  async take(action: Step): Promise<void> {
    switch (action.do) {
      case 'read': {
        const { by, id, uri, isPlain } = action;
        if (this.passed[by]?.has(id)) return;
        // Where the SDK queues what comes, the answer to the earlier request may be faster than the later one.
        if (this.#generation === '2026-07-28' && this.asked[by]?.has(id)) return;
        if (!isPlain) {
          if (this.asked[by]?.has(id)) return;
          this.passed[by]?.add(id);
        }
        this.asked[by]?.set(id, { uri, since: this.versions.get(uri) ?? 0 });
        const params = isPlain ? { uri } : { uri, others: true };
        await this.peers[by]?.write({ id, method: 'resources/read', params });
        return;
      }
      case 'cancel': {
        const { by, id } = action;
        // The SDK takes the ids 0 and '' for none: what it answers itself is not cancelled by them.
        if (this.passed[by]?.has(id)) return;
        const cancelled = this.peers[by]?.write({
          method: 'notifications/cancelled',
          params: { requestId: id },
        });
        // Here the SDK queues what comes: an answer may be faster.
        if (this.#generation === '2026-07-28') await settled();
        this.asked[by]?.delete(id);
        await cancelled;
        return;
      }
      case 'change': {
        const { by, uri } = action;
        this.versions.set(uri, (this.versions.get(uri) ?? 0) + 1);
        await this.servers[by]?.sendResourceUpdated({ uri });
        return;
      }
      case 'answer':
        this.waiting.splice(action.nth % Math.max(this.waiting.length, 1), 1)[0]?.();
        return;
      case 'pass':
        await settled();
    }
  }

  async end(): Promise<void> {
    for (let turn = 0; turn < 3 || this.waiting.length > 0; turn++) {
      for (const resolve of this.waiting.splice(0)) resolve();
      await settled();
    }
    expect(this.failures).toEqual([]);
    expect(this.asked.flatMap((asked) => [...asked])).toEqual([]);
    for (const server of this.servers) await server.close();
    this.cache.close();
  }
}

describe('a cached server', () => {
  watchProcess();

  it.each([
    ['heap', 'version 1', 200],
    ['native', 'version 1', 200],
    ['heap', '2025-11-25', 100],
    ['heap', '2026-07-28', 200],
    ['native', '2026-07-28', 100],
  ] as const)(
    "answers every request once, under its id, with what is its reader's and not older than asked, from storage %s on %s [CACHE-SERVER-IDS] [CACHE-SERVER-SCOPE] [CACHE-SERVER-RACE] [SDK-GENERATIONS] [SCOPE-RACE]",
    async (storage, generation, numRuns) => {
      let answers = 0;
      let hinted = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
          const world = new World(storage, generation);
          await world.open();
          for (const action of steps) await world.take(action);
          await world.end();
          answers += world.answers;
          hinted += world.hinted;
        }),
        { numRuns },
      );
      expect(answers).toBeGreaterThan(3 * numRuns);
      expect(hinted > 0).toBe(generation === '2026-07-28');
    },
  );
});
