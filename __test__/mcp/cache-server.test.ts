import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  ResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import {
  linkInMemory,
  newLowLevelServer,
  newServer,
  type Peer,
  type LowLevelServer,
} from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { ROOT } from '../support/run-program.ts';

type Params = Record<string, unknown>;

/** Sends a request as it is, whatever the client's types would say. */
function send(peer: Peer, method: string, params: Params): Promise<unknown> {
  return peer.client.request({ method, params }, ResultSchema);
}

describe('cacheServer', () => {
  watchProcess();

  describe('caches', () => {
    it.each([
      ['resources/read', { uri: 'a://1' }],
      ['resources/list', {}],
      ['resources/list', { cursor: 'next' }],
      ['resources/templates/list', {}],
      ['tools/list', {}],
      ['prompts/list', {}],
    ])(
      '%s %j: the second answer equals the first [CACHE-SERVER-METHODS]',
      async (method, params) => {
        const origin = new CountedOrigin();
        const server = origin.lowLevelServer();
        const caching = cacheServer(server);
        const peer = await linkInMemory(server);
        const first = await send(peer, method, params);
        expect(await send(peer, method, params)).toEqual(first);
        expect(origin.calls).toBe(1);
        expect(caching.stats()).toMatchObject({ hits: 1, loads: 1, uncachedRequests: 0 });
      },
    );

    it('each page by itself, and no cursor apart from an empty one [CACHE-SERVER-METHODS]', async () => {
      const origin = new CountedOrigin();
      const server = origin.lowLevelServer();
      cacheServer(server);
      const { client } = await linkInMemory(server);
      const cursors = [undefined, '', 'resources/list', '+'];
      const names = async (): Promise<string[]> => {
        const found: string[] = [];
        for (const cursor of cursors) {
          const { resources } = await client.listResources(cursor === undefined ? {} : { cursor });
          found.push(resources[0]?.name ?? '');
        }
        return found;
      };
      const first = await names();
      expect(first).toEqual(cursors.map((cursor, n) => `${n + 1}: page ${cursor} for nobody`));
      expect(await names()).toEqual(first);
      expect(origin.calls).toBe(4);
    });

    it('no other method [CACHE-SERVER-METHODS]', async () => {
      const server = newServer();
      let calls = 0;
      server.registerTool('count', {}, () => ({
        content: [{ type: 'text', text: String(++calls) }],
      }));
      cacheServer(server);
      const { client } = await linkInMemory(server);
      for (let call = 0; call < 2; call++) await client.callTool({ name: 'count' });
      await client.ping();
      expect(calls).toBe(2);
    });

    it('for as long as ttlMs says, else as the cache has it [CACHE-SERVER-METHODS]', async () => {
      const clock = new ManualClock();
      for (const options of [{ ttlMs: 50 }, {}]) {
        const origin = new CountedOrigin();
        const server = origin.mcpServer();
        const cache = new ResourceCache({ clock, ttlMs: options.ttlMs === undefined ? 50 : 5 });
        cacheServer(server, { cache, ...options });
        const peer = await linkInMemory(server);
        const first = await peer.text('own://1');
        clock.advance(50);
        expect(await peer.text('own://1')).toBe(first);
        clock.advance(1);
        expect(await peer.text('own://1')).not.toBe(first);
      }
    });

    it('a copy: what a handler changes later changes nothing kept [CACHE-SERVER-METHODS]', async () => {
      const server = newLowLevelServer({ capabilities: { resources: {} } });
      const shared = { contents: [{ uri: '', text: '' }] };
      server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => {
        shared.contents[0] = { uri: params.uri, text: `of ${params.uri}` };
        return shared;
      });
      cacheServer(server);
      const peer = await linkInMemory(server);
      expect(await peer.text('a://1')).toBe('of a://1');
      expect(await peer.text('a://2')).toBe('of a://2');
      expect(await peer.text('a://1')).toBe('of a://1');
    });

    it('what serveResources answers too [CACHE-SERVER-METHODS]', async () => {
      const manager = new ResourceManager({ clock: new ManualClock() });
      let loads = 0;
      manager.register('a://{x}', () => `load ${++loads}`, { public: true, list: () => [] });
      const server = newServer();
      await serveResources(server, manager);
      const caching = cacheServer(server);
      const peer = await linkInMemory(server);
      expect(await peer.text('a://1')).toBe('load 1');
      expect(await peer.text('a://1')).toBe('load 1');
      expect(caching.stats().hits).toBe(1);
      await peer.client.subscribeResource({ uri: 'a://1' });
      manager.invalidate('a://1');
      await settled();
      expect(await peer.text('a://1')).toBe('load 2');
    });
  });

  describe('takes one line', () => {
    async function expectCached(server: McpServer | LowLevelServer, peer?: Peer): Promise<void> {
      const reader = peer ?? (await linkInMemory(server));
      const first = await reader.text('own://1');
      expect(await reader.text('own://1')).toBe(first);
    }

    it('after the handlers are registered [CACHE-SERVER-ONE-LINE]', async () => {
      const server = new CountedOrigin().mcpServer();
      cacheServer(server);
      await expectCached(server);
    });

    it('before they are [CACHE-SERVER-ONE-LINE]', async () => {
      const server = newServer();
      cacheServer(server);
      let calls = 0;
      server.registerResource('one', 'own://1', {}, ({ href }) => ({
        contents: [{ uri: href, text: `call ${++calls}` }],
      }));
      await expectCached(server);
      expect(calls).toBe(1);
    });

    it('on an McpServer and on its server alike [CACHE-SERVER-ONE-LINE]', async () => {
      const server = new CountedOrigin().mcpServer();
      cacheServer(server.server);
      await expectCached(server);
    });

    it('when the server is connected already, and keeps its transport [CACHE-SERVER-ONE-LINE]', async () => {
      const server = new CountedOrigin().mcpServer();
      const peer = await linkInMemory(server);
      const { transport } = server.server;
      expect(await peer.text('own://1')).not.toBe(await peer.text('own://1'));
      cacheServer(server);
      await expectCached(server, peer);
      expect(server.server.transport).toBe(transport);
      expect(transport).toBeInstanceOf(InMemoryTransport);
    });

    it('with a handler that is replaced while connected, which answers from then on [CACHE-SERVER-ONE-LINE]', async () => {
      const origin = new CountedOrigin();
      const server = origin.lowLevelServer();
      cacheServer(server);
      const peer = await linkInMemory(server);
      await peer.text('a://1');
      await peer.client.listTools();
      server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
        contents: [{ uri: params.uri, text: 'of the new handler' }],
      }));
      expect(await peer.text('a://1')).toBe('of the new handler');
      server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [] }));
      expect((await peer.client.listTools()).tools).toEqual([]);
      server.removeRequestHandler('resources/read');
      await expect(peer.text('a://1')).rejects.toMatchObject({ code: -32_601 });
    });

    it('for one connection after the other [CACHE-SERVER-ONE-LINE] [HAZARD-19-SESSION]', async () => {
      const origin = new CountedOrigin();
      const server = origin.mcpServer();
      const caching = cacheServer(server);
      const former = await linkInMemory(server);
      await expectCached(server, former);
      await former.client.close();
      expect(caching.cache.size).toBe(0);
      await expectCached(server);
      expect(origin.calls).toBe(2);
    });

    it('leaves a connect that fails as it was [CACHE-SERVER-ONE-LINE]', async () => {
      const server = new CountedOrigin().mcpServer();
      cacheServer(server);
      const [, far] = InMemoryTransport.createLinkedPair();
      const start = far.start.bind(far);
      far.start = () => Promise.reject(new Error('no start'));
      await expect(server.connect(far)).rejects.toThrow('no start');
      expect(Object.hasOwn(far, 'send')).toBe(false);
      far.start = start;
      await server.close();
      await expectCached(server);
      await expect(server.connect(far)).rejects.toThrow('Already connected');
    });

    it('and touches no private field of the SDK [CACHE-SERVER-ONE-LINE]', () => {
      const folder = path.join(ROOT, 'src/mcp');
      for (const file of readdirSync(folder)) {
        const source = readFileSync(path.join(folder, file), 'utf8');
        expect(source.match(/\??\._(?!meta\b)\w+|\[['"]_(?!meta)/g), file).toBeNull();
      }
    });
  });

  describe('refuses', () => {
    const server = newServer();

    it.each([undefined, null, 7, {}, { setRequestHandler() {} }])(
      'the server %j [CACHE-SERVER-OPTIONS]',
      async (given) => {
        const failure = await granaryFailure(
          () => cacheServer(given as never),
          'ERR_GRANARY_BAD_OPTION',
        );
        expect(failure.data).toMatchObject({ option: 'server' });
      },
    );

    it.each([
      ['options', 7],
      ['options', null],
      ['cache', { cache: {} }],
      ['cache', { cache: new Map() }],
      ['ttlMs', { ttlMs: -1 }],
      ['ttlMs', { ttlMs: '1' }],
      ['public', { public: 'a://{x}' }],
      ['public', { public: [''] }],
      ['public', { public: [7] }],
      ['authorize', { authorize: true }],
      ['partition', { partition: 'user' }],
      ['logger', { logger: {} }],
    ])('a bad %s: %j [CACHE-SERVER-OPTIONS]', async (option, options) => {
      const failure = await granaryFailure(
        () => cacheServer(server, options as never),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(failure.message).toMatch(new RegExp(`^${option} must be .+, got `));
      expect(failure.data).toMatchObject({ option });
    });

    it.each([
      ['tools: 7', { tools: 7 }, 'tools'],
      ['options of a tool', { tools: { look: 7 } }, 'tools.look'],
      ['ttlMs of a tool', { tools: { look: { ttlMs: -1 } } }, 'tools.look.ttlMs'],
      ['public of a tool', { tools: { look: { public: 'yes' } } }, 'tools.look.public'],
      ['force of a tool', { tools: { look: { force: 1 } } }, 'tools.look.force'],
    ])('bad %s [TOOLS-NAMED]', async (_, options, option) => {
      const failure = await granaryFailure(
        () => cacheServer(server, options as never),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(failure.message).toMatch(new RegExp(`^${option} must be .+, got `));
    });

    it('a bad template, a server that is cached, and one whose transport cannot be followed [CACHE-SERVER-OPTIONS]', async () => {
      const template = { public: ['a://{'] };
      await granaryFailure(() => cacheServer(server, template), 'ERR_GRANARY_BAD_TEMPLATE');
      const caching = cacheServer(server);
      const again = await granaryFailure(
        () => cacheServer(server.server),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(again.message).toContain('not cached yet');
      caching.close();
      const connected = newServer();
      const [, transport] = InMemoryTransport.createLinkedPair();
      Object.defineProperty(transport, 'onmessage', { set() {} });
      await connected.connect(transport);
      const deaf = await granaryFailure(() => cacheServer(connected), 'ERR_GRANARY_BAD_OPTION');
      expect(deaf.message).toContain('cache it first');
    });
  });
});
