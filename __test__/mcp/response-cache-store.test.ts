import type { ResponseCacheStore } from '@modelcontextprotocol/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import {
  GranaryResponseCacheStore,
  type ResponseCacheStoreOptions,
} from '../../src/mcp/response-cache-store.ts';
import { ManualClock } from '../support/manual-clock.ts';

const READ = 'resources/read';

const opened: { close(): void }[] = [];

function open(options?: ResponseCacheStoreOptions): GranaryResponseCacheStore {
  const store = new GranaryResponseCacheStore(options);
  opened.push(store);
  return store;
}

function openCache(options: ConstructorParameters<typeof ResourceCache>[0] = {}): ResourceCache {
  const cache = new ResourceCache(options);
  opened.push(cache);
  return cache;
}

afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

describe.each([
  ['with memory of its own', () => undefined],
  ['over a cache of storage heap', () => openCache({ maxEntries: 10_000 })],
  ['over a cache of storage native', () => openCache({ storage: 'native', maxEntries: 10_000 })],
])('a response store %s', (_, makeCache) => {
  // As the client's own type: what it calls must be there, and return what it takes.
  const openStore = (): ResponseCacheStore => open({ cache: makeCache() });

  it('gives back what was written, to the same key alone [RESPONSE-STORE-CONTRACT]', async () => {
    const store = openStore();
    const first = await store.set({ method: 'tools/list' }, { value: '{"tools":[]}' });
    const second = await store.set(
      { method: READ, params: 'docs://1', partition: 'p' },
      { value: '{}', expiresAt: Date.now() + 60_000, scope: 'private' },
    );
    expect(second).toBeGreaterThan(first);
    expect(await store.get({ method: 'tools/list', params: '', partition: '' })).toEqual({
      value: '{"tools":[]}',
      stamp: first,
    });
    expect(await store.get({ method: READ, params: 'docs://1', partition: 'p' })).toEqual({
      value: '{}',
      stamp: second,
      expiresAt: expect.any(Number) as number,
      scope: 'private',
    });
    for (const other of [
      { method: READ, params: 'docs://1' },
      { method: READ, params: 'docs://1', partition: 'q' },
      { method: READ, params: 'docs://2', partition: 'p' },
      { method: 'prompts/get', params: 'docs://1', partition: 'p' },
      { method: READ, partition: 'p' },
    ]) {
      expect(await store.get(other)).toBeUndefined();
    }
  });

  it('keeps what had expired by its clock when it was written, and odd times [RESPONSE-STORE-CONTRACT]', async () => {
    const store = openStore();
    for (const expiresAt of [1, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      const key = { method: READ, params: `docs://${expiresAt}` };
      await store.set(key, { value: '{}', expiresAt });
      expect((await store.get(key))?.expiresAt).toBe(expiresAt);
    }
  });

  it('stamps every write with a greater number, in all stores, also while no time passes [RESPONSE-STORE-CONTRACT]', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    onTestFinished(() => void vi.restoreAllMocks());
    const [store, other] = [openStore(), openStore()];
    const key = { method: 'tools/list' };
    const stamps = [];
    for (let n = 0; n < 100; n++) {
      stamps.push(await (n % 2 === 0 ? store : other).set(key, { value: '{}' }));
    }
    expect(stamps).toEqual([...new Set(stamps)].toSorted((a, b) => a - b));
    expect(stamps.every(Number.isSafeInteger)).toBe(true);
  });

  it('drops one key, one method in all partitions, or all [RESPONSE-STORE-CONTRACT]', async () => {
    const store = openStore();
    const places = ['tools/list', 'prompts/list'].flatMap((method) =>
      ['', 'p', 'q'].map((partition) => ({ method, partition })),
    );
    const read = { method: READ, params: 'docs://1', partition: 'p' };
    for (const key of [...places, read]) await store.set(key, { value: '{}' });
    const held = async (): Promise<string[]> => {
      const found: string[] = [];
      for (const key of [...places, read]) {
        if ((await store.get(key)) !== undefined) found.push(`${key.method} ${key.partition}`);
      }
      return found;
    };
    await store.delete({ method: 'tools/list', partition: 'p' });
    await store.delete({ method: 'tools/list', partition: 'nobody' });
    expect(await held()).toHaveLength(6);
    await store.evict('tools/list');
    expect(await held()).toEqual([
      'prompts/list ',
      'prompts/list p',
      'prompts/list q',
      'resources/read p',
    ]);
    await store.clear();
    expect(await held()).toEqual([]);
  });

  it('mixes no partitions, whatever their characters [RESPONSE-STORE-PARTITIONS]', async () => {
    const store = openStore();
    const texts = [
      '',
      'a',
      'b',
      '\0',
      'a\0b',
      '"',
      '","',
      '[]',
      '\uD800',
      '\uD801',
      '\uFFFD',
      '{x}',
      '*',
    ];
    const keys = texts.flatMap((partition) =>
      texts.flatMap((params) =>
        ['m', 'm\0a', 'm{a}'].map((method) => ({ method, params, partition })),
      ),
    );
    const cells = new Map(keys.map((key) => [JSON.stringify(key), key]));
    for (const [value, key] of cells) await store.set(key, { value });
    for (const [value, key] of cells) expect((await store.get(key))?.value).toBe(value);
  });
});

describe('a response store', () => {
  it('stays within its bytes, lists and reads together [RESPONSE-STORE-BYTES]', () => {
    const store = open({ maxBytes: 200_000 });
    store.set({ method: 'tools/list', partition: 'p' }, { value: 'x'.repeat(40_000) });
    for (let n = 0; n < 500; n++) {
      store.set({ method: READ, params: `docs://${n}` }, { value: 'x'.repeat(n * 10) });
      if (n % 50 === 0) {
        store.set({ method: 'prompts/list', partition: `${n}` }, { value: 'x'.repeat(9_000) });
      }
      expect(store.stats().memoryBytes).toBeLessThanOrEqual(200_000);
    }
    const stats = store.stats();
    expect(stats).toMatchObject({ maxMemoryBytes: 200_000, writes: 511 });
    expect(stats.memoryBytes).toBeGreaterThan(150_000);
    expect(stats.evictions).toBeGreaterThan(300);
    expect(stats.size + stats.evictions).toBe(511);
  });

  it('takes at most 64 MiB unless told otherwise [RESPONSE-STORE-BYTES]', () => {
    expect(open().stats()).toMatchObject({ maxMemoryBytes: 67_108_864, memoryBytes: 0, size: 0 });
  });

  it('counts what an entry costs besides its text [RESPONSE-STORE-BYTES]', () => {
    const store = open();
    store.set({ method: READ, params: 'docs://1' }, { value: '' });
    expect(store.stats().memoryBytes).toBeGreaterThan(600);
  });

  it('has no read displace a list, and gives to reads what lists leave [RESPONSE-STORE-LISTS]', () => {
    const store = open({ maxBytes: 100_000 });
    const tools = { method: 'tools/list', partition: 'p' };
    store.set(tools, { value: 'x'.repeat(40_000) });
    for (let n = 0; n < 1_000; n++) {
      store.set({ method: READ, params: `docs://${n}` }, { value: 'x'.repeat(1_000) });
    }
    expect(store.get(tools)?.value).toHaveLength(40_000);
    const beside = store.stats().size;
    store.delete(tools);
    for (let n = 0; n < 1_000; n++) {
      store.set({ method: READ, params: `docs://${n}` }, { value: 'x'.repeat(1_000) });
    }
    expect(store.stats().size).toBeGreaterThan(1.5 * beside);
  });

  it('keeps nothing of a response that is too large, and nothing else leaves for it [RESPONSE-STORE-BYTES]', () => {
    const store = open({ maxBytes: 100_000 });
    const [one, two] = [1, 2].map((n) => ({ method: READ, params: `docs://${n}` }));
    store.set(one!, { value: 'small' });
    store.set(two!, { value: 'small' });
    expect(store.set(one!, { value: 'x'.repeat(150_000) })).toBeGreaterThan(0);
    expect(store.get(one!)).toBeUndefined();
    expect(store.get(two!)?.value).toBe('small');
  });

  it('bounds reads by their number too, where told so [RESPONSE-STORE-BYTES]', () => {
    const store = open({ maxEntries: 3 });
    store.set({ method: 'tools/list' }, { value: '{}' });
    for (let n = 0; n < 10; n++)
      store.set({ method: READ, params: `docs://${n}` }, { value: '{}' });
    expect(store.stats()).toMatchObject({ size: 4, maxSize: 3 });
    expect(store.size).toBe(4);
  });

  it('frees what has expired, but the list of tools [RESPONSE-STORE-EXPIRY]', () => {
    const clock = new ManualClock(1_000_000);
    const store = open({ clock });
    const read = { method: READ, params: 'docs://1' };
    const tools = { method: 'tools/list' };
    for (const key of [read, tools]) store.set(key, { value: '{}', expiresAt: 1_005_000 });
    clock.advance(4_999);
    expect(store.get(read)).toBeDefined();
    clock.advance(2);
    expect(store.get(read)).toBeUndefined();
    expect(store.get(tools)).toMatchObject({ value: '{}', expiresAt: 1_005_000 });
    expect(store.stats()).toMatchObject({ size: 1, expirations: 1 });
  });

  it('tells fresh, stale and missing apart in its statistics [RESPONSE-STORE-STATS]', () => {
    const clock = new ManualClock(1_000_000);
    const store = open({ clock });
    const tools = { method: 'tools/list' };
    expect(store.stats().hitRatio).toBe(0);
    store.get(tools);
    store.set(tools, { value: '{}', expiresAt: 1_005_000 });
    store.get(tools);
    store.get(tools);
    clock.advance(5_000);
    store.get(tools);
    expect(store.stats()).toMatchObject({
      size: 1,
      hits: 2,
      staleHits: 1,
      misses: 1,
      hitRatio: 0.5,
      writes: 1,
      coalescedRequests: 0,
    });
  });

  it('gives out nothing that its holder could change for others [RESPONSE-STORE-CONTRACT]', () => {
    const store = open();
    const response = { value: '{}', expiresAt: 5 };
    store.set({ method: 'tools/list' }, response);
    response.value = 'changed';
    expect(store.get({ method: 'tools/list' })?.value).toBe('{}');
    expect(Object.isFrozen(store.get({ method: 'tools/list' }))).toBe(true);
  });

  it('keeps no partition readable in its keys or tags [RESPONSE-STORE-PARTITIONS]', () => {
    const cache = openCache();
    const store = open({ cache, namespace: 'https://secret.example' });
    const key = { method: READ, params: 'docs://1', partition: '["server","secret-token"]' };
    store.set(key, { value: '{}' });
    const [uri] = [...cache.keys()];
    expect(uri).toContain('docs://1');
    expect(JSON.stringify([uri, cache.info(uri!)?.tags])).not.toContain('secret');
  });

  it('leaves a cache from outside open, with what others hold in it [RESPONSE-STORE-SHARED]', () => {
    const cache = openCache({ maxBytes: 5_000_000, maxEntries: 1_000 });
    cache.set('docs://1', 'of somebody else');
    const [store, same, other] = ['a', 'a', 'b'].map((namespace) => open({ cache, namespace }));
    const tools = { method: 'tools/list' };
    store!.set(tools, { value: 'of a' });
    other!.set(tools, { value: 'of b' });
    expect(same!.get(tools)?.value).toBe('of a');
    expect(store!.stats()).toMatchObject({ size: 3, maxSize: 1_000, maxMemoryBytes: 5_000_000 });
    store!.clear();
    store!.evict('tools/list');
    store!.close();
    expect(other!.get(tools)?.value).toBe('of b');
    expect(cache.get('docs://1')).toBe('of somebody else');
  });

  it('is closed once, and refuses after that [RESPONSE-STORE-OPTIONS]', () => {
    const store = open();
    store.close();
    store.close();
    const closed = expect.objectContaining({ code: 'ERR_GRANARY_CLOSED' }) as Error;
    const tools = { method: 'tools/list' };
    expect(() => store.get(tools)).toThrow(closed);
    expect(() => store.set(tools, { value: '{}' })).toThrow(closed);
    expect(() => store.delete(tools)).toThrow(closed);
    expect(() => store.evict('tools/list')).toThrow(closed);
    expect(() => store.clear()).toThrow(closed);
    expect(() => store.stats()).toThrow(closed);
    expect(store.size).toBe(0);
  });

  it.each<[string, unknown, string]>([
    ['options', 5, 'an object'],
    ['maxBytes', 0, 'an integer from 1024 to'],
    ['maxBytes', 1_023, 'an integer from 1024 to'],
    ['maxBytes', '64 MiB', 'an integer from 1024 to'],
    ['maxEntries', -1, 'an integer from 0 to 16777215'],
    ['maxEntries', 1.5, 'an integer from 0 to 16777215'],
    ['cache', new Map(), 'a ResourceCache'],
    ['clock', {}, 'an object with now()'],
    ['namespace', 5, 'a string'],
  ])('refuses %s: %j [RESPONSE-STORE-OPTIONS]', (option, value, allowed) => {
    const options = option === 'options' ? value : { [option]: value };
    expect(() => open(options as ResponseCacheStoreOptions)).toThrow(
      expect.objectContaining({
        code: 'ERR_GRANARY_BAD_OPTION',
        message: expect.stringContaining(`${option} must be ${allowed}`) as string,
      }) as Error,
    );
  });

  it('refuses bounds beside a cache, and what is no response [RESPONSE-STORE-OPTIONS]', () => {
    const cache = openCache();
    const bad = expect.objectContaining({ code: 'ERR_GRANARY_BAD_OPTION' }) as Error;
    expect(() => open({ cache, maxBytes: 5_000 })).toThrow(bad);
    expect(() => open({ cache, maxEntries: 0 })).toThrow(bad);
    expect(() => open({ cache, clock: 5 as never })).toThrow(bad);
    const store = open({ cache });
    const tools = { method: 'tools/list' };
    for (const response of [
      undefined,
      {},
      { value: { tools: [] } },
      { value: '{}', expiresAt: 'tomorrow' },
      { value: '{}', scope: 'shared' },
    ]) {
      expect(() => store.set(tools, response as never)).toThrow(bad);
    }
    for (const key of [
      {},
      { method: 5 },
      { method: READ, params: 5 },
      { method: READ, partition: {} },
    ]) {
      expect(() => store.get(key as never)).toThrow(bad);
      expect(() => store.delete(key as never)).toThrow(bad);
    }
    expect(() => store.evict(5 as never)).toThrow(bad);
    expect(() => store.coalesce({} as never)).toThrow(bad);
    expect(() => store.coalesce(undefined as never)).toThrow(bad);
    expect(store.stats().size).toBe(0);
  });
});
