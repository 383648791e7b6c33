import { expect, it } from 'vitest';
import { describeEachVariant } from '../support/cache-variants.ts';
import { EventLog } from '../support/event-log.ts';

const A = 'mem://a';

describeEachVariant('what is known of an entry', (variant) => {
  it('tells creation, last access, access count, size, deadline and tags [CACHE-METADATA, CACHE-INFO]', () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 5_000 });
    const start = clock.now();
    cache.set(A, 'four', { tags: ['red', 'blue', 'red'] });
    expect(cache.info(A)).toEqual({
      createdAtMs: start,
      lastAccessedAtMs: start,
      accessCount: 0,
      weightBytes: 4,
      expiresAtMs: start + 5_000,
      tags: ['red', 'blue'],
    });
    clock.advance(10);
    cache.get(A);
    clock.advance(10);
    cache.get(A);
    clock.advance(10);
    expect(cache.info(A)).toEqual({
      createdAtMs: start,
      lastAccessedAtMs: start + 20,
      accessCount: 2,
      weightBytes: 4,
      expiresAtMs: start + 5_000,
      tags: ['red', 'blue'],
    });
  });

  it('counts every hit of get and load, within one tick as well [CACHE-TOUCH, ACCESS-COUNT, HAZARD-6]', async () => {
    const { cache, clock } = variant.open<string>();
    cache.set(A, 'v');
    for (let at = 0; at < 1_000; at++) cache.get(A);
    for (let at = 0; at < 10; at++) await cache.load(A);
    cache.getMany([A, A]);
    await cache.loadMany([A], () => new Map());
    cache.sync();
    expect(cache.info(A)?.accessCount).toBe(1_013);
    clock.advance(1);
    cache.get(A);
    expect(cache.info(A)).toMatchObject({ accessCount: 1_014, lastAccessedAtMs: clock.now() });
  });

  it('starts the count at 0 with a set and with the load that stored the value [ACCESS-COUNT]', async () => {
    const { cache } = variant.open<string>();
    await Promise.all([1, 2, 3].map(async () => cache.load(A, () => 'loaded')));
    expect(cache.info(A)?.accessCount).toBe(0);
    cache.get(A);
    expect(cache.info(A)?.accessCount).toBe(1);
    cache.set(A, 'set');
    expect(cache.info(A)?.accessCount).toBe(0);
  });

  it('records nothing by peek, has, info, keys and entries [ACCESS-COUNT, CACHE-INFO]', () => {
    const { cache, clock } = variant.open<string>();
    cache.set(A, 'v');
    const before = cache.info(A);
    const stats = cache.stats();
    const log = new EventLog(cache);
    clock.advance(100);
    cache.peek(A);
    cache.has(A);
    cache.info(A);
    cache.peek('mem://none');
    cache.has('mem://none');
    expect([...cache.keys(), ...cache.entries(), ...cache]).toHaveLength(3);
    expect(cache.info(A)).toEqual(before);
    expect(cache.stats()).toEqual(stats);
    expect(log.take()).toEqual([]);
  });

  it('weighs by weigh, or by the weight given, in whole bytes [WEIGH-GIVEN, CACHE-TOTAL-SIZE]', async () => {
    const weighed: unknown[] = [];
    const { cache } = variant.open<string>({
      weigh: (value, uri) => {
        weighed.push([value, uri]);
        return value.length * 10 + 0.5;
      },
    });
    cache.set('mem://weighed', 'abc');
    cache.set('mem://given', 'abc', { weightBytes: 7 });
    cache.set('mem://nothing', 'abc', { weightBytes: 0 });
    await cache.load('mem://loaded', () => 'abcd');
    await cache.load('mem://loaded-given', () => 'abcd', { weightBytes: 9 });
    const weights = [...cache.keys()].map((uri) => cache.info(uri)?.weightBytes);
    expect(weights).toEqual([31, 7, 0, 41, 9]);
    expect(cache.weightBytes).toBe(88);
    expect(weighed).toEqual([
      ['abc', 'mem://weighed'],
      ['abcd', 'mem://loaded'],
    ]);
  });

  it('weighs what nobody weighs by an estimate, exact for text and bytes [CACHE-SIZE-ESTIMATE, WEIGH-EXACT]', () => {
    const { cache } = variant.open();
    cache.set('mem://text', 'naïve');
    cache.set('mem://bytes', new Uint8Array(1_000));
    const result = { contents: [{ uri: 'mem://r', text: '12345' }] };
    cache.set('mem://result', result);
    cache.set('mem://object', { list: Array.from({ length: 100 }, (_, n) => `text ${n}`) });
    const weight = (uri: string): number => cache.info(uri)!.weightBytes;
    // What native storage holds is JSON, and that is what weighs.
    const ofResult = variant.storage === 'heap' ? 5 : JSON.stringify(result).length;
    expect(['text', 'bytes', 'result'].map((name) => weight(`mem://${name}`))).toEqual([
      6,
      1_000,
      ofResult,
    ]);
    expect(weight('mem://object')).toBeGreaterThanOrEqual(1_000);
    expect(weight('mem://object')).toBeLessThan(20_000);
  });
});
