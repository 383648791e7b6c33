import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import type { CreateDriverResult, L1CacheDriver, L2CacheDriver } from 'bentocache/types';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';

import { granaryDriver, type GranaryDriverOptions } from '../../src/bentocache/index.ts';
import { ResourceCache } from '../../src/index.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MINUTE_MS = 60_000;

describe.each(['heap', 'native'] as const)('granaryDriver over storage %s', (storage) => {
  const clock = new ManualClock();
  const opened: (() => unknown)[] = [];

  // BentoCache asks Date, the driver its own clock.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });

  afterEach(async () => {
    vi.useRealTimers();
    for (const close of opened.splice(0)) await close();
  });

  function advance(ms: number): void {
    clock.advance(ms);
    vi.setSystemTime(Date.now() + ms);
  }

  function openCache(): ResourceCache {
    const cache = new ResourceCache({ storage, clock });
    opened.push(() => cache.close());
    return cache;
  }

  /** Each kind of store, with the driver in every place that it may have. */
  const STORES = {
    'first level': () => bentostore().useL1Layer(granaryDriver({ storage, clock })),
    'first level, not serialized': () =>
      bentostore().useL1Layer(granaryDriver({ storage, clock, serialize: false })),
    'second level': () => bentostore().useL2Layer(granaryDriver({ storage, clock, layer: 'l2' })),
    'both levels': () =>
      bentostore()
        .useL1Layer(granaryDriver({ storage, clock, maxEntries: 1 }))
        .useL2Layer(granaryDriver({ storage, clock, layer: 'l2' })),
  };

  describe.each(Object.entries(STORES))('as %s', (_, store) => {
    function openBento(options: { grace?: string; graceBackoff?: string } = {}) {
      const bento = new BentoCache({ ...options, default: 'main', stores: { main: store() } });
      opened.push(() => bento.disconnect());
      return bento;
    }

    it('keeps values for their TTL, loads each once, and forgets [BENTO-STORE]', async () => {
      const bento = openBento();
      const factory = vi.fn<() => object>(() => ({ name: 'Ada', tags: ['x'] }));
      const read = () => bento.getOrSet({ key: 'user 42', factory, ttl: MINUTE_MS });
      const answers = await Promise.all([read(), read(), read()]);
      expect(answers).toEqual(answers.map(() => ({ name: 'Ada', tags: ['x'] })));
      await bento.set({ key: 'other', value: null, ttl: '10s' });
      expect(await bento.get({ key: 'other', defaultValue: 'default' })).toBeNull();
      expect(await read()).toEqual({ name: 'Ada', tags: ['x'] });
      expect(factory).toHaveBeenCalledTimes(1);
      advance(MINUTE_MS + 1);
      expect(await bento.has({ key: 'user 42' })).toBe(false);
      await read();
      expect(factory).toHaveBeenCalledTimes(2);
      await bento.setForever({ key: 'endless', value: 1 });
      advance(1_000 * 86_400_000);
      expect(await bento.pull('endless')).toBe(1);
      expect(await bento.missing({ key: 'endless' })).toBe(true);
    });

    it('keeps namespaces and prefixes apart [BENTO-STORE]', async () => {
      const bento = openBento();
      const users = bento.namespace('users');
      await bento.set({ key: 'a', value: 1 });
      await users.set({ key: 'a', value: 2 });
      expect(await users.get({ key: 'a' })).toBe(2);
      await users.clear();
      expect([await bento.get({ key: 'a' }), await users.get({ key: 'a' })]).toEqual([
        1,
        undefined,
      ]);
      await users.set({ key: 'b', value: 3 });
      await bento.deleteMany({ keys: ['a', 'users:b'] });
      expect([await bento.has({ key: 'a' }), await users.has({ key: 'b' })]).toEqual([
        false,
        false,
      ]);
    });

    it('drops by tag [BENTO-STORE]', async () => {
      const bento = openBento();
      await bento.set({ key: 'a', value: 1, tags: ['red'] });
      await bento.set({ key: 'b', value: 2, tags: ['blue'] });
      advance(1);
      await bento.deleteByTag({ tags: ['red'] });
      expect(await bento.get({ key: 'a' })).toBeUndefined();
      expect(await bento.get({ key: 'b' })).toBe(2);
      advance(1);
      await bento.set({ key: 'a', value: 3, tags: ['red'] });
      expect(await bento.get({ key: 'a' })).toBe(3);
    });

    it('serves what has expired while a factory fails, within the grace period [BENTO-STORE]', async () => {
      const bento = openBento({ grace: '10m', graceBackoff: '5s' });
      const failing = () => Promise.reject(new Error('down'));
      const read = (factory: () => Promise<string>) =>
        bento.getOrSet({ key: 'a', factory, ttl: MINUTE_MS, timeout: '1s' });
      expect(await read(async () => 'old')).toBe('old');
      advance(2 * MINUTE_MS);
      expect(await read(failing)).toBe('old');
      advance(MINUTE_MS);
      expect(await read(async () => 'new')).toBe('new');
      advance(11 * MINUTE_MS);
      await expect(read(failing)).rejects.toThrow('Factory has thrown an error');
    });

    it('expires on demand, and keeps the value for the rest of its grace [BENTO-STORE]', async () => {
      const bento = openBento({ grace: '10m' });
      await bento.set({ key: 'a', value: 'old', ttl: '5m' });
      advance(4 * MINUTE_MS);
      await bento.expire({ key: 'a' });
      expect(await bento.has({ key: 'a' })).toBe(false);
      expect(await bento.get({ key: 'a', grace: '10m' })).toBe('old');
    });
  });

  it('is a second level below the memory driver, for several of those [BENTO-STORE]', async () => {
    const cache = openCache();
    const open = () => {
      const main = bentostore()
        .useL1Layer(memoryDriver())
        .useL2Layer(granaryDriver({ cache, layer: 'l2' }));
      return new BentoCache({ default: 'main', stores: { main } });
    };
    const factory = vi.fn<() => string>(() => 'loaded');
    const read = (bento: ReturnType<typeof open>) => bento.getOrSet({ key: 'a', factory });
    const [one, other] = [open(), open()];
    expect([await read(one), await read(other), await read(one)]).toEqual(
      Array.from({ length: 3 }, () => 'loaded'),
    );
    expect(factory).toHaveBeenCalledTimes(1);
    expect(cache.stats()).toMatchObject({ size: 1, hits: 1 });
  });

  it('tells what remains of a life by the clock of its cache, and never 0 [BENTO-STORE]', () => {
    const driver = granaryDriver({ cache: openCache() }).factory({ prefix: 'p' });
    driver.set('a', 'v', 1_000);
    driver.set('endless', 'v', 0);
    expect(driver.getRemainingTtl('a')).toBe(1_000);
    advance(400);
    expect(driver.getRemainingTtl('a')).toBe(600);
    advance(600);
    expect([driver.get('a'), driver.getRemainingTtl('a')]).toEqual(['v', 1]);
    advance(1);
    expect([driver.getRemainingTtl('a'), driver.getRemainingTtl('endless')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('is a cache for many, and clears its own prefix [BENTO-KEYS]', () => {
    const cache = openCache();
    cache.set('mem://else', 'else');
    const { factory } = granaryDriver({ cache });
    const drivers = ['a', 'a:b:', 'ab', 'a b', '{a}', '\ud800', 'a*'].map((prefix) =>
      factory({ prefix }),
    );
    const keys = ['k', '', 'a b', '%20', '\ude00', '{x}', '😀:*'];
    for (const [at, driver] of drivers.entries()) {
      for (const key of keys) driver.set(key, `${at} ${key}`);
    }
    expect([...cache.keys()].map((uri) => new URL(uri).href)).toEqual([...cache.keys()]);
    for (const [at, driver] of drivers.entries()) {
      expect(keys.map((key) => driver.get(key))).toEqual(keys.map((key) => `${at} ${key}`));
    }
    // What is under a: and a:b: are the first and a namespace of it.
    drivers[0]!.clear();
    expect(drivers.map((driver) => driver.get('k'))).toEqual([
      undefined,
      undefined,
      ...[2, 3, 4, 5, 6].map((at) => `${at} k`),
    ]);
    factory().clear();
    expect([...cache]).toEqual([['mem://else', 'else']]);
    expect([drivers[2]!.delete('k'), drivers[2]!.pull('k')]).toEqual([false, undefined]);
  });

  it('tells of what is too large, and keeps none of it [BENTO-KEYS]', () => {
    const driver = granaryDriver({ storage, clock, maxBytes: 10 }).factory();
    opened.push(() => driver.disconnect());
    expect([driver.set('a', 'text'), driver.set('b', 'x'.repeat(11))]).toEqual([true, false]);
    expect([driver.get('a'), driver.get('b')]).toEqual(['text', undefined]);
  });

  it('frees what has expired when it is pruned [BENTO-STORE]', async () => {
    const driver = granaryDriver({ storage, clock, layer: 'l2' }).factory();
    opened.push(() => driver.disconnect());
    await driver.set('a', 'v', 1_000);
    advance(1_001);
    expect(driver.cache.size).toBe(1);
    await driver.prune();
    expect(driver.cache.size).toBe(0);
  });

  it('closes the cache that it made, once, and no other [BENTO-CLOSE]', async () => {
    const cache = openCache();
    const given = granaryDriver({ cache }).factory();
    given.disconnect();
    expect(given.set('a', 'v')).toBe(true);
    const own = granaryDriver({ storage, clock }).factory();
    own.namespace('users').disconnect();
    expect(own.set('a', 'v')).toBe(true);
    own.disconnect();
    own.disconnect();
    await granaryFailure(() => own.cache.get('a'), 'ERR_GRANARY_CLOSED');
  });

  it('has and keeps nothing once disconnected, and throws nothing [BENTO-CLOSE]', () => {
    const driver = granaryDriver({ storage, clock }).factory();
    driver.set('a', 'v');
    driver.disconnect();
    for (const one of [driver, driver.namespace('users')]) {
      expect([one.get('a'), one.pull('a'), one.getRemainingTtl('a')]).toEqual(
        Array.from({ length: 3 }),
      );
      expect([one.set('a', 'v'), one.delete('a'), one.deleteMany(['a'])]).toEqual([
        false,
        false,
        true,
      ]);
      one.clear();
      one.prune();
    }
  });

  it('lets a factory that outlives the store end in peace [BENTO-CLOSE]', async () => {
    const main = bentostore().useL1Layer(granaryDriver({ storage, clock }));
    const bento = new BentoCache({ default: 'main', stores: { main }, grace: '10m' });
    const read = (factory: () => string | Promise<string>) =>
      bento.getOrSet({ key: 'a', factory, ttl: MINUTE_MS });
    await read(() => 'old');
    advance(2 * MINUTE_MS);
    const { promise, resolve } = deferred<string>();
    // Nobody waits for it: what has expired is served while it runs.
    expect(await read(() => promise)).toBe('old');
    await bento.disconnect();
    const written = new Promise((told) => bento.on('cache:written', told));
    resolve('new');
    expect(await written).toMatchObject({ key: 'a', value: 'new' });
  });
});

describe('granaryDriver', () => {
  it('shares a named store between stores, without a bus [BENTO-STORE]', async () => {
    const open = () => {
      const driver = granaryDriver({ storage: 'native', name: 'bentocache-test' });
      return new BentoCache({ default: 'main', stores: { main: bentostore().useL1Layer(driver) } });
    };
    const [one, other] = [open(), open()];
    await one.set({ key: 'a', value: { n: 1 } });
    expect(await other.get({ key: 'a' })).toEqual({ n: 1 });
    await other.delete({ key: 'a' });
    expect(await one.get({ key: 'a' })).toBeUndefined();
    await Promise.all([one.disconnect(), other.disconnect()]);
  });

  it('is what the types of BentoCache ask for [BENTO-TYPES]', () => {
    expectTypeOf(granaryDriver()).toExtend<CreateDriverResult<L1CacheDriver>>();
    expectTypeOf(granaryDriver({ layer: 'l1' })).toExtend<CreateDriverResult<L1CacheDriver>>();
    expectTypeOf(granaryDriver({ layer: 'l2' })).toExtend<CreateDriverResult<L2CacheDriver>>();
    expectTypeOf(granaryDriver({ layer: 'l2' })).not.toExtend<CreateDriverResult<L1CacheDriver>>();
    const { type } = granaryDriver({ layer: 'l2' }).factory();
    expect([granaryDriver().factory().type, type]).toEqual(['l1', 'l2']);
  });

  it.each<[string, GranaryDriverOptions]>([
    ['options', 1 as never],
    ['layer', { layer: 'l3' as never }],
    ['prefix', { prefix: 1 as never }],
    ['serialize', { serialize: 'yes' as never }],
    ['maxBytes', { maxBytes: -1 }],
    ['ttlMs', { ttlMs: -1 }],
    ['cache', { cache: {} as never }],
  ])('refuses bad %s by name [BENTO-OPTIONS]', async (option, options) => {
    const failure = await granaryFailure(
      () => granaryDriver(options as object),
      'ERR_GRANARY_BAD_OPTION',
    );
    expect(failure.data['option']).toBe(option);
  });
});
