import { expect, it } from 'vitest';
import { describeEachVariant } from '../support/cache-variants.ts';
import { granaryFailure } from '../support/granary-failure.ts';

describeEachVariant('values', (variant) => {
  it.each([[null], [0], [-0], [''], [false], [Number.NaN], [[]], [{}]])(
    'keeps %j as a value [VALUE-FALSY, CACHE-GET]',
    async (value) => {
      const { cache } = variant.open();
      cache.set('mem://value', value);
      expect(cache.get('mem://value')).toEqual(value);
      expect(cache.peek('mem://value')).toEqual(value);
      expect(cache.has('mem://value')).toBe(true);
      expect(await cache.load('mem://value', () => 'not called')).toEqual(value);
      expect(cache.getMany(['mem://value', 'mem://none'])).toEqual(
        new Map([['mem://value', value]]),
      );
      expect(await cache.load('mem://loaded', () => value)).toEqual(value);
      expect(cache.get('mem://loaded')).toEqual(value);
      expect([...cache.keys()]).toEqual(['mem://value', 'mem://loaded']);
    },
  );

  it('keeps objects with their structure [CACHE-GET]', () => {
    const { cache } = variant.open();
    const value = { contents: [{ uri: 'mem://a', text: 'naïve' }], list: [1, [2, { three: 3 }]] };
    cache.set('mem://object', value);
    expect(cache.get('mem://object')).toEqual(structuredClone(value));
  });

  it('refuses undefined, wherever it comes from, and keeps what it had [VALUE-FALSY]', async () => {
    const { cache } = variant.open<string | undefined>();
    cache.set('mem://kept', 'kept');
    const refusal = await granaryFailure(
      () => cache.set('mem://kept', undefined),
      'ERR_GRANARY_BAD_OPTION',
    );
    expect(refusal.message).toContain('value must be anything but undefined');
    await granaryFailure(
      () =>
        cache.setMany([
          ['mem://new', 'new'],
          ['mem://kept', undefined],
        ]),
      'ERR_GRANARY_BAD_OPTION',
    );
    const failure = await granaryFailure(
      () => cache.load('mem://other', () => undefined),
      'ERR_GRANARY_LOAD_FAILED',
    );
    expect(String(failure.cause)).toContain('undefined');
    expect([...cache]).toEqual([['mem://kept', 'kept']]);
  });

  it('misses with undefined [CACHE-GET]', () => {
    const { cache } = variant.open();
    expect(cache.get('mem://none')).toBeUndefined();
    expect(cache.peek('mem://none')).toBeUndefined();
    expect(cache.has('mem://none')).toBe(false);
    expect(cache.info('mem://none')).toBeUndefined();
  });

  it('replaces a value by set, at its new weight [BOUND-BOTH, CACHE-TOTAL-SIZE]', () => {
    const { cache } = variant.open<string>();
    cache.set('mem://a', 'short');
    cache.set('mem://b', 'other');
    cache.set('mem://a', 'rather longer');
    expect(cache.get('mem://a')).toBe('rather longer');
    expect([cache.size, cache.weightBytes]).toEqual([2, 13 + 5]);
  });

  it('gets and sets many as it does one [MANY-GET-SET]', () => {
    const { cache, clock } = variant.open<number>();
    cache.setMany(new Map([['mem://1', 1]]), { ttlMs: 10, tags: ['one'] });
    cache.setMany(
      (function* entries() {
        for (const n of [2, 3, 2]) yield [`mem://${n}`, n * 10] as const;
      })(),
    );
    cache.setMany([]);
    const uris = ['mem://3', 'mem://none', 'mem://1', 'mem://3'];
    expect([...cache.getMany(uris)]).toEqual([
      ['mem://3', 30],
      ['mem://1', 1],
    ]);
    expect(cache.info('mem://3')?.accessCount).toBe(2);
    expect(cache.info('mem://1')).toMatchObject({ accessCount: 1, tags: ['one'] });
    clock.advance(11);
    expect([...cache.getMany(new Set(uris))]).toEqual([['mem://3', 30]]);
    expect(cache.getMany([])).toEqual(new Map());
  });

  it('weighs each value of setMany once [MANY-GET-SET, WEIGH-GIVEN]', () => {
    let weighed = 0;
    const { cache } = variant.open<string>({ weigh: () => ++weighed });
    cache.setMany([
      ['mem://a', 'a'],
      ['mem://b', 'b'],
    ]);
    expect([weighed, cache.size]).toEqual([2, 2]);
  });

  it('stores nothing in a cache that its weigh has closed [CACHE-CLOSE]', () => {
    const { cache } = variant.open<string>({
      weigh: () => {
        cache.close();
        return 1;
      },
    });
    expect(() => cache.set('mem://a', 'a')).toThrow('closed');
    expect(cache.size).toBe(0);
  });

  it('tells its logger of a value that is too large [LARGE-NOT-KEPT]', () => {
    const lines: unknown[] = [];
    const ignore = (): void => {};
    const debug = (message: string, data?: object): void => void lines.push([message, data]);
    const logger = { debug, info: ignore, warn: ignore, error: ignore };
    const { cache } = variant.open<string>({ maxBytes: 100, logger });
    cache.set('mem://fits', 'x', { weightBytes: 10 });
    cache.set('mem://large', 'x', { weightBytes: 101 });
    const { maxEntryBytes } = cache;
    expect(lines).toEqual([
      [
        expect.stringContaining('too large'),
        { uri: 'mem://large', weightBytes: 101, maxEntryBytes },
      ],
    ]);
  });
});
