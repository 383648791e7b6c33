import { afterEach, describe, expect, it } from 'vitest';

import type { CacheOptions } from '../../src/cache/cache-options.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

const { StoreHandle } = loadAddon();
const original = Object.getOwnPropertyDescriptors(StoreHandle.prototype);
const opened: Disposable[] = [];

/** Counts every call of a method of the addon's class, until the test ends. */
function countCalls(): Map<string, number> {
  const calls = new Map<string, number>();
  for (const [name, { value }] of Object.entries(original)) {
    if (name === 'constructor' || typeof value !== 'function') continue;
    const method = value as (...args: unknown[]) => unknown;
    Reflect.set(StoreHandle.prototype, name, function (this: unknown, ...args: unknown[]) {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return method.apply(this, args);
    });
  }
  return calls;
}

function open<V>(options: CacheOptions<V> = {}): ResourceCache<V> {
  const cache = new ResourceCache<V>({ storage: 'native', maxEntries: 1_000, ...options });
  opened.push(cache);
  return cache;
}

function uris(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `mem://${n}`);
}

/** Which of `uris` are read without a call. */
function nearOnes<V>(
  cache: ResourceCache<V>,
  calls: Map<string, number>,
  among: string[],
): string[] {
  return among.filter((uri) => {
    const before = calls.get('get') ?? 0;
    cache.get(uri);
    return (calls.get('get') ?? 0) === before;
  });
}

afterEach(async () => {
  Object.defineProperties(StoreHandle.prototype, original);
  for (const cache of opened.splice(0)) cache[Symbol.dispose]();
  await endThreads();
});

const LIFETIMES = {
  never: { ttlMs: 0 },
  ttl: { ttlMs: 3_600_000 },
  idle: { idleTtlMs: 3_600_000 },
};

describe.each(['lru', 'tinylfu', 'adaptive'] as const)('a near hit (%s)', (policy) => {
  it.each(Object.keys(LIFETIMES) as (keyof typeof LIFETIMES)[])(
    'makes no call into the addon but to wake a clock that slept, over a million hits (%s) [NATIVE-NEAR-NO-CALL]',
    (lifetime) => {
      const calls = countCalls();
      const cache = open<number>({ policy, ...LIFETIMES[lifetime] });
      const all = uris(500);
      for (const [n, uri] of all.entries()) cache.set(uri, n);
      for (const uri of all) cache.get(uri);
      expect(calls.get('get')).toBe(500);
      calls.clear();
      let sum = 0;
      for (let round = 0; round < 2_000; round++) {
        for (const uri of all) sum += cache.get(uri)!;
      }
      const during = Object.fromEntries(calls);
      expect(sum).toBe((2_000 * 499 * 500) / 2);
      // The clock sleeps only where nothing was read for long, as when this machine halts the test.
      expect(during['wake'] ?? 0).toBeLessThan(20);
      delete during['wake'];
      expect(during).toEqual({});
      expect(cache.info(all[7]!)!.accessCount).toBe(2_001);
      expect(cache.stats().hits).toBe(2_001 * 500);
    },
  );
});

describe('the near map', () => {
  it.each([0, 1, 10, 64])('holds %d entries and no more [NATIVE-NEAR-BOUND]', (nearEntries) => {
    const calls = countCalls();
    const cache = open<number>({ nearEntries });
    const all = uris(100);
    for (const [n, uri] of all.entries()) cache.set(uri, n);
    for (let round = 0; round < 5; round++) {
      for (const [n, uri] of all.entries()) expect(cache.get(uri)).toBe(n);
    }
    const last = all.slice(100 - nearEntries);
    expect(nearOnes(cache, calls, last)).toEqual(last);
    expect(nearOnes(cache, calls, all).length).toBeLessThanOrEqual(nearEntries);
  });

  it('keeps what is read often when much is read once [NATIVE-NEAR-BOUND]', () => {
    const calls = countCalls();
    const cache = open<number>({ nearEntries: 20 });
    const all = uris(500);
    for (const [n, uri] of all.entries()) cache.set(uri, n);
    const often = all.slice(0, 10);
    for (const uri of all) {
      cache.get(uri);
      for (const each of often) cache.get(each);
    }
    expect(nearOnes(cache, calls, often)).toEqual(often);
  });

  it('holds a quarter of maxBytes at most, and of one value an eighth of that [NATIVE-NEAR-BOUND]', () => {
    const calls = countCalls();
    const cache = open<string>({ maxBytes: 64_000 });
    const all = uris(32);
    for (const uri of all) cache.set(uri, 'x'.repeat(1_000));
    for (const uri of all) cache.get(uri);
    const near = nearOnes(cache, calls, all.toReversed());
    expect(near.length).toBeGreaterThanOrEqual(12);
    expect(near.length).toBeLessThanOrEqual(16);
    cache.set('mem://large', 'x'.repeat(2_001));
    cache.set('mem://fits', 'x'.repeat(2_000));
    for (const uri of ['mem://large', 'mem://fits']) cache.get(uri);
    expect(nearOnes(cache, calls, ['mem://large', 'mem://fits'])).toEqual(['mem://fits']);
  });

  it('counts the hits of each entry for itself when a cell goes to a value that it does not hold [NATIVE-NEAR-COUNTS]', () => {
    const cache = open<string>({ maxBytes: 64_000, nearEntries: 1, policy: 'lru' });
    cache.set('mem://small', 'small');
    cache.set('mem://large', 'x'.repeat(5_000));
    for (let round = 1; round <= 100; round++) {
      cache.get('mem://small');
      cache.get('mem://large');
      cache.get('mem://small');
      expect(cache.info('mem://small')!.accessCount).toBe(2 * round);
      expect(cache.info('mem://large')!.accessCount).toBe(round);
    }
  });
});

/** What a caller may do to a value that it has got, or has set. */
const VALUES: [string, () => unknown, (value: never) => void][] = [
  ['a Uint8Array', () => new Uint8Array([1, 2, 3]), (value: Uint8Array) => void value.fill(9)],
  ['a Buffer', () => Buffer.from([1, 2, 3]), (value: Buffer) => void value.fill(9)],
  [
    'an ArrayBuffer',
    () => new Uint8Array([1, 2, 3]).buffer,
    (value: ArrayBuffer) => void new Uint8Array(value).fill(9),
  ],
  [
    'a Map',
    () => new Map([['a', [1]]]),
    (value: Map<string, number[]>) => {
      value.get('a')!.push(9);
      value.set('b', [9]);
    },
  ],
  ['a Set', () => new Set([1]), (value: Set<number>) => void value.add(9)],
  ['a Date', () => new Date(0), (value: Date) => void value.setTime(9)],
  [
    'an object with a buffer',
    () => ({ deep: { bytes: new Uint8Array([1]) } }),
    (value: { deep: { bytes: Uint8Array } }) => void value.deep.bytes.fill(9),
  ],
];

describe('what native storage gives', () => {
  it.each(VALUES)(
    'is %s of the caller’s own, near or not [NATIVE-FROZEN, HAZARD-16]',
    (_, make, change) => {
      const cache = open<unknown>();
      const given = make();
      cache.set('mem://a', given);
      change(given as never);
      for (let read = 0; read < 3; read++) {
        const value = cache.get('mem://a');
        expect(value).toEqual(make());
        change(value as never);
        for (const other of [
          cache.peek('mem://a'),
          [...cache.entries()][0]![1],
          cache.getMany(['mem://a']).get('mem://a'),
        ]) {
          expect(other).toEqual(make());
          change(other as never);
        }
      }
    },
  );

  it('is data frozen throughout, and not the object that was set [NATIVE-FROZEN, HAZARD-16]', async () => {
    const cache = open<{ list: { n: number }[] }>();
    const given = { list: [{ n: 1 }] };
    cache.set('mem://a', given);
    given.list[0]!.n = 2;
    for (const value of [cache.get('mem://a')!, cache.get('mem://a')!, cache.peek('mem://a')!]) {
      expect(value).toEqual({ list: [{ n: 1 }] });
      expect([value, value.list, value.list[0]].every((each) => Object.isFrozen(each))).toBe(true);
      expect(() => value.list.push({ n: 3 })).toThrow(TypeError);
    }
    const loaded = await cache.load('mem://loaded', () => given);
    expect(loaded).not.toBe(given);
    expect(Object.isFrozen(loaded.list[0])).toBe(true);
    expect(Object.isFrozen(given)).toBe(false);
  });

  it('is told to listeners with memory of its own too [NATIVE-FROZEN, HAZARD-16]', () => {
    const cache = open<Uint8Array>();
    const told: Uint8Array[] = [];
    for (const event of ['accessed', 'invalidated'] as const) {
      cache.on(event, ({ value }) => {
        expect(value).toEqual(new Uint8Array([1, 2]));
        told.push(value!);
      });
    }
    cache.set('mem://a', new Uint8Array([1, 2]));
    cache.get('mem://a');
    cache.get('mem://a')!.fill(9);
    cache.invalidate('mem://a');
    expect(told).toHaveLength(3);
  });

  it('to one thread is nobody else’s [NATIVE-FROZEN, HAZARD-16]', async () => {
    const name = freshName();
    const [one, other] = [await StoreThread.start({ name }), await StoreThread.start({ name })];
    await one.run(({ cache }) => {
      cache.set('mem://bytes', new Uint8Array([1, 2, 3]));
      cache.set('mem://map', new Map([['a', 1]]));
    });
    for (const thread of [one, other, one, other]) {
      const seen = await thread.run(({ cache }) => {
        const [bytes, map] = [
          cache.get('mem://bytes') as Uint8Array,
          cache.get('mem://map') as Map<string, number>,
        ];
        const before = [[...bytes], [...map]];
        bytes.fill(9);
        map.clear();
        return before;
      });
      expect(seen).toEqual([[1, 2, 3], [['a', 1]]]);
    }
  });
});
