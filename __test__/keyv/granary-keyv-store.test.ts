import { Keyv } from 'keyv';
import { afterEach, describe, expect, it } from 'vitest';

import { type CacheOptions, ResourceCache } from '../../src/index.ts';
import { GranaryKeyvStore } from '../../src/keyv/index.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';

const opened: Disposable[] = [];

afterEach(() => {
  for (const cache of opened.splice(0)) cache[Symbol.dispose]();
});

/** Keys that no URI is, or that another one's URI might be. */
const ODD_KEYS = [
  '',
  ' ',
  'a b',
  'a%20b',
  '%',
  '%ED%A0%80',
  'ключ/鍵?q=1#x',
  '😀',
  '\ud83d',
  '\ude00',
  '\ude00\ud83d',
  'a\ud800b\udfffc',
  '\0\n',
  'http://user@host/a?b',
  '{x}',
  'a*',
  '../b',
  '__proto__',
  'keyv:a b',
  'x'.repeat(1_000_000),
];

describe.each(['heap', 'native'] as const)('GranaryKeyvStore over storage %s', (storage) => {
  const clock = new ManualClock();

  function openCache(options: CacheOptions<unknown> = {}): ResourceCache {
    const cache = new ResourceCache({ storage, clock, ...options });
    opened.push(cache);
    return cache;
  }

  it('takes any string for a key, and keeps all apart [KEYV-KEYS]', async () => {
    const cache = openCache();
    for (const namespace of [undefined, '', 'a', 'a/b', 'a:b', 'ä b', '\ud800', 'a*']) {
      const store = new GranaryKeyvStore({ cache });
      store.namespace = namespace;
      for (const [at, key] of ODD_KEYS.entries()) await store.set(key, `${namespace} ${at}`);
      const expected = ODD_KEYS.map((_, at) => `${namespace} ${at}`);
      expect(await store.getMany(ODD_KEYS)).toEqual(expected);
      const met: unknown[] = [];
      for await (const pair of store.iterator()) met.push(pair);
      expect(met).toEqual(ODD_KEYS.map((key, at) => [key, expected[at]]));
      expect(await store.deleteMany(ODD_KEYS)).toBe(true);
      expect([await store.deleteMany(ODD_KEYS), cache.size]).toEqual([false, 0]);
    }
  });

  it('keeps a key under a URI that says where it is from [KEYV-KEYS]', async () => {
    const cache = openCache();
    const log = new EventLog(cache);
    const keyv = new Keyv({ store: new GranaryKeyvStore({ cache }), namespace: 'my app' });
    await keyv.set('user/42 ü', 'Ada');
    const uri = 'keyv://my%20app/my%20app:user/42%20%C3%BC';
    expect([...cache.keys()]).toEqual([uri]);
    expect(new URL(uri).href).toBe(uri);
    expect(cache.invalidatePattern('keyv://my%20app/my%20app:user/*')).toBe(1);
    expect(log.takeTitles()).toEqual([`invalidated ${uri}`]);
    expect(await keyv.get('user/42 ü')).toBeUndefined();
  });

  it('clears and iterates over its own namespace, with and without prefixes of Keyv [KEYV-NAMESPACES]', async () => {
    const cache = openCache();
    cache.set('mem://else', 'else');
    const open = (namespace: string | undefined, useKeyPrefix: boolean) => {
      const keyv = new Keyv({ store: new GranaryKeyvStore({ cache }), useKeyPrefix });
      keyv.namespace = namespace;
      return keyv;
    };
    const all = [
      open('a', true),
      open('a:b', true),
      open(undefined, true),
      open('c', false),
      open('d', false),
    ];
    for (const [at, keyv] of all.entries()) await keyv.set('key', at);
    for (const [at, keyv] of all.entries()) {
      expect(await keyv.get('key')).toBe(at);
      await keyv.clear();
      expect(await Promise.all(all.map((keyv) => keyv.has('key')))).toEqual(
        all.map((_, other) => other > at),
      );
    }
    expect([...cache]).toEqual([['mem://else', 'else']]);
  });

  it('keeps what Keyv gives as long as Keyv says, else for ever [KEYV-TTL]', async () => {
    const store = new GranaryKeyvStore({ storage, clock });
    opened.push(store.cache);
    await store.set('brief', 'b', 1_000);
    await store.set('endless', 'e');
    await store.set('zero', 'z', 0);
    clock.advance(1_000);
    expect(await store.hasMany(['brief', 'endless', 'zero'])).toEqual([true, true, true]);
    clock.advance(1);
    expect(await store.hasMany(['brief', 'endless', 'zero'])).toEqual([false, true, true]);
    clock.advance(100 * 86_400_000);
    expect(await store.getMany(['brief', 'endless', 'zero'])).toEqual([undefined, 'e', 'z']);
  });

  it('has the time to live of a cache that is given where Keyv names none [KEYV-TTL]', async () => {
    const cache = openCache({ ttlMs: 500 });
    const store = new GranaryKeyvStore({ cache });
    await store.set('a', 1);
    await store.set('b', 2, 1_000);
    clock.advance(501);
    expect(await store.hasMany(['a', 'b'])).toEqual([false, true]);
  });

  it('sets many through Keyv, which tells of each [KEYV-MANY]', async () => {
    const keyv = new Keyv({ store: new GranaryKeyvStore({ cache: openCache({ maxBytes: 100 }) }) });
    const entries = [
      { key: 'a', value: 1 },
      { key: 'too large', value: 'x'.repeat(1_000) },
      { key: 'b', value: 2, ttl: 60_000 },
    ];
    expect(await keyv.setMany(entries)).toEqual([true, false, true]);
    expect(await keyv.getMany(['a', 'too large', 'b'])).toEqual([1, undefined, 2]);
    expect(await keyv.hasMany(['a', 'too large', 'b'])).toEqual([true, false, true]);
    expect(await keyv.deleteMany(['a', 'gone'])).toBe(true);
  });

  it('gives objects back to a Keyv that does not serialize [KEYV-VALUES]', async () => {
    const keyv = new Keyv({ store: new GranaryKeyvStore({ cache: openCache() }) });
    keyv.serialize = undefined;
    keyv.deserialize = undefined;
    const value = { at: new Date(0), list: [1, { two: 2 }], map: new Map([['k', new Set([1])]]) };
    await keyv.set('a', value, 60_000);
    expect(await keyv.get('a')).toEqual(value);
    expect((await keyv.get('a')) === value).toBe(storage === 'heap');
  });

  it('tells what cannot be kept by an error of Keyv and `false` [KEYV-VALUES]', async () => {
    const keyv = new Keyv({ store: new GranaryKeyvStore({ cache: openCache() }) });
    const errors: unknown[] = [];
    keyv.on('error', (error) => errors.push(error));
    expect(await keyv.set('a', 1, -1)).toBe(false);
    expect(errors).toMatchObject([{ code: 'ERR_GRANARY_BAD_OPTION' }]);
  });

  it('counts, evicts and tells as any cache does [KEYV-VALUES]', async () => {
    const cache = openCache({ maxEntries: 2 });
    const log = new EventLog(cache);
    const store = new GranaryKeyvStore({ cache });
    for (const key of ['a', 'b', 'c']) await store.set(key, key);
    await store.get('c');
    await store.get('a');
    expect(log.takeTitles()).toEqual(['evicted keyv:///a (size)', 'accessed keyv:///c']);
    expect(cache.stats()).toMatchObject({ size: 2, hits: 1, misses: 1, evictions: 1 });
  });

  it('closes the cache that it made, and no other [KEYV-CLOSE]', async () => {
    const store = new GranaryKeyvStore({ storage });
    const own = new Keyv({ store });
    await own.set('a', 1);
    await own.disconnect();
    await own.disconnect();
    await granaryFailure(() => store.get('a'), 'ERR_GRANARY_CLOSED');
    const cache = openCache();
    const given = new Keyv({ store: new GranaryKeyvStore({ cache }) });
    await given.set('a', 1);
    await given.disconnect();
    expect(await given.get('a')).toBe(1);
  });
});

describe('GranaryKeyvStore', () => {
  it.each<[string, () => unknown, string]>([
    ['options', () => new GranaryKeyvStore(1 as never), 'options'],
    ['a cache', () => new GranaryKeyvStore({ cache: new Map() as never }), 'cache'],
    ['bounds', () => new GranaryKeyvStore({ maxEntries: 0 }), 'maxEntries'],
    [
      'options beside a cache',
      () => {
        using cache = new ResourceCache();
        return new GranaryKeyvStore({ cache, ttlMs: 1 });
      },
      'ttlMs',
    ],
    ['a key', () => new GranaryKeyvStore().get(1 as never), 'key'],
    ['a namespace', () => Object.assign(new GranaryKeyvStore(), { namespace: 1 }), 'namespace'],
  ])('refuses %s by name [KEYV-OPTIONS]', async (_, action, option) => {
    const failure = await granaryFailure(action, 'ERR_GRANARY_BAD_OPTION');
    expect(failure.data['option']).toBe(option);
  });
});
