import { type Cache, createCache, type CreateCacheOptions } from 'cache-manager';
import { Keyv } from 'keyv';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { GranaryKeyvStore } from '../../src/keyv/index.ts';
import { ManualClock } from '../support/manual-clock.ts';

describe.each(['heap', 'native'] as const)('cache-manager over storage %s', (storage) => {
  const clock = new ManualClock();
  const opened: Cache[] = [];

  // cache-manager and Keyv ask Date, the store its own clock.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });

  afterEach(async () => {
    vi.useRealTimers();
    for (const cache of opened.splice(0)) await cache.disconnect();
  });

  function advance(ms: number): void {
    clock.advance(ms);
    vi.setSystemTime(Date.now() + ms);
  }

  /** As cache-manager makes its default one: values are handed over as they are. */
  function openKeyv(): Keyv {
    const keyv = new Keyv({ store: new GranaryKeyvStore({ storage, clock }) });
    keyv.serialize = undefined;
    keyv.deserialize = undefined;
    return keyv;
  }

  function openManager(options: CreateCacheOptions = {}): Cache {
    const cache = createCache({ stores: [openKeyv()], ...options });
    opened.push(cache);
    return cache;
  }

  it('sets, gets and deletes, one and many [CACHE-MANAGER]', async () => {
    const cache = openManager();
    expect(await cache.set('a', { n: 1 })).toEqual({ n: 1 });
    expect(await cache.get('a')).toEqual({ n: 1 });
    for (const value of [null, 0, '', false]) {
      await cache.set('falsy', value);
      expect(await cache.get('falsy')).toBe(value);
    }
    await cache.mset<unknown>([
      { key: 'b', value: 'two' },
      { key: 'c c', value: [3], ttl: 100 },
    ]);
    expect(await cache.mget(['a', 'none', 'b', 'c c'])).toEqual([{ n: 1 }, undefined, 'two', [3]]);
    advance(101);
    expect(await cache.mget(['b', 'c c'])).toEqual(['two', undefined]);
    expect(await cache.del('a')).toBe(true);
    expect(await cache.mdel(['b', 'none'])).toBe(true);
    expect(await cache.mget(['a', 'b'])).toEqual([undefined, undefined]);
    await cache.set('d', 4);
    expect(await cache.clear()).toBe(true);
    expect(await cache.get('d')).toBeUndefined();
  });

  it('expires by the TTL of the entry, else of the manager, and tells it [CACHE-MANAGER]', async () => {
    const cache = openManager({ ttl: 1_000 });
    await cache.set('own', 1, 5_000);
    await cache.set('default', 2);
    expect(await cache.ttl('own')).toBe(Date.now() + 5_000);
    expect(await cache.ttl('default')).toBe(Date.now() + 1_000);
    expect(await cache.ttl('none')).toBeUndefined();
    advance(1_001);
    expect(await cache.mget(['own', 'default'])).toEqual([1, undefined]);
    advance(4_000);
    expect(await cache.get('own')).toBeUndefined();
  });

  it('wraps: one call for all that ask at once, none while it lives [CACHE-MANAGER]', async () => {
    const cache = openManager();
    const load = vi.fn<(n: number) => Promise<{ n: number }>>(async (n) => ({ n }));
    const wrapped = (n: number) => cache.wrap('key', () => load(n), 1_000);
    expect(await Promise.all([wrapped(1), wrapped(2), wrapped(3)])).toEqual(
      Array.from({ length: 3 }, () => ({ n: 1 })),
    );
    expect(await wrapped(4)).toEqual({ n: 1 });
    advance(1_001);
    expect(await wrapped(5)).toEqual({ n: 5 });
    expect(load).toHaveBeenCalledTimes(2);
    await expect(cache.wrap('fails', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await cache.get('fails')).toBeUndefined();
  });

  it('wraps with a TTL by value, and raw [CACHE-MANAGER]', async () => {
    const cache = openManager();
    const options = { ttl: (n: number) => n * 100, raw: true } as const;
    const start = Date.now();
    expect(await cache.wrap('key', () => 3, options)).toEqual({ value: 3, expires: start + 300 });
    advance(300);
    expect(await cache.wrap('key', () => 4, options)).toEqual({ value: 3, expires: start + 300 });
    advance(1);
    expect(await cache.wrap('key', () => 4, options)).toMatchObject({ value: 4 });
  });

  it('refreshes behind the answer below the threshold [CACHE-MANAGER]', async () => {
    const cache = openManager({ ttl: 1_000, refreshThreshold: 300 });
    let loads = 0;
    const wrapped = () => cache.wrap('key', () => ++loads);
    expect(await wrapped()).toBe(1);
    advance(700);
    expect([await wrapped(), loads]).toEqual([1, 1]);
    advance(1);
    const refreshed = new Promise((resolve) => cache.on('refresh', resolve));
    expect(await wrapped()).toBe(1);
    expect(await refreshed).toEqual({ key: 'key', value: 2 });
    expect(await cache.ttl('key')).toBe(Date.now() + 1_000);
    advance(500);
    expect([await wrapped(), loads]).toEqual([2, 2]);
  });

  it('keeps a value whose refresh fails, and tells of it [CACHE-MANAGER]', async () => {
    const cache = openManager({ ttl: 1_000, refreshThreshold: 900 });
    await cache.wrap('key', () => 'old');
    advance(200);
    const refreshed = new Promise((resolve) => cache.on('refresh', resolve));
    const failing = () => Promise.reject<string>(new Error('down'));
    expect(await cache.wrap('key', failing)).toBe('old');
    expect(await refreshed).toMatchObject({ key: 'key', error: { message: 'down' } });
    expect(await cache.get('key')).toBe('old');
  });

  it('is one of several stores: asked in order, and filled from the next [CACHE-MANAGER]', async () => {
    const [first, second] = [openKeyv(), openKeyv()];
    const cache = openManager({ stores: [first, second], ttl: 1_000 });
    await cache.set('both', 1);
    expect([await first.get('both'), await second.get('both')]).toEqual([1, 1]);
    await second.set('below', 2, 60_000);
    await first.set('above', 3);
    expect(await cache.mget(['below', 'above', 'none'])).toEqual([2, 3, undefined]);
    expect(await cache.wrap('below', () => 'not called')).toBe(2);
    expect(await first.get('below')).toBe(2);
    await cache.del('both');
    expect([await first.get('both'), await second.get('both')]).toEqual([undefined, undefined]);
    await cache.clear();
    expect([await first.has('above'), await second.has('below')]).toEqual([false, false]);
    expect(cache.stores).toEqual([first, second]);
  });

  it('does not wait where it is told not to, and tells of sets and deletes [CACHE-MANAGER]', async () => {
    const cache = openManager({ nonBlocking: true });
    const told: string[] = [];
    cache.on('set', ({ key }) => told.push(`set ${key}`));
    cache.on('del', ({ key }) => told.push(`del ${key}`));
    await cache.set('a', 1);
    expect(await cache.get('a')).toBe(1);
    expect(await cache.mget(['a', 'b'])).toEqual([1, undefined]);
    await cache.del('a');
    expect(told).toEqual(expect.arrayContaining(['set a', 'del a']));
  });
});
