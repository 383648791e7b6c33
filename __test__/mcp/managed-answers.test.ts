import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer as McpServer2 } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import { builtUrl, PACKAGE_URL, runModule } from '../support/child-module.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { watchProcess } from '../support/process-signals.ts';
import { SETTINGS, type Setting, Site, textIn, type Wire } from '../support/sdk-wires.ts';

const URI = 'note://one';
const MANAGER_TTL_MS = 5_000;
const INFO = { name: 'notes', version: '1.0.0' };

/** Servers that a manager serves and `cacheServer` caches, with nobody who has subscribed. */
class Fixture {
  readonly clock = new ManualClock();
  readonly cache = new ResourceCache({ clock: this.clock, ttlMs: 600_000 });
  readonly manager = new ResourceManager({ clock: this.clock, ttlMs: MANAGER_TTL_MS });
  readonly site: Site;
  text = 'first';
  loads = 0;

  constructor({ generation, ...setting }: Setting, isCachedFirst: boolean) {
    this.manager.register(
      'note://{id}',
      () => {
        this.loads++;
        return this.text;
      },
      { public: true, tags: ['notes'] },
    );
    this.site = new Site({ generation, ...setting }, async () => {
      const server = generation === 1 ? new McpServer1(INFO) : new McpServer2(INFO);
      const steps = [
        () => cacheServer(server, { cache: this.cache, public: ['note://{x}'] }),
        () => serveResources(server, this.manager),
      ];
      for (const step of isCachedFirst ? steps : steps.reverse()) await step();
      return server;
    });
  }

  /** Reads until `cacheServer` keeps it: not at once where the read has brought a change, which drops. */
  async read(wire: Wire): Promise<unknown> {
    const texts = new Set<unknown>();
    let hits = 0;
    for (let time = 0; time < 3; time++) {
      hits = this.cache.stats().hits;
      texts.add(textIn(await wire.ask('resources/read', { uri: URI })));
    }
    expect(this.cache.stats().hits).toBe(hits + 1);
    expect(texts.size).toBe(1);
    return [...texts][0];
  }
}

const CHANGES: readonly [name: string, change: (fixture: Fixture) => void][] = [
  ['a URI', ({ manager }) => void manager.invalidate(URI)],
  ['a pattern', ({ manager }) => void manager.invalidatePattern('note://{id}')],
  ['a tag', ({ manager }) => void manager.invalidateTag('notes')],
  ['everything', ({ manager }) => manager.clear()],
  ['its time to live', ({ clock }) => clock.advance(MANAGER_TTL_MS + 1)],
];

const CASES = SETTINGS.flatMap((setting) =>
  [true, false].map((isCachedFirst) => ({
    setting,
    isCachedFirst,
    name: `${setting.name}, ${isCachedFirst ? 'cached and served' : 'served and cached'}`,
  })),
);

describe.each(CASES)('a cached server of a manager ($name)', ({ setting, isCachedFirst }) => {
  watchProcess();

  it.each(CHANGES)(
    'answers with nothing that its manager has dropped by %s, though nobody has subscribed [CACHE-SERVER-MANAGED]',
    async (_, change) => {
      const fixture = new Fixture(setting, isCachedFirst);
      const wire = await fixture.site.connect();
      expect(await fixture.read(wire)).toBe('first');
      fixture.text = 'second';
      expect(await fixture.read(wire)).toBe('first');
      expect(fixture.loads).toBe(1);
      change(fixture);
      expect(await fixture.read(wire)).toBe('second');
      fixture.manager.close();
    },
  );

  it('lists what its manager has registered since [CACHE-SERVER-MANAGED]', async () => {
    const { site, manager, cache } = new Fixture(setting, isCachedFirst);
    const wire = await site.connect();
    const list = async (): Promise<unknown> => {
      const { result } = await wire.ask('resources/templates/list');
      const templates = result?.['resourceTemplates'] as { uriTemplate: string }[];
      return templates.map(({ uriTemplate }) => uriTemplate);
    };
    expect(await list()).toEqual(['note://{id}']);
    manager.register('page://{id}', () => 'page');
    expect(await list()).toEqual(['note://{id}', 'page://{id}']);
    manager.unregister('note://{id}');
    expect(await list()).toEqual(['page://{id}']);
    manager.close();
    cache.close();
  });
});

it('is served by a manager that is closed as without a cache [CACHE-SERVER-MANAGED]', async () => {
  for (const isCachedFirst of [true, false]) {
    const fixture = new Fixture(SETTINGS[0]!, isCachedFirst);
    fixture.manager.close();
    const wire = await fixture.site.connect();
    const { error } = await wire.ask('resources/read', { uri: URI });
    expect(error).toMatchObject({ code: -32_603 });
  }
});

it('keeps no cached server alive for its manager, nor its cache [CACHE-SERVER-MANAGED]', async () => {
  const collected = await runModule<number>(
    `
      import { setTimeout as pause } from 'node:timers/promises';
      import { McpServer } from '${import.meta.resolve('@modelcontextprotocol/sdk/server/mcp.js')}';
      import { ResourceManager } from '${PACKAGE_URL}';
      import { cacheServer, serveResources } from '${builtUrl('mcp/index.js')}';

      const manager = new ResourceManager();
      let collected = 0;
      const registry = new FinalizationRegistry(() => collected++);
      async function serve() {
        const server = new McpServer({ name: 'notes', version: '1.0.0' });
        await serveResources(server, manager);
        registry.register(server);
        registry.register(cacheServer(server).cache);
      }
      for (let count = 0; count < 50; count++) await serve();
      for (let look = 0; look < 400 && collected < 100; look++) {
        gc();
        await pause(10);
      }
      manager.close();
      console.log(collected);
    `,
    ['--expose-gc'],
  );
  expect(collected).toBe(100);
});
