import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { ResourceTemplate, type McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListResourcesRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import type { Mutations } from '../../src/mcp/tool-mutations.ts';
import {
  HttpFixture,
  linkInMemory,
  newLowLevelServer,
  newServer,
  type LowLevelServer,
  type Peer,
} from '../support/mcp-peers.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const FILES: Mutations = {
  write_file: ['file:///{+path}'],
  touch_all: ['file:///*', { tag: 'index' }],
  touch_some: [/file:\/\/\/a/],
  set_config: ['config://main'],
};

/** Files that tools write, and how often each was read. */
class Files {
  readonly texts = new Map<string, string>();
  reads = 0;

  text(uri: string): string {
    this.reads++;
    return this.texts.get(uri) ?? 'empty';
  }

  /** What a tool does; `fails` and `throws` among the arguments make it. */
  call({ path, fails, throws }: Record<string, unknown>): CallToolResult {
    if (throws === true) throw new Error('thrown');
    if (fails === true) return { content: [], isError: true };
    this.texts.set(`file:///${String(path)}`, 'written');
    return { content: [{ type: 'text', text: 'done' }] };
  }
}

/** A server as its author would write it, with subscriptions. */
function lowLevelServer(files: Files): LowLevelServer {
  const server = newLowLevelServer({
    capabilities: { resources: { subscribe: true, listChanged: true }, tools: {} },
  });
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({
    contents: [{ uri, text: files.text(uri) }],
  }));
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: [] }));
  server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    if (params.uri.includes('refused')) throw new Error('refused');
    return {};
  });
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) =>
    files.call(params.arguments ?? {}),
  );
  return server;
}

const managers: ResourceManager[] = [];
afterEach(() => {
  for (const manager of managers.splice(0)) manager.close();
});

/** A server of a manager's resources, which has tools of its own. */
async function managedServer(files: Files, manager = new ResourceManager()): Promise<McpServer> {
  managers.push(manager);
  const load = (uri: string): string => files.text(uri);
  if (manager.registry.list().length === 0) {
    manager.register('file:///{+path}', load, { public: true });
    manager.register('config://{name}', load, { public: true });
    manager.register('index://{name}', load, { public: true, tags: ['index'] });
  }
  const server = newServer();
  for (const name of Object.keys(FILES)) {
    const flag = z.boolean().optional();
    const inputSchema = { path: z.string().optional(), fails: flag, throws: flag };
    server.registerTool(name, { inputSchema }, (args) => files.call(args));
  }
  await serveResources(server, manager, { mutates: FILES });
  return server;
}

const HOSTS = {
  cacheServer: async (files: Files): Promise<Peer> => {
    const server = lowLevelServer(files);
    cacheServer(server, { mutates: FILES });
    return linkInMemory(server);
  },
  'cacheServer, once connected': async (files: Files): Promise<Peer> => {
    const server = lowLevelServer(files);
    const peer = await linkInMemory(server);
    cacheServer(server, { mutates: FILES });
    return peer;
  },
  serveResources: async (files: Files): Promise<Peer> => linkInMemory(await managedServer(files)),
};

describe.each(Object.entries(HOSTS))('a tool that changes resources (%s)', (host, open) => {
  watchProcess();
  const call = (peer: Peer, name: string, args: Record<string, unknown> = {}): Promise<unknown> =>
    peer.client.callTool({ name, arguments: args });

  it('has read nothing old who hears that it has succeeded, and tells who has subscribed [MUTATE-EVICTS, MUTATE-NOTIFIES]', async () => {
    const files = new Files();
    const peer = await open(files);
    await peer.client.subscribeResource({ uri: 'file:///a/b.txt' });
    await peer.client.subscribeResource({ uri: 'file:///other' });
    expect(await peer.text('file:///a/b.txt')).toBe('empty');
    await peer.text('file:///other');
    const { reads } = files;
    await call(peer, 'write_file', { path: 'a/b.txt' });
    expect(peer.updated).toEqual(['file:///a/b.txt']);
    expect(await peer.text('file:///a/b.txt')).toBe('written');
    await peer.text('file:///other');
    expect(files.reads).toBe(reads + 1);
  });

  it('means a URI however it is spelled, and all where it names none [MUTATE-ARGUMENTS]', async () => {
    const files = new Files();
    const peer = await open(files);
    const uris = ['file:///a%20b', 'file:///c'];
    for (const uri of uris) await peer.text(uri);
    let { reads } = files;
    await call(peer, 'write_file', { path: 'a b' });
    for (const uri of uris) await peer.text(uri);
    expect(files.reads).toBe(reads + 1);
    ({ reads } = files);
    await call(peer, 'write_file');
    for (const uri of uris) await peer.text(uri);
    expect(files.reads).toBe(reads + 2);
  });

  it('drops by prefix, RegExp and exact URI [MUTATE-EVICTS]', async () => {
    const files = new Files();
    const peer = await open(files);
    const uris = ['file:///a1', 'file:///b1', 'config://main', 'config://x'];
    const readAll = async (): Promise<number> => {
      const { reads } = files;
      for (const uri of uris) await peer.text(uri);
      return files.reads - reads;
    };
    await readAll();
    const dropped: Record<string, number> = {};
    for (const tool of ['touch_all', 'touch_some', 'set_config']) {
      await call(peer, tool);
      dropped[tool] = await readAll();
    }
    expect(dropped).toEqual({ touch_all: 2, touch_some: 1, set_config: 1 });
  });

  it('drops nothing where it fails, and for a tool that is not named [MUTATE-FAILURE]', async () => {
    const files = new Files();
    const peer = await open(files);
    await peer.client.subscribeResource({ uri: 'file:///a' });
    await peer.text('file:///a');
    await settled();
    const { reads } = files;
    await call(peer, 'write_file', { path: 'a', fails: true });
    await call(peer, 'write_file', { path: 'a', throws: true }).catch(() => {});
    await call(peer, 'none', { path: 'a' }).catch(() => {});
    await peer.text('file:///a');
    expect([files.reads, peer.updated]).toEqual([reads, []]);
  });

  it('tells nobody who has left, or was refused [MUTATE-NOTIFIES]', async () => {
    const files = new Files();
    const peer = await open(files);
    await peer.client.subscribeResource({ uri: 'file:///a' });
    await peer.client.unsubscribeResource({ uri: 'file:///a' });
    if (host !== 'serveResources') {
      await peer.client.subscribeResource({ uri: 'file:///refused' }).catch(() => {});
    }
    await call(peer, 'touch_all');
    expect(peer.updated).toEqual([]);
  });
});

describe('a tool that changes resources of a manager', () => {
  it('drops by tag, and tells clients of other servers [MUTATE-EVICTS, MUTATE-NOTIFIES]', async () => {
    const files = new Files();
    const manager = new ResourceManager();
    const one = await linkInMemory(await managedServer(files, manager));
    const other = await linkInMemory(await managedServer(files, manager));
    await other.client.subscribeResource({ uri: 'index://x' });
    await other.text('index://x');
    await one.client.callTool({ name: 'touch_all', arguments: {} });
    await settled();
    expect(other.updated).toEqual(['index://x']);
  });

  it('drops what may be revalidated too [MUTATE-EVICTS, REVALIDATE-INVALIDATED]', async () => {
    const files = new Files();
    const peer = await linkInMemory(await managedServer(files));
    const [manager] = managers;
    const asked: unknown[] = [];
    manager!.register(
      'file:///versioned',
      (uri, _, context) => {
        asked.push(context.validator?.etag);
        context.setTtl(1);
        return { contents: [{ uri, text: '' }], etag: 'x' };
      },
      { public: true },
    );
    await peer.text('file:///versioned');
    await expect.poll(() => manager!.stats().staleEntries).toBe(1);
    await peer.client.callTool({ name: 'touch_all', arguments: {} });
    await peer.text('file:///versioned');
    expect(asked).toEqual([undefined, undefined]);
  });
});

describe('servers that share a cache', () => {
  watchProcess();

  it('tell the clients of each other, by Streamable HTTP too [MUTATE-NOTIFIES, MUTATE-EVICTS]', async () => {
    const files = new Files();
    using cache = new ResourceCache();
    await using http = await HttpFixture.serving(async () => {
      const server = lowLevelServer(files);
      cacheServer(server, { cache, mutates: FILES, public: ['file:///{+path}'] });
      return server;
    });
    const [one, other] = [
      await http.connectAs('token-of-ann'),
      await http.connectAs('token-of-bob'),
    ];
    await expect.poll(() => http.streams).toBe(2);
    await other.client.subscribeResource({ uri: 'file:///a' });
    expect(await other.text('file:///a')).toBe('empty');
    await one.client.callTool({ name: 'write_file', arguments: { path: 'a' } });
    expect(await other.text('file:///a')).toBe('written');
    await expect.poll(() => other.updated).toEqual(['file:///a']);
    expect(one.updated).toEqual([]);
  });

  it('tell who has subscribed of what invalidate drops [MUTATE-NOTIFIES]', async () => {
    const files = new Files();
    const server = lowLevelServer(files);
    const caching = cacheServer(server);
    const peer = await linkInMemory(server);
    for (const uri of ['file:///a b', 'file:///c']) {
      await peer.client.subscribeResource({ uri });
      await peer.text(uri);
    }
    caching.invalidate('file:///a%20b');
    caching.invalidatePattern('file:///{x}');
    await peer.text('file:///c');
    expect(peer.updated).toEqual(['file:///a b', 'file:///a b', 'file:///c']);
    expect(files.reads).toBe(3);
    caching.close();
    await peer.text('file:///c');
    expect(files.reads).toBe(4);
  });

  it('drop a read whose contents include what was changed [MUTATE-EVICTS]', async () => {
    const server = newLowLevelServer({ capabilities: { resources: {}, tools: {} } });
    let reads = 0;
    server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
      reads++;
      return { contents: [{ uri: `${uri}/part`, text: '' }] };
    });
    server.setRequestHandler(CallToolRequestSchema, () => ({ content: [] }));
    cacheServer(server, { mutates: { write: ['folder://{x}/part'] } });
    const peer = await linkInMemory(server);
    await peer.text('folder://a');
    await peer.client.callTool({ name: 'write', arguments: {} });
    await peer.text('folder://a');
    expect(reads).toBe(2);
  });
});

describe('a task of a tool that changes resources', () => {
  watchProcess();

  it('drops when its client learns that it is complete, and not before [MUTATE-TASKS]', async () => {
    const store = new InMemoryTaskStore();
    const server = newLowLevelServer({
      capabilities: {
        resources: {},
        tools: {},
        tasks: { requests: { tools: { call: {} } }, list: {}, cancel: {} },
      },
      taskStore: store,
    });
    let reads = 0;
    server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
      reads++;
      return { contents: [{ uri, text: '' }] };
    });
    server.setRequestHandler(CallToolRequestSchema, async (_, { taskStore }) => {
      const task = await taskStore!.createTask({ ttl: 60_000 });
      return { task };
    });
    cacheServer(server, { mutates: { write: ['file:///a'] } });
    const peer = await linkInMemory(server);
    await peer.text('file:///a');
    for (const [outcome, isDropped] of [
      ['failed', false],
      ['completed', true],
    ] as const) {
      const created = await peer.client.request(
        { method: 'tools/call', params: { name: 'write', arguments: {}, task: { ttl: 60_000 } } },
        z.looseObject({ task: z.looseObject({ taskId: z.string() }) }),
      );
      const { taskId } = created.task;
      const before = reads;
      await peer.client.experimental.tasks.getTask(taskId);
      await peer.text('file:///a');
      expect(reads).toBe(before);
      await store.storeTaskResult(taskId, outcome, { content: [], isError: outcome === 'failed' });
      await peer.client.experimental.tasks.getTask(taskId);
      await peer.text('file:///a');
      expect(reads).toBe(before + (isDropped ? 1 : 0));
    }
    store.cleanup();
  });
});

describe('the option mutates', () => {
  it.each([
    [{ write: 'file:///a' }, 'mutates.write'],
    [{ write: [7] }, 'mutates.write'],
    [{ write: [{ tag: '' }] }, 'mutates.write.tag'],
    [{ write: ['file:///{'] }, 'template'],
    [['write'], 'mutates'],
  ])('refuses %j [MUTATE-INPUT]', async (mutates, named) => {
    const given = { mutates } as never;
    expect(() => cacheServer(newLowLevelServer(), given)).toThrow(named);
    const manager = new ResourceManager();
    managers.push(manager);
    await expect(serveResources(newServer(), manager, given)).rejects.toThrow(named);
  });

  it('refuses to cache calls of such a tool [MUTATE-INPUT]', () => {
    const given = { mutates: { write: ['a://b'] }, tools: { write: {} } };
    expect(() => cacheServer(newLowLevelServer(), given)).toThrow('tools.write');
  });

  it('takes several variables, of which some are given [MUTATE-ARGUMENTS]', async () => {
    const server = newServer();
    let reads = 0;
    server.registerResource(
      'posts',
      new ResourceTemplate('user://{id}/posts{?page}', { list: undefined }),
      {},
      ({ href }) => {
        reads++;
        return { contents: [{ uri: href, text: '' }] };
      },
    );
    server.registerTool('post', { inputSchema: { id: z.number() } }, () => ({ content: [] }));
    cacheServer(server, { mutates: { post: ['user://{id}/posts{?page}'] } });
    const peer = await linkInMemory(server);
    const uris = ['user://1/posts?page=1', 'user://1/posts?page=2', 'user://2/posts?page=1'];
    for (const uri of uris) await peer.text(uri);
    await peer.client.callTool({ name: 'post', arguments: { id: 1 } });
    for (const uri of uris) await peer.text(uri);
    expect(reads).toBe(5);
  });
});
