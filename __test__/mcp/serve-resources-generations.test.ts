import {
  completable,
  createMcpHandler,
  InMemoryServerEventBus,
  McpServer as McpServer2,
  type ServerEvent,
} from '@modelcontextprotocol/server';
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { linkEvents } from '../../src/mcp/link-events.ts';
import type { ServeResourcesOptions } from '../../src/mcp/serve-options.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { ServedHandler } from '../support/served-handler.ts';
import {
  type AnyMcpServer,
  HTTP,
  type Setting,
  SETTINGS,
  Site,
  STATELESS,
  STDIO,
  textIn,
  type Wire,
} from '../support/sdk-wires.ts';

const TTL_MS = 60_000;

/** A manager behind servers of one setting. */
class Fixture {
  readonly clock = new ManualClock();
  readonly manager = new ResourceManager({ clock: this.clock, ttlMs: TTL_MS });
  readonly site: Site;
  loads = 0;

  constructor(setting: Setting, options?: ServeResourcesOptions) {
    const { manager } = this;
    manager.register('public://{x}', (uri) => `${++this.loads}: ${uri}`, {
      public: true,
      tags: ['all'],
      mimeType: 'text/plain',
      complete: { x: (value) => ['aleph', 'beth'].filter((name) => name.startsWith(value)) },
    });
    manager.register('own://{x}', (uri, _, { principal, session }) => {
      const whose = principal === undefined ? session !== undefined : 'principal';
      return `${++this.loads}: ${uri} for ${whose}`;
    });
    manager.register('list://one', () => 'one', { public: true });
    this.site = new Site(setting, async () => {
      const server = newServer(setting);
      await serveResources(server, manager, options);
      return server;
    });
  }
}

function newServer({ generation }: Pick<Setting, 'generation'>): AnyMcpServer {
  const info = { name: 'served', version: '1.0.0' };
  return generation === 1 ? new McpServer1(info) : new McpServer2(info);
}

async function read(wire: Wire, uri: string): Promise<unknown> {
  return textIn(await wire.ask('resources/read', { uri }));
}

function updatedIn(wire: Wire): string[] {
  return wire.told
    .filter(({ method }) => method === 'notifications/resources/updated')
    .map(({ params }) => String(params?.['uri']));
}

describe.each(SETTINGS)('serveResources on $name', (setting) => {
  watchProcess();

  it('lists, reads, completes and refuses [SDK-GENERATIONS]', async () => {
    const { site, ...fixture } = new Fixture(setting);
    const wire = await site.connect();
    const { result: listed } = await wire.ask('resources/list');
    expect(listed).toMatchObject({ resources: [{ uri: 'list://one', name: 'list://one' }] });
    const { result: templates } = await wire.ask('resources/templates/list');
    expect(templates).toMatchObject({
      resourceTemplates: [
        { uriTemplate: 'own://{x}' },
        { uriTemplate: 'public://{x}', mimeType: 'text/plain' },
      ],
    });
    expect(await read(wire, 'public://a')).toBe('1: public://a');
    expect(await read(wire, 'public://a')).toBe('1: public://a');
    fixture.manager.invalidate('public://a');
    expect(await read(wire, 'public://a')).toBe('2: public://a');

    const complete = (ref: object): Promise<unknown> =>
      wire
        .ask('completion/complete', { ref, argument: { name: 'x', value: 'a' } })
        .then(({ result }) => (result?.['completion'] as { values: unknown } | undefined)?.values);
    expect(await complete({ type: 'ref/resource', uri: 'public://{x}' })).toEqual(['aleph']);

    const codeOf = async (method: string, params: Record<string, unknown>): Promise<unknown> =>
      (await wire.ask(method, params)).error?.code;
    const notFound = setting.generation === 1 ? -32_002 : -32_602;
    expect(await codeOf('resources/read', { uri: 'no://such' })).toBe(notFound);
    expect(await codeOf('resources/list', { cursor: 'bad' })).toBe(-32_602);
    expect(await codeOf('resources/list', { cursor: 7 })).toBe(-32_602);
  });

  it('tells how fresh a read is where the revision has it, and nowhere else [HINTS-REMAINING] [HINTS-OLDER]', async () => {
    const { clock, site, manager } = new Fixture(setting);
    const wire = await site.connect();
    const hints = async (uri: string): Promise<object> => {
      const { result } = await wire.ask('resources/read', { uri });
      const { ttlMs, cacheScope } = result!;
      return { ttlMs, cacheScope };
    };
    const none = { ttlMs: undefined, cacheScope: undefined };
    const isHinted = setting.revision === '2026-07-28';
    const own = setting.transport === 'requests' ? 0 : TTL_MS;
    for (const [uri, expected] of [
      ['public://a', { ttlMs: TTL_MS, cacheScope: 'public' }],
      ['own://a', { ttlMs: own, cacheScope: 'private' }],
    ] as const) {
      expect(await hints(uri)).toEqual(isHinted ? expected : none);
    }
    clock.advance(1_000.5);
    const left = { ttlMs: TTL_MS - 1_001, cacheScope: 'public' };
    expect(await hints('public://a')).toEqual(isHinted ? left : none);
    manager.invalidate('public://a');
    expect(await hints('public://a')).toEqual(
      isHinted ? { ttlMs: TTL_MS, cacheScope: 'public' } : none,
    );
  });

  it('tells nobody that a read is fresh which an invalidation has overtaken [SCOPE-RACE]', async () => {
    const { site, manager } = new Fixture(setting);
    let text = 'old';
    const gates: (() => void)[] = [];
    manager.register(
      'slow://x',
      async () => {
        const found = text;
        await new Promise<void>((resolve) => gates.push(resolve));
        return found;
      },
      { public: true },
    );
    const wire = await site.connect();
    const overtaken = wire.ask('resources/read', { uri: 'slow://x' });
    await vi.waitFor(() => expect(gates).toHaveLength(1));
    text = 'new';
    manager.invalidate('slow://x');
    const second = wire.ask('resources/read', { uri: 'slow://x' });
    await vi.waitFor(() => expect(gates).toHaveLength(2));
    gates[1]!();
    expect(textIn(await second)).toBe('new');
    gates[0]!();
    const { result } = await overtaken;
    expect(textIn({ result: result! })).toBe('old');
    if (setting.revision === '2026-07-28') expect(result!['ttlMs']).toBe(0);
    expect(await read(wire, 'slow://x')).toBe('new');
  });
});

describe.each(STATELESS)('a read on $name', (setting) => {
  it('promises nothing once it was overtaken, up to its sending [SCOPE-RACE] [HINTS-REMAINING]', async () => {
    const { site, manager } = new Fixture(setting);
    const wire = await site.connect();
    await read(wire, 'public://a');
    manager.once('accessed', ({ uri }) => queueMicrotask(() => void manager.invalidate(uri)));
    const { result } = await wire.ask('resources/read', { uri: 'public://a' });
    expect(result).toMatchObject({ contents: [{ text: '1: public://a' }], ttlMs: 0 });
    const { result: next } = await wire.ask('resources/read', { uri: 'public://a' });
    expect(next).toMatchObject({ contents: [{ text: '2: public://a' }], ttlMs: TTL_MS });
  });
});

describe.each([...STDIO, ...STATELESS.filter(({ transport }) => transport === 'requests')])(
  'subscribers on $name',
  (setting) => {
    watchProcess();

    it('are told of what is dropped by URI, tag, pattern and template, held or not [EVENTS-BOTH-ERAS]', async () => {
      const { site, manager } = new Fixture(setting);
      const link = site.handler && linkEvents(site.handler, { manager });
      const wire = await site.connect();
      await wire.subscribe(['public://a', 'public://b']);
      for (const uri of ['public://a', 'public://b', 'public://c']) await read(wire, uri);
      for (const [drop, expected] of [
        [() => manager.invalidate('public://a'), ['public://a']],
        [() => manager.invalidate('public://a'), ['public://a']],
        [() => manager.invalidateTag('all'), ['public://a', 'public://b']],
        [() => manager.invalidatePattern('public://b*'), ['public://b']],
        [() => manager.invalidatePattern('public://{x}'), ['public://a', 'public://b']],
        [() => manager.invalidate('public://c'), []],
        [() => manager.clear(), ['public://a', 'public://b']],
      ] as const) {
        wire.told.splice(0);
        drop();
        await settled();
        await settled();
        expect(updatedIn(wire).toSorted(), drop.toString()).toEqual(expected);
      }
      link?.close();
    });

    it('are told of other content after the time to live, and of patterns [EVENTS-BOTH-ERAS]', async () => {
      const { clock, site, manager } = new Fixture(setting);
      const link = site.handler && linkEvents(site.handler, { manager });
      const wire = await site.connect();
      await wire.subscribe(['public://a', 'list://one']);
      for (const uri of ['public://a', 'list://one']) await read(wire, uri);
      clock.advance(TTL_MS + 1);
      wire.told.splice(0);
      for (const uri of ['public://a', 'list://one']) await read(wire, uri);
      await vi.waitFor(() => expect(updatedIn(wire)).toEqual(['public://a']));
      manager.register('more://{x}', () => 'more');
      await vi.waitFor(() =>
        expect(wire.told.at(-1)?.method).toBe('notifications/resources/list_changed'),
      );
      link?.close();
    });
  },
);

describe.each(HTTP)('readers on $name', (setting) => {
  it('are kept apart by token, else by session, else not kept [SCOPE-CONTEXTS]', async () => {
    const { site } = new Fixture(setting);
    const isSession = setting.transport === 'sessions';
    const [ann, again, bob, nobody] = [
      await site.connect({ token: 'ann' }),
      await site.connect({ token: 'ann' }),
      await site.connect({ token: 'bob' }),
      await site.connect(),
    ];
    expect(await read(ann, 'own://x')).toBe('1: own://x for principal');
    expect(await read(again, 'own://x')).toBe('1: own://x for principal');
    expect(await read(bob, 'own://x')).toBe('2: own://x for principal');
    expect(await read(nobody, 'own://x')).toBe(`3: own://x for ${isSession}`);
    const next = isSession ? 3 : 4;
    expect(await read(nobody, 'own://x')).toBe(`${next}: own://x for ${isSession}`);
  });
});

describe('serveResources on a server of version 2', () => {
  it('leaves prompts to the McpServer, and completes on a low-level one [SDK-GENERATIONS]', async () => {
    const setting = STATELESS[0]!;
    const manager = new ResourceManager();
    manager.register('a://{x}', () => '', { complete: { x: () => ['resource'] } });
    const site = new Site(setting, async () => {
      const server = newServer(setting) as McpServer2;
      const argsSchema = z.object({ who: completable(z.string(), () => ['prompt']) });
      server.registerPrompt('greet', { argsSchema }, () => ({ messages: [] }));
      // With a prompt that completes, an McpServer has taken completion for itself.
      await serveResources(server, manager);
      return server;
    });
    const wire = await site.connect();
    const ask = async (ref: object, name: string): Promise<unknown> => {
      const argument = { name, value: '' };
      const { result, error } = await wire.ask('completion/complete', { ref, argument });
      return error?.message ?? (result?.['completion'] as { values: unknown } | undefined)?.values;
    };
    expect(await ask({ type: 'ref/prompt', name: 'greet' }, 'who')).toEqual(['prompt']);
    expect(await ask({ type: 'ref/resource', uri: 'a://{x}' }, 'x')).toEqual(['resource']);

    const low = new Site(setting, async () => {
      const { server } = newServer(setting) as McpServer2;
      await serveResources(server, manager, {
        completePrompt: ({ ref }) => ({
          completion: { values: ref.type === 'ref/prompt' ? [ref.name] : [] },
        }),
      });
      return server as unknown as McpServer2;
    });
    const lowWire = await low.connect();
    const askLow = async (params: Record<string, unknown>): Promise<unknown> => {
      const { result, error } = await lowWire.ask('completion/complete', params);
      return error?.message ?? (result?.['completion'] as { values: unknown } | undefined)?.values;
    };
    const argument = { name: 'x', value: '' };
    expect(await askLow({ ref: { type: 'ref/prompt', name: 'p' }, argument })).toEqual(['p']);
    expect(await askLow({ ref: { type: 'ref/resource', uri: 'a://{x}' }, argument })).toEqual([
      'resource',
    ]);
    for (const [params, message] of [
      [{ ref: 7, argument }, 'ref must be an object, got 7'],
      [{ ref: { type: 'other' }, argument }, "ref.type must be 'ref/prompt' or 'ref/resource'"],
      [{ ref: { type: 'ref/prompt' }, argument }, 'ref.name must be a string, got undefined'],
      [{ ref: { type: 'ref/prompt', name: 'p' }, argument: {} }, 'argument.name must be a string'],
    ] as const) {
      expect(await askLow(params)).toContain(`Invalid params: ${message}`);
    }
  });
});

describe('servers for each request', () => {
  it('let go of the registry when their request is over [SDK-GENERATIONS]', async () => {
    const setting = STATELESS.find(({ transport }) => transport === 'requests')!;
    const { site, manager } = new Fixture(setting);
    const { registry } = manager;
    const onChange = registry.onChange.bind(registry);
    let following = 0;
    vi.spyOn(registry, 'onChange').mockImplementation((listener) => {
      following++;
      const stop = onChange(listener);
      return () => {
        following--;
        stop();
      };
    });
    const wire = await site.connect();
    for (let n = 0; n < 3; n++) expect(await read(wire, 'public://a')).toBe('1: public://a');
    await vi.waitFor(() => expect(following).toBe(0));
    manager.close();
  });
});

describe('linkEvents', () => {
  watchProcess();
  const setting = STATELESS.find(({ transport }) => transport === 'requests')!;

  it('drops what handler.notify tells of, from answers and from the manager, first [EVENTS-LINK]', async () => {
    const manager = new ResourceManager();
    const cache = new ResourceCache();
    let loads = 0;
    manager.register('public://{x}', () => String(++loads), { public: true });
    const site = new Site(setting, async () => {
      const server = newServer(setting);
      await serveResources(server, manager);
      cacheServer(server, { cache, public: ['public://{x}'], partition: () => 'all' });
      return server;
    });
    const handler = site.handler!;
    using link = linkEvents(handler, { manager, cache });
    const wire = await site.connect();
    await wire.subscribe(['public://a']);
    expect([await read(wire, 'public://a'), await read(wire, 'public://a')]).toEqual(['1', '1']);
    handler.notify.resourceUpdated('public://a');
    await vi.waitFor(() => expect(updatedIn(wire)).toEqual(['public://a']));
    expect(await read(wire, 'public://a')).toBe('2');
    manager.invalidate('public://a');
    await vi.waitFor(() => expect(updatedIn(wire)).toHaveLength(2));
    expect(await read(wire, 'public://a')).toBe('3');

    for (const method of ['tools/list', 'prompts/list', 'resources/list'] as const) {
      await wire.ask(method);
    }
    const held = cache.size;
    handler.notify.resourcesChanged();
    expect(cache.size).toBeLessThan(held);
    expect(() => {
      handler.notify.toolsChanged();
      handler.notify.promptsChanged();
    }).not.toThrow();
    link.close();
    link.close();
    await read(wire, 'public://a');
    handler.notify.resourceUpdated('public://a');
    expect(await read(wire, 'public://a')).toBe('3');
    manager.close();
  });

  it('sends nothing back to the bus that came from it, whatever echoes [EVENTS-LINK]', async () => {
    const bus = new InMemoryServerEventBus();
    const published: ServerEvent[] = [];
    /** As one over many processes: each hears of its own events too, later. */
    const echoing = {
      publish: (event: ServerEvent): void => {
        published.push(event);
        queueMicrotask(() => bus.publish(event));
      },
      subscribe: (listener: (event: ServerEvent) => void) => bus.subscribe(listener),
    };
    const manager = new ResourceManager();
    manager.register('public://{x}', () => 'x', { public: true });
    using _ = linkEvents(echoing, { manager });
    await manager.read('public://a');
    manager.invalidate('public://a');
    await settled();
    await manager.read('public://a');
    bus.publish({ kind: 'resource_updated', uri: 'public://a' });
    bus.publish({ kind: 'resource_updated', uri: '' });
    await settled();
    expect(published).toEqual([{ kind: 'resource_updated', uri: 'public://a' }]);
    manager.unregister('public://{x}');
    manager.register('other://{x}', () => 'x');
    await settled();
    // What was read by a pattern that is gone is not what it was; the list has changed once.
    expect(published.slice(1)).toEqual([
      { kind: 'resource_updated', uri: 'public://a' },
      { kind: 'resources_list_changed' },
    ]);
    manager.close();
    expect(() => bus.publish({ kind: 'resource_updated', uri: 'public://a' })).not.toThrow();
  });

  it('reaches a real client over Streamable HTTP [EVENTS-LINK] [SDK-GENERATIONS]', async () => {
    const manager = new ResourceManager();
    let text = 'first';
    manager.register('public://{x}', () => text, { public: true });
    const handler = createMcpHandler(async () => {
      const server = new McpServer2({ name: 'served', version: '1.0.0' });
      await serveResources(server, manager);
      return server;
    });
    using _ = linkEvents(handler, { manager });
    await using http = await ServedHandler.start(handler);
    const client = await http.connect();
    const updated: string[] = [];
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
      updated.push(params.uri);
    });
    await client.listen({ resourceSubscriptions: ['public://a'] });
    const readText = async (): Promise<unknown> => {
      const { contents } = await client.readResource({ uri: 'public://a' });
      return (contents[0] as { text?: string }).text;
    };
    // The client keeps what it is told to be fresh, until it hears otherwise.
    expect(await readText()).toBe('first');
    text = 'second';
    expect(await readText()).toBe('first');
    manager.invalidate('public://a');
    await vi.waitFor(() => expect(updated).toEqual(['public://a']));
    expect(await readText()).toBe('second');
    manager.close();
  });

  it('refuses what is no bus, and what links nothing [EVENTS-LINK]', async () => {
    const bus = new InMemoryServerEventBus();
    const manager = new ResourceManager();
    for (const [source, options, name] of [
      [{}, { manager }, 'source'],
      [undefined, { manager }, 'source'],
      [bus, {}, 'options'],
      [bus, undefined, 'options'],
      [bus, { manager: {} }, 'manager'],
      [bus, { cache: {} }, 'cache'],
    ] as const) {
      const { message } = await granaryFailure(
        () => void linkEvents(source as never, options as never),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(message).toMatch(new RegExp(`^${name} must be`));
    }
    manager.close();
  });
});
