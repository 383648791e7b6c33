import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { GranaryError } from '../../src/errors.ts';
import { RESOURCE_EVENT_NAMES } from '../../src/events/resource-event.ts';
import type { ManagerOptions } from '../../src/manager/manager-options.ts';
import type { ReadContext } from '../../src/manager/read-context.ts';
import type { ReadResult } from '../../src/manager/read-result.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { UriRegistry } from '../../src/registry/uri-registry.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const PUBLIC = { public: true } as const;

function managerOf(options: ManagerOptions = {}): ResourceManager {
  return new ResourceManager({ clock: new ManualClock(), ...options });
}

/** A manager whose loader numbers its loads. */
function countingManager(options?: ManagerOptions): ResourceManager {
  const manager = managerOf(options);
  let loads = 0;
  manager.register('n://{x}', () => `load ${++loads}`, PUBLIC);
  return manager;
}

async function textOf(manager: ResourceManager, uri: string): Promise<string | undefined> {
  return (await manager.read(uri)).contents[0]?.text;
}

/** Titles of the events, such as `loaded n://1`, in the order of delivery. */
function eventTitles(manager: ResourceManager): string[] {
  const titles: string[] = [];
  for (const name of RESOURCE_EVENT_NAMES) {
    manager.on(name, ({ event, uri }) => titles.push(`${event} ${uri}`));
  }
  return titles;
}

describe('ResourceManager', () => {
  const signals = watchProcess();

  describe('read', () => {
    it('calls the loader with URI and params, and only once [MANAGER-READ] [REG-LOADER-PARAMS]', async () => {
      const manager = managerOf();
      const calls: unknown[] = [];
      manager.register(
        'user://{id}/posts{?page}',
        (uri, params) => {
          calls.push([uri, { ...params }]);
          return 'posts';
        },
        PUBLIC,
      );
      const first = await manager.read('user://J%C3%B6rg/posts?page=2');
      expect(await manager.read('user://J%C3%B6rg/posts?page=2')).toBe(first);
      expect(calls).toEqual([['user://J%C3%B6rg/posts?page=2', { id: 'Jörg', page: '2' }]]);
      expect(manager.stats()).toMatchObject({ loads: 1, hits: 1, misses: 1, size: 1 });
    });

    it('joins a load under way [MANAGER-READ]', async () => {
      const manager = managerOf();
      const origin = deferred<string>();
      manager.register('a://{x}', () => origin.promise, PUBLIC);
      const reads = Array.from({ length: 100 }, () => manager.read('a://1'));
      origin.resolve('once');
      expect(new Set(await Promise.all(reads)).size).toBe(1);
      expect(manager.stats()).toMatchObject({ loads: 1, coalescedLoads: 99 });
    });

    it('names a URI that no pattern matches [MANAGER-READ] [REG-NO-MATCH]', async () => {
      const manager = countingManager();
      const error = await granaryFailure(() => manager.read('other://1'), 'ERR_GRANARY_NO_MATCH');
      expect(error.message).toContain('other://1');
      expect(error.data['uri']).toBe('other://1');
    });

    it('finds nothing under a URI with the separator of partitions [MANAGER-PRINCIPALS]', async () => {
      const manager = managerOf();
      manager.register('{+anything}', () => 'caught', PUBLIC);
      const uri = 'a://b\u0000public';
      const error = await granaryFailure(() => manager.read(uri), 'ERR_GRANARY_NO_MATCH');
      expect(error.data['uri']).toBe(uri);
    });

    it('is not found where the loader says so, failed where another URI was [MANAGER-READ]', async () => {
      const manager = managerOf();
      const gone = new GranaryError('ERR_GRANARY_NO_MATCH', 'no such user');
      manager.register('user://{id}', () => Promise.reject(gone), PUBLIC);
      manager.register('card://{id}', (_, { id }) => manager.read(`nothing://${id}`), PUBLIC);
      expect(await granaryFailure(() => manager.read('user://1'), 'ERR_GRANARY_NO_MATCH')).toBe(
        gone,
      );
      const error = await granaryFailure(() => manager.read('card://1'), 'ERR_GRANARY_LOAD_FAILED');
      expect((error.cause as GranaryError).data['uri']).toBe('nothing://1');
    });

    it('reports a failure with its cause and caches nothing [MANAGER-READ]', async () => {
      const manager = managerOf();
      let fails = true;
      const reason = new Error('disk on fire');
      manager.register(
        'a://{x}',
        () => {
          if (fails) throw reason;
          return 'recovered';
        },
        PUBLIC,
      );
      const error = await granaryFailure(() => manager.read('a://1'), 'ERR_GRANARY_LOAD_FAILED');
      expect(error.cause).toBe(reason);
      fails = false;
      expect(await textOf(manager, 'a://1')).toBe('recovered');
    });

    it('gives a loader the stale result and lets it choose TTL and tags [MANAGER-TTL-TAGS]', async () => {
      const clock = new ManualClock();
      const manager = managerOf({ clock });
      const stale: unknown[] = [];
      manager.register(
        'a://{x}',
        (_, __, context) => {
          stale.push(context.stale?.contents[0]?.text);
          context.setTtl(10);
          context.setTags(['chosen']);
          return `v${stale.length}`;
        },
        PUBLIC,
      );
      await manager.read('a://1');
      clock.advance(11);
      expect(await textOf(manager, 'a://1')).toBe('v2');
      expect(stale).toEqual([undefined, 'v1']);
      expect(manager.invalidateTag('chosen')).toBe(1);
    });
  });

  describe('results', () => {
    async function read(value: unknown, mimeType?: string): Promise<ReadResult> {
      const manager = managerOf();
      manager.register('a://{x}', () => value, { ...PUBLIC, mimeType });
      return manager.read('a://1');
    }

    it.each<[string, unknown, string | undefined, object]>([
      ['a string', 'text', undefined, { text: 'text' }],
      ['an empty string', '', 'text/plain', { mimeType: 'text/plain', text: '' }],
      ['bytes', Uint8Array.of(0, 255), 'image/png', { mimeType: 'image/png', blob: 'AP8=' }],
      ['a part of a buffer', Buffer.from('abcd').subarray(1, 3), undefined, { blob: 'YmM=' }],
      ['an object', { a: [1] }, undefined, { mimeType: 'application/json', text: '{"a":[1]}' }],
      ['null', null, undefined, { mimeType: 'application/json', text: 'null' }],
      ['zero', 0, 'text/x-count', { mimeType: 'text/x-count', text: '0' }],
      ['false', false, undefined, { mimeType: 'application/json', text: 'false' }],
      ['other contents', { contents: 'prose' }, undefined, { text: '{"contents":"prose"}' }],
    ])('makes %s what MCP sends [MANAGER-RESULTS]', async (_, value, mimeType, part) => {
      const { contents } = await read(value, mimeType);
      expect(contents).toHaveLength(1);
      expect(contents[0]).toMatchObject({ uri: 'a://1', ...part });
      if (mimeType === undefined && !('mimeType' in part) && typeof value !== 'object') {
        expect(contents[0]).not.toHaveProperty('mimeType');
      }
    });

    it('gives contents out as they are [MANAGER-RESULTS]', async () => {
      const value = { contents: [{ uri: 'a://1#part', text: 'x' }], _meta: { etag: '7' } };
      expect(await read(value)).toBe(value);
    });

    it('is frozen where it was made here: readers share it [MANAGER-RESULTS]', async () => {
      const result = await read('text');
      expect(Object.isFrozen(result)).toBe(true);
      expect(Object.isFrozen(result.contents)).toBe(true);
      expect(Object.isFrozen(result.contents[0])).toBe(true);
    });

    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    it.each<[string, unknown, RegExp]>([
      ['undefined', undefined, /a:\/\/1 returned undefined; return null/],
      ['a function', () => 1, /returned a function, which JSON cannot express/],
      ['a symbol', Symbol('s'), /returned a symbol/],
      ['a bigint', 1n, /JSON cannot express/],
      ['a cycle', cyclic, /JSON cannot express/],
      ['no object in contents', { contents: [null] }, /contents\[0\] without a string uri/],
      ['no text in contents', { contents: [{ uri: 'a://1', text: 1 }] }, /contents\[0\]/],
      [
        'a bigint beside contents',
        { contents: [{ uri: 'a://1', text: '' }], _meta: { n: 1n } },
        /JSON cannot express/,
      ],
      [
        'a cycle within contents',
        { contents: [{ uri: 'a://1', blob: '', _meta: { cyclic } }] },
        /JSON cannot express/,
      ],
      [
        'a bigint for a text',
        { contents: [{ uri: 'a://1', blob: '', text: 1n }] },
        /JSON cannot express/,
      ],
      ['no uri', { contents: [{ uri: 'a://1', text: '' }, { text: '' }] }, /contents\[1\]/],
    ])('refuses %s by name [MANAGER-RESULTS]', async (_, value, message) => {
      const error = await granaryFailure(() => read(value), 'ERR_GRANARY_LOAD_FAILED');
      expect(error.message).toMatch(message);
      expect(error.data['uri']).toBe('a://1');
    });
  });

  it('has the defaults of the seed [MANAGER-DEFAULTS]', () => {
    using manager = new ResourceManager();
    expect(manager.stats()).toMatchObject({
      maxSize: 100,
      maxMemoryBytes: 100 * 1024 * 1024,
      ttlSeconds: 15 * 60,
      uncachedReads: 0,
    });
  });

  it('keeps what a pattern loads for the TTL of the pattern, else of the cache [REG-PATTERN-TTL] [MANAGER-TTL-TAGS]', async () => {
    const clock = new ManualClock();
    const manager = managerOf({ clock, ttlMs: 1_000 });
    const loads: string[] = [];
    const load = (uri: string): string => (loads.push(uri), uri);
    manager.register('short://{x}', load, { ...PUBLIC, ttlMs: 100 });
    manager.register('usual://{x}', load, PUBLIC);
    manager.register('never://{x}', load, { ...PUBLIC, ttlMs: 0 });
    const uris = ['short://1', 'usual://1', 'never://1'];
    await manager.readMany(uris);
    clock.advance(100);
    await manager.readMany(uris);
    expect(loads).toEqual(uris);
    clock.advance(1);
    await manager.readMany(uris);
    expect(loads.slice(3)).toEqual(['short://1']);
    clock.advance(900);
    await manager.readMany(uris);
    expect(loads.slice(4)).toEqual(['short://1', 'usual://1']);
  });

  it('tags what a pattern loads [MANAGER-TTL-TAGS]', async () => {
    const manager = managerOf();
    manager.register('a://{x}', () => 1, { ...PUBLIC, tags: ['a', '__proto__'] });
    manager.register('b://{x}', () => 1, { ...PUBLIC, tags: ['b'] });
    await manager.readMany(['a://1', 'a://2', 'b://1']);
    expect(manager.invalidateTag('__proto__')).toBe(2);
    expect(manager.invalidateTag('constructor')).toBe(0);
    expect(manager.stats().size).toBe(1);
  });

  it('reads many as one each, in their order [MANAGER-READ-MANY]', async () => {
    const manager = countingManager();
    const first = await manager.read('n://2');
    const results = await manager.readMany(new Set(['n://1', 'n://2', 'n://1', 'n://3']));
    expect([...results.keys()]).toEqual(['n://1', 'n://2', 'n://3']);
    expect(results.get('n://2')).toBe(first);
    expect(manager.stats().loads).toBe(3);
    await granaryFailure(() => manager.readMany(['n://1', 'x://1']), 'ERR_GRANARY_NO_MATCH');
    await granaryFailure(() => manager.readMany('n://1' as never), 'ERR_GRANARY_BAD_OPTION');
  });

  it('tells what happens, by URI and in order [MANAGER-OBSERVABLE]', async () => {
    const clock = new ManualClock();
    const manager = countingManager({ clock, maxEntries: 2 });
    const titles = eventTitles(manager);
    await manager.read('n://1');
    await manager.read('n://1');
    expect(titles.splice(0)).toEqual(['loaded n://1', 'accessed n://1', 'accessed n://1']);
    await manager.readMany(['n://2', 'n://3']);
    expect(titles.splice(0).filter((title) => title.startsWith('evicted'))).toEqual([
      'evicted n://1',
    ]);
    manager.invalidate('n://2');
    manager.invalidate('n://2');
    expect(titles.splice(0)).toEqual(['invalidated n://2']);
    clock.advance(900_001);
    await textOf(manager, 'n://3');
    expect(titles.splice(0)).toEqual(['expired n://3', 'loaded n://3', 'accessed n://3']);
  });

  it('calls a once listener once, and none after off [EVENT-OFF-ONCE]', async () => {
    const manager = countingManager();
    const heard: string[] = [];
    const listener = (): void => void heard.push('on');
    manager.once('accessed', () => heard.push('once')).on('accessed', listener);
    await manager.read('n://1');
    await manager.read('n://1');
    expect(heard).toEqual(['once', 'on', 'on']);
    manager.off('accessed', listener);
    await manager.read('n://1');
    expect(heard).toHaveLength(3);
  });

  it('asks the cache for accesses only while somebody listens [HIT-NO-LISTENER-COST]', async () => {
    const cache = new ResourceCache<ReadResult>({ clock: new ManualClock() });
    const added: string[] = [];
    const on = cache.on.bind(cache);
    cache.on = (event, listener) => (added.push(event), on(event, listener));
    const manager = new ResourceManager({ cache });
    expect(added).not.toContain('accessed');
    manager.on('accessed', () => {});
    expect(added).toContain('accessed');
  });

  describe('patterns that come and go', () => {
    it('drop what another loader made of their URIs [MANAGER-INVALIDATE]', async () => {
      const manager = managerOf();
      manager.register('a://{+x}', () => 'wide', PUBLIC);
      expect(await textOf(manager, 'a://b/1')).toBe('wide');
      expect(await textOf(manager, 'a://c/1')).toBe('wide');
      manager.register('a://b/{x}', () => 'narrow', PUBLIC);
      expect(await textOf(manager, 'a://b/1')).toBe('narrow');
      manager.unregister('a://b/{x}');
      expect(await textOf(manager, 'a://b/1')).toBe('wide');
      expect(manager.unregister('a://{+x}')).toBe(true);
      expect(manager.unregister('a://{+x}')).toBe(false);
      await granaryFailure(() => manager.read('a://b/1'), 'ERR_GRANARY_NO_MATCH');
      expect(manager.stats().size).toBe(0);
    });

    it('leave alone what other patterns win [MANAGER-INVALIDATE]', async () => {
      const manager = managerOf();
      const reader = { principal: 'ann' };
      const uris = ['a://exact', 'a://b/1', 'a://c/1', 'a://d'];
      const told: string[] = [];
      let loads = 0;
      for (const pattern of ['a://exact', 'a://b/{x}', '{s}://c/{x}']) {
        manager.register(pattern, () => ++loads, PUBLIC);
      }
      manager.register('a://{x}', () => ++loads);
      await manager.readMany(uris, reader);
      for (const uri of uris) manager.watch(uri, () => void told.push(uri), reader);
      const texts = async () =>
        (await Promise.all(uris.map((uri) => manager.read(uri, reader)))).map(
          ({ contents }) => contents[0]?.text,
        );
      expect(await texts()).toEqual(['1', '2', '3', '4']);

      // Less literal than all, as literal but later, and gone again.
      for (const wide of ['{+any}', '{+y}://c/{x}']) {
        manager.register(wide, () => 'wide', PUBLIC);
        manager.unregister(wide);
        expect(told, wide).toEqual([]);
      }
      expect(await texts()).toEqual(['1', '2', '3', '4']);

      manager.register('a://{+rest}', () => 'later', PUBLIC);
      expect(told).toEqual([]);
      manager.unregister('a://{x}');
      expect(told.splice(0)).toEqual(['a://d']);
      manager.unregister('{s}://c/{x}');
      expect(told.splice(0)).toEqual(['a://c/1']);
      expect(await texts()).toEqual(['1', '2', 'later', 'later']);
      manager.register('a://c/{x}', () => 'narrow', PUBLIC);
      expect(told.splice(0)).toEqual(['a://c/1']);
      expect(await texts()).toEqual(['1', '2', 'narrow', 'later']);
    });

    it('follow a registry that a listener before them changes again [MANAGER-INVALIDATE]', async () => {
      const registry = new UriRegistry<ReadContext>();
      registry.onChange(({ change, registration: { pattern } }) => {
        if (change === 'unregistered' && pattern === 'a://{x}') {
          registry.register('a://{x}', () => 'second', PUBLIC);
        }
      });
      const manager = managerOf({ registry });
      manager.register('a://{x}', () => 'first', PUBLIC);
      expect(await textOf(manager, 'a://1')).toBe('first');
      manager.unregister('a://{x}');
      expect(await textOf(manager, 'a://1')).toBe('second');
    });

    it('never let a load under way be stored for their successor [HAZARD-15-DETACH]', async () => {
      const manager = managerOf();
      const slow = deferred<string>();
      manager.register('a://{x}', () => slow.promise, PUBLIC);
      const former = textOf(manager, 'a://1');
      manager.unregister('a://{x}');
      manager.register('a://{x}', () => 'new', PUBLIC);
      slow.resolve('old');
      expect(await former).toBe('old');
      expect(await textOf(manager, 'a://1')).toBe('new');
    });

    it('may come from a registry that others share [MANAGER-READ]', async () => {
      const registry = new UriRegistry<ReadContext>();
      const [one, two] = [managerOf({ registry }), managerOf({ registry })];
      registry.register('a://{x}', () => 'shared', PUBLIC);
      expect(await textOf(one, 'a://1')).toBe('shared');
      expect(await textOf(two, 'a://1')).toBe('shared');
      one.close();
      two.unregister('a://{x}');
      await granaryFailure(() => two.read('a://1'), 'ERR_GRANARY_NO_MATCH');
      expect(await signals.warnings()).toEqual([]);
    });
  });

  describe('invalidation by pattern', () => {
    const uris = ['n://1', 'n://12', 'm://1', 'm://2'];
    it.each<[RegExp | string, number]>([
      [/n:..1/, 2],
      [/n:..1$/g, 1],
      [/:/, 0],
      ['n://*', 2],
      ['{s}://1', 2],
      ['m://{x}', 2],
      ['m://2', 1],
      ['n://.', 0],
    ])('drops what %s matches [CACHE-INVALIDATE-PATTERN]', async (pattern, count) => {
      const manager = countingManager();
      manager.register('m://{x}', () => 1, PUBLIC);
      await manager.readMany(uris);
      expect(manager.invalidatePattern(pattern)).toBe(count);
      expect(manager.stats().size).toBe(uris.length - count);
    });
  });

  describe('bad input', () => {
    it.each<[string, unknown]>([
      ['cache', new Map()],
      ['registry', {}],
      ['reloadJitterMs', -1],
      ['reloadJitterMs', Number.NaN],
      ['timers', {}],
      ['random', 0.5],
      ['maxEntries', -1],
      ['ttlMs', Infinity],
    ])('names the option %s [INPUT-OPTIONS]', async (option, value) => {
      const error = await granaryFailure(
        () => new ResourceManager({ [option]: value }),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(error.data).toMatchObject({ option });
    });

    it('refuses options of a cache beside a cache [INPUT-OPTIONS]', async () => {
      const cache = new ResourceCache<ReadResult>();
      const error = await granaryFailure(
        () => new ResourceManager({ cache, maxEntries: 5 }),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(error.message).toBe('maxEntries must be left out where a cache is given, got 5');
    });

    it.each<[(manager: ResourceManager) => unknown, string]>([
      [(manager) => manager.read('n://1', { principal: '' }), 'BAD_OPTION'],
      [(manager) => manager.read('n://1', { principal: 7 as never }), 'BAD_OPTION'],
      [(manager) => manager.read('n://1', { session: '' }), 'BAD_OPTION'],
      [(manager) => manager.read('n://1', { signal: {} as never }), 'BAD_OPTION'],
      [(manager) => manager.read('n://1', 'me' as never), 'BAD_OPTION'],
      [(manager) => manager.read(''), 'BAD_URI'],
      [(manager) => manager.read(7 as never), 'BAD_URI'],
      [(manager) => manager.watch('n://1', 'listener' as never), 'BAD_OPTION'],
      [(manager) => manager.watch('x://1', () => {}), 'NO_MATCH'],
      [(manager) => manager.invalidate(''), 'BAD_URI'],
      [(manager) => manager.invalidatePattern(''), 'BAD_OPTION'],
      [(manager) => manager.invalidatePattern('{'), 'BAD_TEMPLATE'],
      [(manager) => manager.invalidateTag(''), 'BAD_OPTION'],
      [(manager) => manager.register('n://{x}', () => 1), 'BAD_OPTION'],
      [(manager) => manager.register('q://{x}', 'x' as never), 'BAD_OPTION'],
      [(manager) => manager.on('read' as never, () => {}), 'BAD_OPTION'],
      [(manager) => manager.on('loaded', null as never), 'BAD_OPTION'],
    ])('is refused by %s, and loses nothing [INPUT-METHODS]', async (call, code) => {
      const manager = countingManager();
      await manager.read('n://1');
      await granaryFailure(() => call(manager), `ERR_GRANARY_${code}` as never);
      expect(await textOf(manager, 'n://1')).toBe('load 1');
    });

    it('never says a secret that was given in the wrong place [MANAGER-PRINCIPALS]', async () => {
      const manager = managerOf();
      const principal = { token: 'secret' } as never;
      manager.register('a://{x}', () => 1);
      const error = await granaryFailure(
        () => manager.read('a://1', { principal }),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(JSON.stringify([error.message, error.data])).not.toContain('secret');
    });

    it('may be __proto__ or constructor [INPUT-PROTO]', async () => {
      const manager = managerOf();
      manager.register(
        '{__proto__}://{constructor}',
        (_, params) => Object.entries(params),
        PUBLIC,
      );
      expect(await textOf(manager, '__proto__://constructor')).toBe(
        '[["__proto__","__proto__"],["constructor","constructor"]]',
      );
      expect(manager.invalidate('__proto__')).toBe(false);
      expect(manager.invalidate('constructor')).toBe(false);
    });
  });

  describe('close', () => {
    it('refuses everything after it, and comes twice [CACHE-CLOSE]', async () => {
      const manager = countingManager();
      await manager.read('n://1');
      manager.close();
      manager.close();
      manager[Symbol.dispose]();
      for (const call of [
        () => manager.read('n://1'),
        () => manager.readMany(['n://1']),
        () => manager.register('b://{x}', () => 1),
        () => manager.unregister('n://{x}'),
        () => manager.invalidate('n://1'),
        () => manager.invalidatePattern('n://*'),
        () => manager.invalidateTag('t'),
        () => manager.clear(),
        () => manager.cleanupExpired(),
        () => manager.sync(),
        () => manager.stats(),
        () => manager.on('loaded', () => {}),
        () => manager.watch('n://1', () => {}),
      ]) {
        const { message } = await granaryFailure(call, 'ERR_GRANARY_CLOSED');
        expect(message).toMatch(/manager is closed/);
      }
    });

    it('ends loads under way, in every partition [CACHE-CLOSE]', async () => {
      const manager = managerOf();
      const signals: AbortSignal[] = [];
      manager.register('a://{x}', (_, __, { signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      });
      const read = manager.read('a://1', { principal: 'ann' });
      manager.close();
      const error = await granaryFailure(() => read, 'ERR_GRANARY_CLOSED');
      expect(JSON.stringify(error)).not.toContain('\\u0000');
      expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
      await settled();
    });

    it('leaves a cache from outside open, without its listeners [CACHE-CLOSE]', async () => {
      const cache = new ResourceCache<ReadResult>({ clock: new ManualClock() });
      const [one, two] = [new ResourceManager({ cache }), new ResourceManager({ cache })];
      const heard: string[] = [];
      one.on('accessed', () => heard.push('one'));
      two.on('accessed', () => heard.push('two'));
      for (const manager of [one, two]) manager.register('a://{x}', () => 'same', PUBLIC);
      const result = await one.read('a://1');
      expect(heard.splice(0)).toEqual(['one', 'two']);
      one.close();
      expect(await two.read('a://1')).toBe(result);
      expect(heard).toEqual(['two']);
      expect(cache.size).toBe(1);
    });
  });
});
