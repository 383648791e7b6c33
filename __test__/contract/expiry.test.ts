import { expect, it } from 'vitest';
import { describeEachVariant } from '../support/cache-variants.ts';
import { EventLog } from '../support/event-log.ts';
import { ManualClock } from '../support/manual-clock.ts';

const YEAR_MS = 31_557_600_000;
const A = 'mem://a';

describeEachVariant('expiry', (variant) => {
  it('lives through the deadline itself and no longer [CACHE-TTL, EXPIRY-NONE-RETURNED]', () => {
    const { cache, clock } = variant.open({ ttlMs: 1_000 });
    cache.set(A, 'v');
    clock.advance(1_000);
    expect([cache.get(A), cache.peek(A), cache.has(A), cache.size]).toEqual(['v', 'v', true, 1]);
    expect(cache.info(A)).toBeDefined();
    expect([...cache.keys()]).toEqual([A]);
    clock.advance(1);
    expect([cache.get(A), cache.peek(A), cache.has(A), cache.size]).toEqual([
      undefined,
      undefined,
      false,
      0,
    ]);
  });

  it.each<[string, (cache: ReturnType<typeof variant.open>['cache']) => unknown]>([
    ['get', (cache) => cache.get(A)],
    ['peek', (cache) => cache.peek(A)],
    ['info', (cache) => cache.info(A)],
    ['entries', (cache) => cache.entries().next().value],
    ['getMany', (cache) => cache.getMany([A]).get(A)],
  ])('%s alone tells and frees what has expired [CACHE-EXPIRED-MISS, EVENT-EXPIRED]', (_, look) => {
    const { cache, clock } = variant.open({ ttlMs: 1_000 });
    const log = new EventLog(cache);
    cache.set(A, 'v');
    clock.advance(1_001);
    expect(look(cache)).toBeUndefined();
    expect(log.take()).toEqual([{ uri: A, event: 'expired', value: 'v' }]);
    expect([cache.size, cache.weightBytes, cache.stats().expirations]).toEqual([0, 0, 1]);
    cache.sync();
    expect(log.take()).toEqual([]);
  });

  it('loads anew what has expired and tells the loader of it [CACHE-EXPIRED-MISS, LOAD-CONTEXT]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 1_000 });
    const log = new EventLog(cache);
    cache.set(A, 'old');
    clock.advance(1_001);
    const loaded = await cache.load(A, (uri, { stale }) => `${uri} after ${stale}`);
    expect(loaded).toBe('mem://a after old');
    expect(log.takeTitles()).toEqual([`expired ${A}`, `loaded ${A}`, `accessed ${A}`]);
  });

  it('is not extended by any access [CACHE-TTL-FIXED]', async () => {
    const { cache, clock } = variant.open({ ttlMs: 1_000 });
    cache.set(A, 'v');
    for (let at = 0; at < 10; at++) {
      clock.advance(100);
      expect(cache.get(A)).toBe('v');
      expect(await cache.load(A, () => 'new')).toBe('v');
    }
    clock.advance(1);
    expect(cache.get(A)).toBeUndefined();
  });

  it('starts anew with a set, shorter or longer [CACHE-TTL-FIXED, TTL-PER-ENTRY]', () => {
    const { cache, clock } = variant.open({ ttlMs: 1_000 });
    const log = new EventLog(cache);
    cache.set(A, 1);
    clock.advance(600);
    cache.set(A, 2);
    clock.advance(1_000);
    expect(cache.get(A)).toBe(2);
    cache.set(A, 3, { ttlMs: 50 });
    expect(cache.info(A)?.expiresAtMs).toBe(clock.now() + 50);
    clock.advance(51);
    cache.sync();
    expect(cache.size).toBe(0);
    expect(log.takeTitles()).toEqual([`accessed ${A}`, `expired ${A}`]);
  });

  it('fires expired exactly at sync, and nothing before [EXPIRY-INJECTED, HAZARD-18, EVENT-EXPIRED]', async () => {
    const { cache, clock } = variant.open<number>();
    const log = new EventLog(cache);
    for (let n = 1; n <= 5; n++) cache.set(`mem://${n}`, n, { ttlMs: n * 100 });
    clock.advance(300);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(log.take()).toEqual([]);
    cache.sync();
    expect(log.takeTitles()).toEqual(['expired mem://1', 'expired mem://2']);
    clock.advance(1);
    cache.sync();
    expect(log.takeTitles()).toEqual(['expired mem://3']);
    clock.advance(10_000);
    expect(cache.cleanupExpired()).toBe(2);
    expect(log.takeTitles()).toEqual(['expired mem://4', 'expired mem://5']);
  });

  it('counts in cleanupExpired what that call freed, and frees nothing else [CACHE-CLEANUP]', () => {
    const { cache, clock } = variant.open<number>({ ttlMs: 100 });
    for (let n = 0; n < 10; n++) cache.set(`mem://${n}`, n, n < 4 ? {} : { ttlMs: 0 });
    expect(cache.cleanupExpired()).toBe(0);
    clock.advance(101);
    expect(cache.get('mem://0')).toBeUndefined();
    expect(cache.cleanupExpired()).toBe(3);
    expect(cache.cleanupExpired()).toBe(0);
    expect(cache.size).toBe(6);
  });

  it('never expires with TTL 0, of the cache or of the entry [DEPART-TTL-ZERO, HAZARD-5-NEVER]', () => {
    const { cache: endless, clock } = variant.open({ ttlMs: 0 });
    const { cache } = variant.open({ clock });
    endless.set(A, 'by cache');
    cache.set(A, 'by entry', { ttlMs: 0 });
    expect(endless.info(A)?.expiresAtMs).toBeUndefined();
    expect(cache.info(A)?.expiresAtMs).toBeUndefined();
    clock.advance(300 * YEAR_MS);
    for (const some of [endless, cache]) {
      some.sync();
      expect(some.size).toBe(1);
    }
    expect([endless.get(A), cache.get(A)]).toEqual(['by cache', 'by entry']);
    expect([endless.stats().ttlSeconds, cache.stats().ttlSeconds]).toEqual([0, 900]);
  });

  it('lives for 15 minutes unless told otherwise [CACHE-DEFAULT-TTL]', () => {
    const { cache, clock } = variant.open();
    cache.set(A, 'v');
    clock.advance(15 * 60_000);
    expect(cache.get(A)).toBe('v');
    clock.advance(1);
    expect(cache.get(A)).toBeUndefined();
  });

  it('extends the idle TTL by each access, but not by peek, has or info [TTL-IDLE]', async () => {
    const { cache, clock } = variant.open({ ttlMs: 0, idleTtlMs: 100 });
    cache.set(A, 'v');
    for (let at = 0; at < 5; at++) {
      clock.advance(100);
      expect(at % 2 === 0 ? cache.get(A) : await cache.load(A)).toBe('v');
    }
    expect(cache.info(A)?.expiresAtMs).toBe(clock.now() + 100);
    clock.advance(60);
    expect([cache.peek(A), cache.has(A), cache.info(A)?.accessCount]).toEqual(['v', true, 5]);
    clock.advance(41);
    expect(cache.get(A)).toBeUndefined();
  });

  it('expires at the earlier of TTL and idle TTL [TTL-IDLE, TTL-PER-ENTRY, EXPIRY-INJECTED]', () => {
    const { cache, clock } = variant.open({ ttlMs: 250, idleTtlMs: 100 });
    const log = new EventLog(cache);
    cache.set('mem://used', 1);
    cache.set('mem://idle', 2);
    cache.set('mem://patient', 3, { idleTtlMs: 0 });
    for (let at = 0; at < 2; at++) {
      clock.advance(100);
      cache.get('mem://used');
    }
    log.take();
    cache.sync();
    expect(log.takeTitles()).toEqual(['expired mem://idle']);
    expect(cache.info('mem://used')?.expiresAtMs).toBe(clock.now() + 50);
    clock.advance(51);
    cache.sync();
    expect(log.takeTitles().sort()).toEqual(['expired mem://patient', 'expired mem://used']);
  });

  it.each([
    ['0', 0],
    ['negative', -1_000_000],
    ['just below 0', -3],
    ['fractional', 1_234.75],
    ['2^30', 2 ** 30 - 2],
    ['2^31', 2 ** 31 - 2],
    ['beyond 2^31', 2 ** 31 + 10_000],
    ['2^32', 2 ** 32 - 2],
    ['2^52', 2 ** 52],
    ['ms since 1970', 1_700_000_000_000],
  ])(
    'expires right with a clock that starts at %s [HAZARD-5, EXPIRY-NONE-RETURNED]',
    (_, start) => {
      const clock = new ManualClock(start);
      const { cache } = variant.open<string>({ ttlMs: 1_000, clock });
      const log = new EventLog(cache);
      cache.set('mem://brief', 'b', { ttlMs: 1 });
      cache.set(A, 'v');
      cache.set('mem://idle', 'i', { idleTtlMs: 600, ttlMs: 0 });
      expect(cache.info(A)).toMatchObject({ createdAtMs: start, expiresAtMs: start + 1_000 });
      clock.advance(2);
      expect([cache.get('mem://brief'), cache.get(A), cache.get('mem://idle')]).toEqual([
        undefined,
        'v',
        'i',
      ]);
      clock.advance(998);
      expect([cache.get(A), cache.get('mem://idle')]).toEqual(['v', undefined]);
      clock.advance(1);
      expect(cache.get(A)).toBeUndefined();
      cache.set(A, 'again');
      clock.advance(1_001);
      cache.sync();
      expect([cache.size, cache.stats().expirations]).toEqual([0, 4]);
      expect(log.takeTitles().filter((title) => title.startsWith('expired'))).toEqual([
        'expired mem://brief',
        'expired mem://idle',
        `expired ${A}`,
        `expired ${A}`,
      ]);
    },
  );

  it('is exact to the fraction of a ms [CACHE-TTL, EXPIRY-INJECTED]', () => {
    const { cache, clock } = variant.open({ ttlMs: 63.5, clock: new ManualClock(0) });
    cache.set(A, 'v');
    cache.set('mem://b', 'w');
    clock.advance(63.5);
    expect(cache.get(A)).toBe('v');
    clock.advance(0.25);
    expect(cache.get(A)).toBeUndefined();
    cache.sync();
    expect(cache.size).toBe(0);
  });

  it('keeps TTLs beyond two years, and over leaps of the clock [HAZARD-5-NEVER, HAZARD-5]', () => {
    const { cache, clock } = variant.open<string>();
    const log = new EventLog(cache);
    cache.set('mem://25-days', 'd', { ttlMs: 25 * 86_400_000 });
    cache.set('mem://3-years', 'y', { ttlMs: 3 * YEAR_MS });
    cache.set('mem://90-years', 'z', { ttlMs: 90 * YEAR_MS });
    clock.advance(2.5 * YEAR_MS);
    cache.sync();
    expect(log.takeTitles()).toEqual(['expired mem://25-days']);
    expect(cache.get('mem://3-years')).toBe('y');
    clock.advance(0.5 * YEAR_MS);
    expect(cache.get('mem://3-years')).toBe('y');
    clock.advance(1);
    cache.sync();
    expect(log.takeTitles().at(-1)).toBe('expired mem://3-years');
    clock.advance(87 * YEAR_MS - 1);
    expect(cache.get('mem://90-years')).toBe('z');
    clock.advance(1);
    expect(cache.get('mem://90-years')).toBeUndefined();
  });

  it('gives a loaded value the TTL of its options, its loader, or the cache [TTL-PER-ENTRY, LOAD-CONTEXT]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 1_000 });
    await cache.load('mem://cache', () => 'v');
    await cache.load('mem://options', () => 'v', { ttlMs: 20, idleTtlMs: 5 });
    await cache.load(
      'mem://loader',
      (_, { setTtl }) => {
        setTtl(30);
        return 'v';
      },
      { ttlMs: 20 },
    );
    const lifetimes = ['cache', 'options', 'loader'].map(
      (name) => (cache.info(`mem://${name}`)?.expiresAtMs ?? Infinity) - clock.now(),
    );
    expect(lifetimes).toEqual([1_000, 5, 30]);
  });

  it('starts the life of a loaded value when it arrives, not when it was asked for [CACHE-TTL]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 1_000 });
    await cache.load(A, async () => {
      clock.advance(5_000);
      return 'v';
    });
    clock.advance(1_000);
    expect(cache.get(A)).toBe('v');
  });
});
