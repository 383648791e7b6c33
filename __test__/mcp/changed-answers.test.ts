import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { McpServer as McpServer2 } from '@modelcontextprotocol/server';
import { describe, expect, it, vi } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { cacheServer, type ServerCaching } from '../../src/mcp/cache-server.ts';
import { linkEvents } from '../../src/mcp/link-events.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import type { Mutations } from '../../src/mcp/tool-mutations.ts';
import { HttpFixture, newLowLevelServer } from '../support/mcp-peers.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import {
  type AnyMcpServer,
  type Setting,
  Site,
  STATELESS,
  STDIO,
  textIn,
  type Wire,
} from '../support/sdk-wires.ts';

const TTL_MS = 60_000;
const URIS = ['note://one', 'note://two'];
const MUTATES: Mutations = {
  write: ['note://one'],
  write_all: ['note://*'],
  add: ['resources/list', 'prompts/list'],
};

/** A server as its author would write it, with subscriptions. */
function newServer({ generation }: Setting, text: (uri: string) => string): AnyMcpServer {
  const info = { name: 'notes', version: '1.0.0' };
  const capabilities = {
    resources: { subscribe: true, listChanged: true },
    prompts: { listChanged: true },
  };
  const server = generation === 1 ? new McpServer1(info) : new McpServer2(info);
  server.server.registerCapabilities(capabilities);
  if (server instanceof McpServer1) {
    server.server.setRequestHandler(SubscribeRequestSchema, () => ({}));
    server.server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  } else {
    server.server.setRequestHandler('resources/subscribe', () => ({}));
    server.server.setRequestHandler('resources/unsubscribe', () => ({}));
  }
  const read = ({ href }: URL): { contents: { uri: string; text: string }[] } => ({
    contents: [{ uri: href, text: text(href) }],
  });
  for (const uri of URIS) {
    if (server instanceof McpServer1) server.registerResource(uri, uri, {}, read);
    else server.registerResource(uri, uri, {}, read);
  }
  for (const name of Object.keys(MUTATES)) {
    if (server instanceof McpServer1) server.registerTool(name, {}, () => ({ content: [] }));
    else server.registerTool(name, {}, () => ({ content: [] }));
  }
  return server;
}

class Fixture {
  readonly clock = new ManualClock();
  readonly cache = new ResourceCache({ clock: this.clock, ttlMs: TTL_MS });
  readonly texts = new Map(URIS.map((uri) => [uri, 'first']));
  readonly site: Site;
  /** Of the server that was made last. */
  caching: ServerCaching | undefined;
  reads = 0;

  constructor(setting: Setting) {
    this.site = new Site(setting, () => {
      const server = newServer(setting, (uri) => {
        this.reads++;
        return this.texts.get(uri) ?? '';
      });
      const { cache } = this;
      this.caching = cacheServer(server, { cache, mutates: MUTATES, public: ['note://{x}'] });
      return server;
    });
    if (this.site.handler !== undefined) linkEvents(this.site.handler, { cache: this.cache });
  }
}

async function read(wire: Wire, uri: string): Promise<unknown> {
  return textIn(await wire.ask('resources/read', { uri }));
}

/** What a client has been told since it was last asked. */
async function toldTo(wire: Wire): Promise<string[]> {
  await settled();
  await settled();
  const told = wire.told.splice(0).map(({ method, params }) => {
    const uri = params?.['uri'];
    return typeof uri === 'string' ? uri : String(method);
  });
  return told.toSorted();
}

describe.each([...STDIO, ...STATELESS.filter(({ transport }) => transport === 'requests')])(
  'clients of a cached server on $name',
  (setting) => {
    watchProcess();

    it('hear of other content that a read has brought after its time, once, and find it [EVENTS-CACHED-CONTENT]', async () => {
      const { site, clock, texts, ...fixture } = new Fixture(setting);
      const [wire, reader] = [await site.connect(), await site.connect()];
      await wire.subscribe(URIS);
      for (const uri of URIS) await read(reader, uri);
      texts.set('note://one', 'second');
      clock.advance(TTL_MS + 1);
      expect(await toldTo(wire)).not.toContain('note://one');
      for (const uri of URIS) await read(reader, uri);
      expect(await toldTo(wire)).toEqual(['note://one']);
      expect(await read(wire, 'note://one')).toBe('second');
      clock.advance(TTL_MS + 1);
      for (const uri of URIS) await read(reader, uri);
      expect(await toldTo(wire)).toEqual([]);
      expect(fixture.cache.size).toBe(2);
    });

    it('hear of what tools and invalidations drop [EVENTS-CACHED-CONTENT, MUTATE-NOTIFIES]', async () => {
      const fixture = new Fixture(setting);
      const [wire, other] = [await fixture.site.connect(), await fixture.site.connect()];
      await wire.subscribe(URIS);
      for (const uri of URIS) await read(other, uri);
      await toldTo(wire);
      fixture.texts.set('note://one', 'second');
      await other.ask('tools/call', { name: 'write', arguments: {} });
      expect(await toldTo(wire)).toEqual(['note://one']);
      for (const uri of URIS) await read(other, uri);
      // It has been told already.
      expect([fixture.reads, await toldTo(wire)]).toEqual([3, []]);
      await other.ask('tools/call', { name: 'write_all', arguments: {} });
      expect(await toldTo(wire)).toEqual(URIS);
      fixture.caching!.invalidate('note://two');
      expect(await toldTo(wire)).toEqual(['note://two']);
      fixture.caching!.invalidatePattern(/note:/);
      expect(await toldTo(wire)).toEqual(URIS);
    });

    it('hear of lists that a tool has changed, and get them anew [MUTATE-LISTS]', async () => {
      const { site, cache } = new Fixture(setting);
      const [wire, other] = [await site.connect(), await site.connect()];
      await wire.subscribe(URIS);
      await read(other, 'note://one');
      await other.ask('resources/list');
      await toldTo(wire);
      await other.ask('tools/call', { name: 'add', arguments: {} });
      expect([...cache.keys()].filter((key) => key.includes('resources/list'))).toEqual([]);
      const told: string[] = [];
      await vi.waitFor(async () => {
        told.push(...(await toldTo(wire)));
        for (const group of ['resources', 'prompts']) {
          expect(told).toContain(`notifications/${group}/list_changed`);
        }
      });
    });
  },
);

it('tells nobody but its readers of content that is kept for them alone [EVENTS-CACHED-CONTENT, SCOPE-CONTEXTS]', async () => {
  const clock = new ManualClock();
  using cache = new ResourceCache({ clock, ttlMs: TTL_MS });
  const texts: Record<string, string> = { ann: 'first', bob: 'first' };
  await using http = await HttpFixture.serving(() => {
    const server = newLowLevelServer({ capabilities: { resources: { subscribe: true } } });
    server.setRequestHandler(SubscribeRequestSchema, () => ({}));
    server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }, { authInfo }) => ({
      contents: [{ uri, text: texts[String(authInfo?.extra?.['user'])] ?? 'nobody' }],
    }));
    cacheServer(server, { cache });
    return Promise.resolve(server);
  });
  const [ann, again, bob] = [
    await http.connectAs('token-of-ann'),
    await http.connectAs('token-of-ann'),
    await http.connectAs('token-of-bob'),
  ];
  const readers = [ann, again, bob];
  await expect.poll(() => http.streams).toBe(3);
  const uri = 'note://mine';
  for (const reader of readers) await reader.client.subscribeResource({ uri });
  for (const reader of readers) expect(await reader.text(uri)).toBe('first');
  texts['ann'] = 'second';
  clock.advance(TTL_MS + 1);
  for (const reader of readers) await reader.text(uri);
  await expect.poll(() => again.updated).toEqual([uri]);
  await expect.poll(() => ann.updated).toEqual([uri]);
  await settled();
  expect(bob.updated).toEqual([]);
});

it('has clients of all servers of a manager hear of lists that a tool has changed [MUTATE-LISTS]', async () => {
  const [setting] = STDIO;
  using manager = new ResourceManager();
  manager.register('note://one', () => 'one', { public: true });
  const site = new Site(setting!, async () => {
    const server = new McpServer1({ name: 'notes', version: '1.0.0' });
    server.registerTool('add', {}, () => ({ content: [] }));
    await serveResources(server, manager, { mutates: { add: ['resources/templates/list'] } });
    return server;
  });
  const wires = [await site.connect(), await site.connect()];
  for (const wire of wires) await toldTo(wire);
  await wires[0]!.ask('tools/call', { name: 'add', arguments: {} });
  for (const wire of wires) {
    expect(await toldTo(wire)).toEqual(['notifications/resources/list_changed']);
  }
});
