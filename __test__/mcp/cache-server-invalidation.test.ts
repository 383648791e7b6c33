import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CallToolRequestSchema,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import type { ReadResult } from '../../src/manager/read-result.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { CountedOrigin } from '../support/counted-origin.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import {
  linkInMemory,
  newLowLevelServer,
  newServer,
  type LowLevelServer,
  type Peer,
} from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

/** Everything that is cached, asked once: whether each was answered without a call. */
async function hits(peer: Peer, origin: CountedOrigin): Promise<Record<string, boolean>> {
  const { client } = peer;
  const questions = {
    read: () => client.readResource({ uri: 'a://1' }),
    other: () => client.readResource({ uri: 'a://2' }),
    list: () => client.listResources(),
    page: () => client.listResources({ cursor: '+' }),
    templates: () => client.listResourceTemplates(),
    tools: () => client.listTools(),
    prompts: () => client.listPrompts(),
  };
  const found: Record<string, boolean> = {};
  for (const [name, ask] of Object.entries(questions)) {
    const { calls } = origin;
    await ask();
    found[name] = origin.calls === calls;
  }
  return found;
}

const ALL = {
  read: true,
  other: true,
  list: true,
  page: true,
  templates: true,
  tools: true,
  prompts: true,
};

describe('what a cached server sends', () => {
  watchProcess();

  it.each([
    ['sendResourceUpdated', { read: false }],
    [
      'sendResourceListChanged',
      { read: false, other: false, list: false, page: false, templates: false },
    ],
    ['sendToolListChanged', { tools: false }],
    ['sendPromptListChanged', { prompts: false }],
  ] as const)(
    'by %s drops what it names and nothing else [CACHE-SERVER-INVALIDATE]',
    async (name, dropped) => {
      const origin = new CountedOrigin();
      const server = origin.lowLevelServer();
      cacheServer(server);
      const peer = await linkInMemory(server);
      await hits(peer, origin);
      expect(await hits(peer, origin)).toEqual(ALL);
      await server[name]({ uri: 'a://1' });
      expect(await hits(peer, origin)).toEqual({ ...ALL, ...dropped });
      expect(await hits(peer, origin)).toEqual(ALL);
    },
  );

  it('drops every spelling of a URI, and every read whose contents include it [CACHE-SERVER-INVALIDATE]', async () => {
    const server = newLowLevelServer({ capabilities: { resources: {} } });
    let version = 1;
    server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
      const uris = uri === 'file:///dir' ? ['file:///dir/a', 'file:///dir/b'] : [uri];
      return { contents: uris.map((part) => ({ uri: part, text: `version ${version}` })) };
    });
    cacheServer(server);
    const peer = await linkInMemory(server);
    const spellings = ['file:///dir/a', 'FILE:///dir/./a', 'file:///x/../dir/a', 'file:///dir'];
    const texts = (): Promise<string[]> => Promise.all(spellings.map((uri) => peer.text(uri)));
    expect(new Set(await texts())).toEqual(new Set(['version 1']));
    version = 2;
    expect(new Set(await texts())).toEqual(new Set(['version 1']));
    await server.sendResourceUpdated({ uri: 'file:///dir/b' });
    expect(await texts()).toEqual(['version 1', 'version 1', 'version 1', 'version 2']);
    version = 3;
    await server.sendResourceUpdated({ uri: 'file:/dir/a' });
    expect(new Set(await texts())).toEqual(new Set(['version 3']));
  });

  it('drops a read whichever way its URI is encoded [CACHE-SERVER-INVALIDATE]', async () => {
    const server = newLowLevelServer({ capabilities: { resources: {} } });
    let version = 1;
    server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
      contents: [{ uri, text: `version ${version}` }],
    }));
    cacheServer(server);
    const peer = await linkInMemory(server);
    for (const [read, updated] of [
      ['file:///caf%c3%a9', 'file:///caf%C3%A9'],
      ['file:///café', 'file:///caf%c3%a9'],
      ['note://x/%41', 'note://x/A'],
      ['note://a%20b', 'note://a b'],
      ['file:///a b', 'file:///a%20b'],
      ['note://x/%ff', 'note://x/%FF'],
      ['note://x/%', 'note://x/%'],
    ] as const) {
      await peer.text(read);
      version++;
      await server.sendResourceUpdated({ uri: updated });
      expect(await peer.text(read), read).toBe(`version ${version}`);
    }
    // What is one resource to nobody keeps its own answer.
    await peer.text('note://x/%25');
    version++;
    expect(await peer.text('note://x/%2525')).toBe(`version ${version}`);
  });

  it('drops though the request that changed it is cancelled meanwhile [CACHE-SERVER-INVALIDATE]', async () => {
    const server = newServer();
    let version = 1;
    const gate = deferred<void>();
    cacheServer(server);
    server.registerResource('one', 'a://1', {}, ({ href }) => ({
      contents: [{ uri: href, text: `version ${version}` }],
    }));
    const changed = deferred<void>();
    server.registerTool('change', {}, async ({ sendNotification }) => {
      await gate.promise;
      version = 2;
      const method = 'notifications/resources/updated';
      await sendNotification({ method, params: { uri: 'a://1' } });
      changed.resolve();
      return { content: [] };
    });
    const peer = await linkInMemory(server);
    expect(await peer.text('a://1')).toBe('version 1');
    const leaving = new AbortController();
    const { signal } = leaving;
    const call = peer.client.callTool({ name: 'change' }, undefined, { signal }).catch(() => {});
    await settled();
    leaving.abort();
    await call;
    gate.resolve();
    await changed.promise;
    expect(await peer.text('a://1')).toBe('version 2');
  });

  it('has taken effect when its client hears of it [CACHE-SERVER-INVALIDATE]', async () => {
    const server = newLowLevelServer({ capabilities: { resources: { subscribe: true } } });
    let version = 1;
    server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
      contents: [{ uri, text: `version ${version}` }],
    }));
    cacheServer(server);
    const peer = await linkInMemory(server);
    expect(await peer.text('a://1')).toBe('version 1');
    version = 2;
    const heard = deferred<Promise<string>>();
    peer.updated.push = (uri) => {
      heard.resolve(peer.text(uri));
      return 1;
    };
    await server.sendResourceUpdated({ uri: 'a://1' });
    expect(await heard.promise).toBe('version 2');
  });

  it('counts when it is debounced, sent by a handler, or sent without a connection [CACHE-SERVER-INVALIDATE]', async () => {
    const origin = new CountedOrigin();
    const server = newLowLevelServer({
      capabilities: { resources: { listChanged: true }, tools: {} },
      debouncedNotificationMethods: ['notifications/resources/list_changed'],
    });
    server.setRequestHandler(ReadResourceRequestSchema, async ({ params }, extra) => ({
      contents: [{ uri: params.uri, text: await origin.answer(params.uri, extra) }],
    }));
    server.setRequestHandler(CallToolRequestSchema, async (_, { sendNotification }) => {
      const method = 'notifications/resources/updated';
      await sendNotification({ method, params: { uri: 'a://1' } });
      return { content: [] };
    });
    const cache = new ResourceCache();
    cacheServer(server, { cache, partition: () => 'ann' });
    const peer = await linkInMemory(server);
    const first = await peer.text('a://1');
    await peer.client.callTool({ name: 'change' });
    const second = await peer.text('a://1');
    expect(second).not.toBe(first);
    void server.sendResourceListChanged();
    expect(cache.size).toBe(0);
    expect(await peer.text('a://1')).not.toBe(second);
    expect(cache.size).toBe(1);
    await peer.client.close();
    expect(cache.size).toBe(1);
    await expect(server.sendResourceUpdated({ uri: 'a://1' })).rejects.toThrow('Not connected');
    expect(cache.size).toBe(0);
  });

  it('includes what an McpServer says of its registrations, also while nobody is connected [CACHE-SERVER-INVALIDATE]', async () => {
    const server = newServer();
    const add = (name: string): ReturnType<McpServer['registerTool']> => {
      server.registerResource(name, `a://${name}`, {}, ({ href }) => ({
        contents: [{ uri: href, text: name }],
      }));
      server.registerPrompt(name, {}, () => ({ messages: [] }));
      return server.registerTool(name, {}, () => ({ content: [] }));
    };
    add('one');
    cacheServer(server, { partition: () => 'ann' });
    const names = async ({ client }: Peer): Promise<string[][]> => [
      (await client.listResources()).resources.map(({ name }) => name),
      (await client.listTools()).tools.map(({ name }) => name),
      (await client.listPrompts()).prompts.map(({ name }) => name),
    ];
    const former = await linkInMemory(server);
    expect(await names(former)).toEqual([['one'], ['one'], ['one']]);
    const two = add('two');
    expect(await names(former)).toEqual([1, 2, 3].map(() => ['one', 'two']));
    two.disable();
    expect((await names(former))[1]).toEqual(['one']);
    await former.client.close();
    two.enable();
    add('three');
    const later = await linkInMemory(server);
    expect(await names(later)).toEqual([1, 2, 3].map(() => ['one', 'two', 'three']));
  });

  it('takes a resource that was removed out of the reads too [CACHE-SERVER-INVALIDATE]', async () => {
    const server = newServer();
    const resource = server.registerResource('one', 'a://1', {}, ({ href }) => ({
      contents: [{ uri: href, text: 'one' }],
    }));
    cacheServer(server);
    const peer = await linkInMemory(server);
    expect(await peer.text('a://1')).toBe('one');
    resource.remove();
    await expect(peer.text('a://1')).rejects.toThrow('not found');
  });
});

describe('a notification while a read is under way', () => {
  watchProcess();

  /** A server whose reads tell the version at their beginning, and end when they are let. */
  function slowServer(): {
    server: ReturnType<typeof newLowLevelServer>;
    gates: ReturnType<typeof deferred<void>>[];
    change(): void;
  } {
    const server = newLowLevelServer({ capabilities: { resources: { listChanged: true } } });
    const gates: ReturnType<typeof deferred<void>>[] = [];
    let version = 1;
    server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }) => {
      const text = `version ${version}`;
      const gate = deferred<void>();
      gates.push(gate);
      await gate.promise;
      // A part under a URI that only the answer tells of.
      return {
        contents: [
          { uri, text },
          { uri: 'part://1', text },
        ],
      };
    });
    return { server, gates, change: () => void version++ };
  }

  it.each(['a://1', 'part://1', undefined])(
    'of %s wins: its value is not kept, and whoever asks after it has the handler called anew [CACHE-SERVER-RACE] [HAZARD-15]',
    async (uri) => {
      const { server, gates, change } = slowServer();
      const { cache } = cacheServer(server);
      const peer = await linkInMemory(server);
      const before = peer.text('a://1');
      await settled();
      change();
      if (uri === undefined) await server.sendResourceListChanged();
      else await server.sendResourceUpdated({ uri });
      const isKnown = uri !== 'part://1';
      const after = isKnown ? peer.text('a://1') : undefined;
      await settled();
      expect(gates).toHaveLength(isKnown ? 2 : 1);
      // The older read ends last: it must not take the place of the newer.
      gates[1]?.resolve();
      expect(await after).toBe(isKnown ? 'version 2' : undefined);
      gates[0]?.resolve();
      expect(await before).toBe('version 1');
      await settled();
      expect(cache.size).toBe(isKnown ? 1 : 0);
      const last = peer.text('a://1');
      await settled();
      gates[2]?.resolve();
      gates[1]?.resolve();
      expect(await last).toBe('version 2');
    },
  );

  it('holds for lists [CACHE-SERVER-RACE]', async () => {
    const origin = new CountedOrigin();
    const gate = deferred<void>();
    origin.gate = gate.promise;
    const server = origin.lowLevelServer();
    const { cache } = cacheServer(server);
    const { client } = await linkInMemory(server);
    const lists = [client.listResources(), client.listTools(), client.listPrompts()];
    await settled();
    await server.sendResourceListChanged();
    await server.sendPromptListChanged();
    gate.resolve();
    await Promise.all(lists);
    expect(cache.size).toBe(1);
    await client.listTools();
    expect(origin.calls).toBe(3);
  });

  it('holds when another server of the cache sends it [CACHE-SERVER-RACE] [CACHE-SERVER-SHARED-CACHE]', async () => {
    const { server, gates, change } = slowServer();
    const other = new CountedOrigin().lowLevelServer();
    const cache = new ResourceCache();
    cacheServer(server, { cache });
    cacheServer(other, { cache });
    const peer = await linkInMemory(server);
    await linkInMemory(other);
    const before = peer.text('a://1');
    await settled();
    change();
    await other.sendResourceUpdated({ uri: 'a://1' });
    gates[0]?.resolve();
    expect(await before).toBe('version 1');
    const after = peer.text('a://1');
    await settled();
    gates[1]?.resolve();
    expect(await after).toBe('version 2');
  });
});

describe('servers over one cache', () => {
  watchProcess();

  it('find what another has loaded for the same principal, and drop it for all [CACHE-SERVER-SHARED-CACHE]', async () => {
    const origin = new CountedOrigin();
    const cache = new ResourceCache();
    const servers = ['ann', 'ann', 'bob'].map((user) => {
      const server = origin.lowLevelServer();
      cacheServer(server, { cache, partition: () => user });
      return server;
    });
    const peers = await Promise.all(servers.map((server) => linkInMemory(server)));
    const texts = async (): Promise<string[]> => {
      const found: string[] = [];
      for (const peer of peers) found.push(await peer.text('a://1'));
      return found;
    };
    const first = await texts();
    expect(first).toEqual(['1: a://1 for nobody', '1: a://1 for nobody', '2: a://1 for nobody']);
    await servers[2]?.sendResourceUpdated({ uri: 'a://1' });
    expect(await texts()).toEqual(first.map((text) => text.replace(/\d/, (n) => String(+n + 2))));
    await servers[0]?.sendResourceListChanged();
    expect(cache.size).toBe(0);
  });

  it('lose nothing when one more is built up, which is news to nobody [CACHE-SERVER-SHARED-CACHE]', async () => {
    const origin = new CountedOrigin();
    const cache = new ResourceCache();
    const open = (): Promise<Peer> => {
      const server = newServer();
      cacheServer(server, { cache, partition: () => 'ann' });
      server.registerResource('a', 'a://1', {}, async ({ href }, extra) => ({
        contents: [{ uri: href, text: await origin.answer(href, extra) }],
      }));
      server.registerTool('t', {}, () => ({ content: [] }));
      return linkInMemory(server);
    };
    const first = await open();
    const text = await first.text('a://1');
    await first.client.listTools();
    const { size } = cache;
    expect(await (await open()).text('a://1')).toBe(text);
    expect([cache.size, origin.calls]).toEqual([size, 1]);
  });

  it('are told of a change by one that was never connected [CACHE-SERVER-INVALIDATE] [CACHE-SERVER-SHARED-CACHE]', async () => {
    const cache = new ResourceCache();
    const origin = new CountedOrigin();
    const hub = newServer();
    const caching = cacheServer(hub, { cache });
    const peer = await linkInMemory(
      ((): LowLevelServer => {
        const server = origin.lowLevelServer();
        cacheServer(server, { cache, partition: () => 'ann' });
        return server;
      })(),
    );
    await hits(peer, origin);
    hub.sendToolListChanged();
    expect(await hits(peer, origin)).toEqual({ ...ALL, tools: false });
    hub.sendPromptListChanged();
    expect(await hits(peer, origin)).toEqual({ ...ALL, prompts: false });
    hub.sendResourceListChanged();
    const resources = { read: false, other: false, list: false, page: false, templates: false };
    expect(await hits(peer, origin)).toEqual({ ...ALL, ...resources });
    caching.invalidate('a://1');
    expect(await hits(peer, origin)).toEqual({ ...ALL, read: false });
    await hub.server.sendResourceUpdated({ uri: 'a://2' }).catch(() => 'not connected');
    expect(await hits(peer, origin)).toEqual({ ...ALL, other: false });
    await granaryFailure(() => caching.invalidate(''), 'ERR_GRANARY_BAD_URI');
  });

  it('keep apart from a manager on the same cache [CACHE-SERVER-SHARED-CACHE]', async () => {
    const cache = new ResourceCache<ReadResult>();
    const manager = new ResourceManager({ cache });
    manager.register('a://{x}', () => 'of the manager', { public: true });
    manager.register('{+any}', () => 'of the manager', { public: true });
    const server = new CountedOrigin().lowLevelServer();
    cacheServer(server, { cache: cache as ResourceCache, public: ['a://{x}'] });
    const peer = await linkInMemory(server);
    expect((await manager.read('a://1')).contents[0]?.text).toBe('of the manager');
    expect(await peer.text('a://1')).toBe('1: a://1 for nobody');
    for (const key of cache.keys()) {
      if (key === 'a://1') continue;
      await expect(manager.read(key)).rejects.toMatchObject({ code: 'ERR_GRANARY_NO_MATCH' });
    }
    await server.sendResourceUpdated({ uri: 'a://1' });
    expect([...cache.keys()]).toEqual(['a://1']);
    expect(await peer.text('a://1')).toBe('2: a://1 for nobody');
    manager.invalidate('a://1');
    expect(await peer.text('a://1')).toBe('2: a://1 for nobody');
    manager.close();
  });
});
