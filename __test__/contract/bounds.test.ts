import { expect, it } from 'vitest';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { type CacheVariant, describeEachVariant } from '../support/cache-variants.ts';
import { EventLog } from '../support/event-log.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** Collects, from inside every event, whether a bound was ever exceeded. */
function watchBounds<V>(cache: ResourceCache<V>): { readonly exceeded: string[] } {
  const exceeded: string[] = [];
  for (const event of ['evicted', 'expired', 'invalidated', 'loaded', 'accessed'] as const) {
    cache.on(event, ({ uri }) => {
      const { size, maxSize, memoryBytes, maxMemoryBytes } = cache.stats();
      if (size > maxSize || memoryBytes > maxMemoryBytes) {
        exceeded.push(`${event} ${uri}: ${size} entries, ${memoryBytes} bytes`);
      }
    });
  }
  return { exceeded };
}

function openSmall(variant: CacheVariant, maxBytes?: number) {
  return variant.open<string>(maxBytes === undefined ? {} : { maxBytes });
}

describeEachVariant('bounds', (variant) => {
  it('holds the bound of entries after every set and inside every event [CACHE-EVICT-ENTRIES, BOUND-BOTH, CACHE-CONFIG]', async () => {
    const { cache } = openSmall(variant);
    const { exceeded } = watchBounds(cache);
    const log = new EventLog(cache);
    for (let n = 0; n < variant.maxEntries * 4; n++) {
      if (n % 3 === 0) await cache.load(`mem://${n}`, () => 'loaded');
      else cache.set(`mem://${n}`, 'set');
      expect(cache.size).toBeLessThanOrEqual(variant.maxEntries);
      expect(cache.peek(`mem://${n}`)).toBeDefined();
    }
    cache.sync();
    expect(exceeded).toEqual([]);
    const evicted = log.take().filter(({ event }) => event === 'evicted');
    expect(evicted).toHaveLength(variant.maxEntries * 4 - cache.size);
    expect(cache.size).toBeGreaterThan(variant.maxEntries * (variant.exactOrder ? 0.999 : 0.9));
    expect(new Set(evicted.map(({ uri }) => uri)).size).toBe(evicted.length);
    expect(new Set(evicted.map(({ metadata }) => metadata?.cause))).toEqual(new Set(['size']));
    expect(cache.stats().evictions).toBe(evicted.length);
  });

  it('holds the bound of bytes, evicting as many as it takes [CACHE-EVICT-BYTES, BOUND-BOTH, CACHE-CONFIG]', () => {
    const { cache } = openSmall(variant, 10_000);
    const { exceeded } = watchBounds(cache);
    const log = new EventLog(cache);
    for (let n = 0; n < 20; n++) {
      cache.set(`mem://${n}`, 'v', { weightBytes: 500 });
      expect(cache.weightBytes).toBeLessThanOrEqual(10_000);
    }
    cache.sync();
    expect([cache.size, cache.weightBytes]).toEqual([20, 10_000]);
    expect(log.take()).toEqual([]);
    cache.set('mem://heavy', 'v', { weightBytes: 2_400 });
    cache.sync();
    expect(cache.weightBytes).toBeLessThanOrEqual(10_000);
    expect(log.take().length).toBeGreaterThanOrEqual(1);
    for (let n = 100; n < 200; n++) {
      cache.set(`mem://${n}`, 'v', { weightBytes: 1 + ((n * 7_919) % 4_000) });
      expect(cache.weightBytes).toBeLessThanOrEqual(10_000);
    }
    cache.sync();
    expect(cache.weightBytes).toBeLessThanOrEqual(10_000);
    expect(exceeded).toEqual([]);
  });

  it('holds the bound of bytes when residents grow by overwrites [HAZARD-10-GROWTH, BOUND-BOTH]', () => {
    const { cache } = openSmall(variant, 10_000);
    const { exceeded } = watchBounds(cache);
    const count = Math.min(variant.maxEntries, 30);
    for (let round = 1; round <= 8; round++) {
      for (let n = 0; n < count; n++) {
        cache.set(`mem://${n}`, `round ${round}`, { weightBytes: 50 * round * round });
        expect(cache.weightBytes).toBeLessThanOrEqual(10_000);
        const found = cache.peek(`mem://${n}`);
        expect([`round ${round}`, undefined]).toContain(found);
      }
    }
    cache.sync();
    expect(exceeded).toEqual([]);
    const sum = [...cache.keys()].reduce((sum, uri) => sum + cache.info(uri)!.weightBytes, 0);
    expect(cache.weightBytes).toBe(sum);
  });

  it('stores into an empty cache of the smallest bounds [CACHE-EMPTY-EVICT, BOUND-BOTH]', () => {
    const { cache } = variant.open<string>({ maxEntries: 1, maxBytes: 1 });
    cache.set('mem://a', 'x');
    expect([...cache]).toEqual([['mem://a', 'x']]);
    cache.set('mem://b', 'y');
    expect([...cache]).toEqual([['mem://b', 'y']]);
    cache.set('mem://c', 'too heavy');
    expect([...cache]).toEqual([['mem://b', 'y']]);
    cache.clear();
    cache.set('mem://d', 'too heavy');
    expect([cache.size, cache.weightBytes]).toEqual([0, 0]);
  });

  it('keeps its hits when the working set shifts, whichever bound binds [HAZARD-9]', () => {
    for (const bounds of [
      { maxEntries: 100, maxBytes: 1_000_000_000 },
      { maxEntries: 100_000, maxBytes: 100 * 1_000 },
    ]) {
      const { cache } = variant.open<string>(bounds);
      const shares: number[] = [];
      for (let shift = 0; shift < 4; shift++) {
        let hits = 0;
        for (let round = 0; round < 60; round++) {
          for (let n = 0; n < 60; n++) {
            const uri = `mem://${shift}/${n}`;
            if (cache.get(uri) !== undefined) hits++;
            else cache.set(uri, 'v', { weightBytes: 1_000 });
          }
          cache.sync();
        }
        shares.push(hits / (60 * 60));
      }
      for (const share of shares) expect(share).toBeGreaterThan(0.8);
      cache.close();
    }
  });

  it('keeps exact LRU order where that is promised [CACHE-LRU, HAZARD-13, DEPART-ADAPTIVE]', () => {
    const { cache } = openSmall(variant);
    const log = new EventLog(cache);
    const last = variant.maxEntries;
    for (let n = 0; n < last; n++) cache.set(`mem://${n}`, 'v');
    cache.get('mem://0');
    cache.peek('mem://1');
    cache.has('mem://1');
    cache.set('mem://2', 'again');
    log.take();
    for (let n = last; n < last + 3; n++) cache.set(`mem://${n}`, 'v');
    cache.sync();
    const victims = log.takeTitles();
    expect(victims).toHaveLength(3);
    const expected = ['mem://1', 'mem://3', 'mem://4'].map((uri) => `evicted ${uri} (size)`);
    expect(variant.exactOrder ? victims : expected).toEqual(expected);
  });
});

describeEachVariant('oversized entries', (variant) => {
  it('keeps what weighs maxEntryBytes, which is at least half of maxBytes [LARGE-THRESHOLD]', () => {
    const { cache } = variant.open({ maxBytes: 10_001 });
    expect(cache.maxEntryBytes).toBeGreaterThanOrEqual(5_000.5);
    expect(cache.maxEntryBytes).toBeLessThanOrEqual(10_001);
    cache.set('mem://most', 'v', { weightBytes: cache.maxEntryBytes });
    expect(cache.get('mem://most')).toBe('v');
    cache.set('mem://more', 'v', { weightBytes: cache.maxEntryBytes + 1 });
    expect(cache.get('mem://more')).toBeUndefined();
    cache.sync();
    expect(cache.get('mem://most')).toBe('v');
  });

  it('keeps not what is heavier, and evicts nothing else for it [LARGE-NOT-KEPT, LARGE-EVENT, DEPART-TOO-LARGE, HAZARD-11]', () => {
    const { cache } = variant.open<string>({ maxBytes: 10_000 });
    for (let n = 0; n < 10; n++) cache.set(`mem://${n}`, `v${n}`, { weightBytes: 900 });
    const before = [...cache];
    const log = new EventLog(cache);
    cache.set('mem://huge', 'huge', { weightBytes: 10_001 });
    expect(log.take()).toEqual([
      { uri: 'mem://huge', event: 'evicted', value: 'huge', metadata: { cause: 'too-large' } },
    ]);
    cache.sync();
    expect(log.take()).toEqual([]);
    expect([...cache]).toEqual(before);
    expect([cache.size, cache.weightBytes]).toEqual([10, 9_000]);
    expect(cache.stats().evictions).toBe(1);
  });

  it('drops the older value under that URI, with one event [LARGE-NOT-KEPT, LARGE-EVENT, HAZARD-11]', () => {
    const { cache } = variant.open<string>({ maxBytes: 10_000 });
    for (let n = 0; n < 10; n++)
      cache.set(`mem://${n}`, `v${n}`, { weightBytes: 900, tags: ['t'] });
    const log = new EventLog(cache);
    cache.set('mem://3', 'huge', { weightBytes: 1_000_000_000_000 });
    cache.sync();
    expect(log.takeTitles()).toEqual(['evicted mem://3 (too-large)']);
    expect([cache.size, cache.weightBytes, cache.has('mem://3')]).toEqual([9, 8_100, false]);
    expect(cache.invalidateTag('t')).toBe(9);
    cache.set('mem://3', 'small again', { weightBytes: 1 });
    expect(cache.get('mem://3')).toBe('small again');
  });

  it('hands a loaded value that is too large to its callers, and keeps it not [LARGE-NOT-KEPT, EVENT-LOADED]', async () => {
    const { cache } = variant.open<string>({ maxBytes: 10 });
    const log = new EventLog(cache);
    const value = 'more than ten bytes';
    expect(await cache.load('mem://a', () => value)).toBe(value);
    expect(log.takeTitles()).toEqual(['evicted mem://a (too-large)', 'accessed mem://a']);
    expect(cache.size).toBe(0);
  });
});

it('without options holds 100 entries and 100 MiB [CACHE-DEFAULT-ENTRIES, CACHE-DEFAULT-BYTES]', () => {
  const cache = new ResourceCache<number>({ clock: new ManualClock() });
  expect(cache.stats()).toMatchObject({ maxSize: 100, maxMemoryBytes: 104_857_600 });
  for (let n = 0; n < 300; n++) {
    cache.set(`mem://${n}`, n);
    expect(cache.size).toBeLessThanOrEqual(100);
  }
  for (let n = 0; n < 300; n++) {
    cache.set(`mem://${n}`, n, { weightBytes: 10 * 1024 * 1024 });
    expect(cache.weightBytes).toBeLessThanOrEqual(104_857_600);
  }
  cache.close();
});
