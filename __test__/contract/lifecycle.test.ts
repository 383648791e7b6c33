import { expect, it } from 'vitest';
import type { ResourceCache } from '../../src/cache/resource-cache.ts';
import { describeEachVariant } from '../support/cache-variants.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';

const A = 'mem://a';

describeEachVariant('iteration', (variant) => {
  it('yields keys and entries, oldest first [CACHE-ITERATION]', () => {
    const { cache } = variant.open<number>();
    for (const n of [1, 2, 3]) cache.set(`mem://${n}`, n);
    cache.get('mem://1');
    const pairs = [1, 2, 3].map((n) => [`mem://${n}`, n]);
    expect([...cache]).toEqual(pairs);
    expect([...cache.entries()]).toEqual(pairs);
    expect([...cache.keys()]).toEqual(['mem://1', 'mem://2', 'mem://3']);
    expect(new Map(cache)).toEqual(new Map(pairs as [string, number][]));
  });

  it('yields nothing expired, also of what expires meanwhile [CACHE-ITERATION, EXPIRY-NONE-RETURNED]', () => {
    const { cache, clock } = variant.open<number>();
    for (const n of [1, 2, 3, 4]) cache.set(`mem://${n}`, n, { ttlMs: n * 10 });
    clock.advance(11);
    const log = new EventLog(cache);
    const seen: number[] = [];
    for (const [, value] of cache) {
      seen.push(value);
      clock.advance(20);
    }
    expect(seen).toEqual([2, 4]);
    expect(log.takeTitles()).toEqual(['expired mem://1', 'expired mem://3']);
  });

  it('holds while entries leave, change and come [CACHE-ITERATION]', () => {
    const { cache } = variant.open<number>();
    for (let n = 0; n < 10; n++) cache.set(`mem://${n}`, n);
    const seen: [string, number][] = [];
    for (const [uri, value] of cache) {
      seen.push([uri, value]);
      if (value === 0) cache.invalidate('mem://1');
      if (value === 0) cache.set('mem://2', 200);
      if (value === 3) cache.invalidate('mem://3');
      if (value === 4) cache.set('mem://new', 100);
      if (value === 5) cache.invalidatePattern(/mem:\/\/[67]/);
    }
    expect(seen.map(([, value]) => value)).toEqual([0, 200, 3, 4, 5, 8, 9, 100]);
    const rest = cache.keys();
    rest.next();
    cache.clear();
    expect([...rest]).toEqual([]);
    expect([...cache]).toEqual([]);
  });

  it('yields each entry once, under its own URI, when listeners change what it stands on [CACHE-ITERATION, EVENT-REENTRANT]', () => {
    const { cache, clock } = variant.open<string>();
    cache.set('mem://brief', 'brief', { ttlMs: 1 });
    for (const name of ['a', 'b', 'c']) cache.set(`mem://${name}`, name);
    cache.once('expired', () => {
      cache.invalidate('mem://a');
      cache.set('mem://new', 'new');
      cache.set('mem://newer', 'newer');
    });
    clock.advance(2);
    const seen = [...cache];
    expect(new Set(seen.map(([uri]) => uri)).size).toBe(seen.length);
    expect(seen.filter(([, value]) => value !== 'a')).toEqual(
      ['b', 'c', 'new', 'newer'].map((name) => [`mem://${name}`, name]),
    );
  });
});

describeEachVariant('resize', (variant) => {
  it('applies smaller and larger bounds at once, with cause resize [CACHE-RESIZE, BOUND-BOTH]', () => {
    const { cache } = variant.open<number>();
    const log = new EventLog(cache);
    for (let n = 0; n < variant.maxEntries; n++) cache.set(`mem://${n}`, n, { weightBytes: 10 });
    cache.resize({ maxEntries: 20 });
    expect(cache.size).toBeLessThanOrEqual(20);
    cache.sync();
    const evicted = log.take();
    expect(evicted).toHaveLength(variant.maxEntries - cache.size);
    expect(new Set(evicted.map(({ metadata }) => metadata?.cause))).toEqual(new Set(['resize']));
    expect(cache.stats()).toMatchObject({ maxSize: 20, maxMemoryBytes: 104_857_600 });
    cache.resize({ maxBytes: 55 });
    expect([cache.size, cache.weightBytes]).toEqual([5, 50]);
    cache.resize({ maxEntries: 1_000, maxBytes: 1_000_000 });
    expect(cache.size).toBe(5);
    for (let n = 0; n < 900; n++) cache.set(`more://${n}`, n);
    cache.sync();
    expect(cache.size).toBeGreaterThan(800);
    expect(cache.stats()).toMatchObject({ maxSize: 1_000, maxMemoryBytes: 1_000_000 });
  });

  it('keeps what fits, its info and its deadlines, also across 64 entries [CACHE-RESIZE]', () => {
    const { cache, clock } = variant.open<number>({ ttlMs: 1_000 });
    const log = new EventLog(cache);
    for (let n = 0; n < 10; n++) cache.set(`mem://${n}`, n, { tags: ['t'], weightBytes: 3 });
    cache.get('mem://4');
    clock.advance(100);
    const before = [...cache.keys()].map((uri) => cache.info(uri));
    log.take();
    for (const maxEntries of [63, 64, 300, 65, 10, 500]) {
      cache.resize({ maxEntries });
      cache.sync();
      expect([...cache.keys()].map((uri) => cache.info(uri))).toEqual(before);
      expect([cache.size, cache.weightBytes]).toEqual([10, 30]);
    }
    expect(log.take()).toEqual([]);
    clock.advance(901);
    cache.sync();
    expect(log.take()).toHaveLength(10);
    expect([cache.size, cache.invalidateTag('t')]).toEqual([0, 0]);
  });

  it('ends and holds both bounds when it crosses 64 entries either way with fewer bytes [CACHE-RESIZE, BOUND-BOTH]', () => {
    for (const [from, to] of [
      [18, 101],
      [101, 18],
      [63, 64],
      [64, 63],
    ] as const) {
      const { cache } = variant.open<string>({ maxEntries: from, maxBytes: 800 });
      const log = new EventLog(cache);
      for (let n = 0; n < 10; n++) cache.set(`mem://${n}`, 'v', { weightBytes: 60 });
      expect(log.take()).toEqual([]);
      cache.resize({ maxEntries: to, maxBytes: 250 });
      expect(cache.weightBytes).toBeLessThanOrEqual(250);
      cache.sync();
      const left = [...cache.keys()];
      expect([cache.size, cache.weightBytes]).toEqual([left.length, left.length * 60]);
      const gone = log.take();
      expect(gone).toHaveLength(10 - left.length);
      expect(left.length).toBeGreaterThanOrEqual(2);
      expect(new Set(gone.map(({ metadata }) => metadata?.cause))).toEqual(new Set(['resize']));
    }
  });

  it('evicts what has become heavier than maxEntryBytes [CACHE-RESIZE, LARGE-THRESHOLD]', () => {
    const { cache } = variant.open<string>({ maxBytes: 1_000 });
    const log = new EventLog(cache);
    cache.set('mem://heavy', 'v', { weightBytes: 400 });
    cache.set('mem://light', 'v', { weightBytes: 40 });
    cache.resize({ maxBytes: 100 });
    cache.sync();
    expect(log.takeTitles()).toEqual(['evicted mem://heavy (resize)']);
    expect([cache.weightBytes, cache.get('mem://light')]).toEqual([40, 'v']);
    expect(cache.maxEntryBytes).toBeGreaterThanOrEqual(50);
    expect(cache.maxEntryBytes).toBeLessThanOrEqual(100);
  });

  it('evicts the least recently used where order is exact [CACHE-RESIZE, CACHE-LRU]', () => {
    const { cache } = variant.open<number>({ maxEntries: 5 });
    for (let n = 0; n < 5; n++) cache.set(`mem://${n}`, n);
    cache.get('mem://0');
    const log = new EventLog(cache);
    cache.resize({ maxEntries: 2 });
    expect(log.takeTitles()).toEqual([1, 2, 3].map((n) => `evicted mem://${n} (resize)`));
  });
});

describeEachVariant('stats', (variant) => {
  it('counts what happened and tells what is held [CACHE-STATS, STATS-COUNTERS]', async () => {
    const { cache, clock } = variant.open<string>({ maxBytes: 1_000, ttlMs: 2_500 });
    const bounds = { maxSize: variant.maxEntries, maxMemoryBytes: 1_000, ttlSeconds: 2.5 };
    expect(cache.stats()).toEqual({
      ...bounds,
      size: 0,
      memoryBytes: 0,
      hits: 0,
      misses: 0,
      hitRatio: 0,
      loads: 0,
      loadFailures: 0,
      coalescedLoads: 0,
      revalidations: 0,
      staleEntries: 0,
      evictions: 0,
      expirations: 0,
      invalidations: 0,
      droppedEvents: 0,
    });
    cache.set(A, 'four');
    for (const uri of [A, A, A, 'mem://none']) cache.get(uri);
    const loads = [cache.load('mem://l', async () => 'l'), cache.load('mem://l')];
    await Promise.all(loads);
    await granaryFailure(
      () => cache.load('mem://f', () => Promise.reject(new Error('down'))),
      'ERR_GRANARY_LOAD_FAILED',
    );
    cache.set('mem://huge', '', { weightBytes: 1_001 });
    cache.set('mem://x', 'v', { ttlMs: 1 });
    clock.advance(2);
    cache.get('mem://x');
    cache.invalidate('mem://l');
    expect(cache.stats()).toEqual({
      ...bounds,
      size: 1,
      memoryBytes: 4,
      hits: 3,
      misses: 5,
      hitRatio: 3 / 8,
      loads: 2,
      loadFailures: 1,
      coalescedLoads: 1,
      revalidations: 0,
      staleEntries: 0,
      evictions: 1,
      expirations: 1,
      invalidations: 1,
      droppedEvents: 0,
    });
  });
});

describeEachVariant('close', (variant) => {
  const loader = (): string => 'v';
  const uses: readonly [string, (cache: ResourceCache<string>) => unknown][] = [
    ['get', (cache) => cache.get(A)],
    ['peek', (cache) => cache.peek(A)],
    ['has', (cache) => cache.has(A)],
    ['set', (cache) => cache.set(A, 'v')],
    ['getMany', (cache) => cache.getMany([])],
    ['setMany', (cache) => cache.setMany([])],
    ['load', (cache) => cache.load(A, loader)],
    ['loadMany', (cache) => cache.loadMany([], () => new Map())],
    ['invalidate', (cache) => cache.invalidate(A)],
    ['invalidatePattern', (cache) => cache.invalidatePattern(/x/)],
    ['invalidateTag', (cache) => cache.invalidateTag('red')],
    ['clear', (cache) => cache.clear()],
    ['cleanupExpired', (cache) => cache.cleanupExpired()],
    ['info', (cache) => cache.info(A)],
    ['stats', (cache) => cache.stats()],
    ['keys', (cache) => cache.keys()],
    ['entries', (cache) => cache.entries()],
    ['iteration', (cache) => [...cache]],
    ['on', (cache) => cache.on('accessed', loader)],
    ['once', (cache) => cache.once('accessed', loader)],
    ['resize', (cache) => cache.resize({ maxEntries: 5 })],
    ['sync', (cache) => cache.sync()],
  ];

  it.each(uses)('%s after it throws ERR_GRANARY_CLOSED [CACHE-CLOSE]', async (_, use) => {
    const { cache } = variant.open<string>();
    cache.set(A, 'v');
    cache.close();
    const failure = await granaryFailure(() => use(cache), 'ERR_GRANARY_CLOSED');
    expect(failure.message).toContain('closed');
  });

  it('is idempotent, frees everything, fires nothing, and leaves off and the sizes harmless [CACHE-CLOSE]', () => {
    const { cache } = variant.open<string>();
    const log = new EventLog(cache);
    const listener = (): void => {};
    cache.on('accessed', listener);
    cache.set(A, 'v');
    for (const close of [() => cache.close(), () => cache.close(), () => cache[Symbol.dispose]()]) {
      close();
      expect([cache.size, cache.weightBytes]).toEqual([0, 0]);
      expect(cache.off('accessed', listener)).toBe(cache);
    }
    expect(log.take()).toEqual([]);
  });

  it('ends an iteration under way [CACHE-CLOSE, CACHE-ITERATION]', () => {
    const { cache } = variant.open<number>();
    for (let n = 0; n < 5; n++) cache.set(`mem://${n}`, n);
    const seen: string[] = [];
    for (const uri of cache.keys()) {
      seen.push(uri);
      cache.close();
    }
    expect(seen).toEqual(['mem://0']);
  });

  it('does not touch another cache [CACHE-CLOSE]', () => {
    const { cache, clock } = variant.open<string>();
    const { cache: other } = variant.open<string>({ clock });
    other.set(A, 'v');
    cache.close();
    expect(other.get(A)).toBe('v');
    other.sync();
    expect(other.size).toBe(1);
  });
});
