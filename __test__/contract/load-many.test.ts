import { expect, it } from 'vitest';
import { describeEachVariant } from '../support/cache-variants.ts';
import { deferred } from '../support/deferred.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const uris = (...names: readonly (string | number)[]): string[] =>
  names.map((name) => `mem://${name}`);

describeEachVariant('loadMany', (variant) => {
  watchProcess();

  it('makes one bulk call for what is neither cached nor under way [LOAD-MANY]', async () => {
    const { cache } = variant.open<string>();
    cache.set('mem://cached', 'cached');
    const origin = deferred<string>();
    const underWay = cache.load('mem://flying', () => origin.promise);
    const calls: (readonly string[])[] = [];
    const loading = cache.loadMany(uris('a', 'cached', 'b', 'flying', 'a'), async (missing) => {
      calls.push(missing);
      return new Map(missing.map((uri) => [uri, `bulk ${uri}`] as const).toReversed());
    });
    const joining = cache.load('mem://b', () => 'never called');
    await settled();
    origin.resolve('flown');
    expect([...(await loading)]).toEqual([
      ['mem://a', 'bulk mem://a'],
      ['mem://cached', 'cached'],
      ['mem://b', 'bulk mem://b'],
      ['mem://flying', 'flown'],
    ]);
    expect(calls).toEqual([uris('a', 'b')]);
    expect(await Promise.all([joining, underWay])).toEqual(['bulk mem://b', 'flown']);
    expect(uris('a', 'b', 'flying').map((uri) => cache.peek(uri))).toEqual([
      'bulk mem://a',
      'bulk mem://b',
      'flown',
    ]);
    expect(cache.stats()).toMatchObject({ loads: 2, coalescedLoads: 2 });
  });

  it('hands over early what the loader delivers, kept as it says, also where it fails then [LOAD-MANY]', async () => {
    const { cache, clock } = variant.open<string>();
    const origin = deferred<Map<string, string>>();
    const failed = granaryFailure(
      () =>
        cache.loadMany(
          uris('a', 'b', 'c'),
          (_, { deliver }) => {
            deliver('mem://a', 'early', { ttlMs: 1_000, tags: ['t'] });
            deliver('mem://a', 'twice');
            deliver('mem://unasked', 'ignored');
            deliver('mem://b', 'as the call says');
            return origin.promise;
          },
          { ttlMs: 5_000, tags: ['of the call'] },
        ),
      'ERR_GRANARY_LOAD_FAILED',
    );
    expect(cache.peek('mem://a')).toBe('early');
    expect(cache.info('mem://a')).toMatchObject({
      tags: ['t'],
      expiresAtMs: clock.now() + 1_000,
    });
    expect(cache.info('mem://b')).toMatchObject({
      tags: ['of the call'],
      expiresAtMs: clock.now() + 5_000,
    });
    origin.reject(new Error('down'));
    await failed;
    expect([...cache.keys()].toSorted()).toEqual(uris('a', 'b'));
    const found = await cache.loadMany(uris('b', 'c'), (missing, { deliver, setTags }) => {
      setTags(['late']);
      deliver('mem://c', 'C');
      return new Map(missing.map((uri) => [uri, 'not this one']));
    });
    expect([...found.values()]).toEqual(['as the call says', 'C']);
    expect(cache.info('mem://c')?.tags).toEqual(['late']);
  });

  it('keeps nothing that was delivered and overtaken, or may not be kept [LOAD-MANY, LOAD-NOT-OVERWRITTEN]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<Map<string, string>>();
    let hand: (uri: string, value: string, options?: object) => void = () => {};
    const loading = cache.loadMany(uris('a', 'b', 'c'), (_, { deliver }) => {
      hand = deliver;
      return origin.promise;
    });
    await settled();
    cache.invalidate('mem://a');
    hand('mem://a', 'old');
    hand('mem://b', 'B', { ttlMs: -1 });
    origin.resolve(new Map([['mem://c', 'C']]));
    const failure = await granaryFailure(() => loading, 'ERR_GRANARY_LOAD_FAILED');
    expect(failure.message).toContain('mem://b');
    expect([...cache.keys()]).toEqual(uris('c'));
  });

  it('makes no call where nothing is missing [LOAD-MANY]', async () => {
    const { cache } = variant.open<string>();
    const fail = (): never => {
      throw new Error('not to be called');
    };
    expect(await cache.loadMany([], fail)).toEqual(new Map());
    cache.setMany([
      ['mem://a', 'A'],
      ['mem://b', 'B'],
    ]);
    expect([...(await cache.loadMany(new Set(uris('b', 'a')), fail))]).toEqual([
      ['mem://b', 'B'],
      ['mem://a', 'A'],
    ]);
    expect(cache.info('mem://a')?.accessCount).toBe(1);
  });

  it('leaves out, and keeps not, what the loader leaves out; whoever joined that is told [LOAD-MANY, LOAD-FAILURE]', async () => {
    const { cache } = variant.open<string | null>();
    const origin = deferred<Map<string, string | null>>();
    const loading = cache.loadMany(uris('a', 'b', 'null'), () => origin.promise);
    const joining = cache.load('mem://b', () => 'never called');
    const joiningMany = cache.loadMany(uris('b', 'null'), () => new Map());
    origin.resolve(
      new Map([
        ['mem://null', null],
        ['mem://a', 'A'],
        ['mem://unasked', 'ignored'],
      ]),
    );
    expect([...(await loading)]).toEqual([
      ['mem://a', 'A'],
      ['mem://null', null],
    ]);
    expect([...(await joiningMany)]).toEqual([['mem://null', null]]);
    const failure = await granaryFailure(() => joining, 'ERR_GRANARY_LOAD_FAILED');
    expect(failure.message).toContain('mem://b');
    expect([...cache.keys()].sort()).toEqual(uris('a', 'null'));
  });

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('bulk down');
      },
      'bulk down',
    ],
    ['rejects', async () => Promise.reject(new Error('bulk down')), 'bulk down'],
    ['returns no Map', () => [['mem://a', 'A']], 'Map'],
    ['returns undefined for a URI', () => new Map([['mem://a', undefined]]), 'undefined'],
  ])(
    'fails as a whole when its loader %s, and keeps nothing of it [LOAD-MANY, LOAD-FAILURE]',
    async (_, loader, why) => {
      const { cache } = variant.open<string>();
      cache.set('mem://cached', 'cached');
      const loading = cache.loadMany(uris('cached', 'a', 'b'), loader as () => Map<string, string>);
      const joining = cache.load('mem://a', () => 'never called');
      const failure = await granaryFailure(() => loading, 'ERR_GRANARY_LOAD_FAILED');
      expect(failure.message).toContain(why);
      await granaryFailure(() => joining, 'ERR_GRANARY_LOAD_FAILED');
      expect([...cache]).toEqual([['mem://cached', 'cached']]);
      expect(cache.stats()).toMatchObject({ loads: 1, loadFailures: 1 });
      const again = await cache.loadMany(uris('a'), () => new Map([['mem://a', 'A']]));
      expect(again.get('mem://a')).toBe('A');
    },
  );

  it('gives every value its options, or what the loader chose [LOAD-MANY, LOAD-CONTEXT]', async () => {
    const { cache, clock } = variant.open<string>();
    await cache.loadMany(uris('a', 'b'), (missing) => new Map(missing.map((uri) => [uri, 'v'])), {
      ttlMs: 10,
      tags: ['given'],
      weightBytes: 5,
    });
    await cache.loadMany(
      uris('c'),
      (_, { setTtl, setTags, signal }) => {
        setTtl(20);
        setTags(['chosen']);
        return new Map([['mem://c', String(signal.aborted)]]);
      },
      { ttlMs: 10, tags: ['given'] },
    );
    const known = uris('a', 'b', 'c').map((uri) => {
      const { tags, expiresAtMs, weightBytes } = cache.info(uri)!;
      return [tags, expiresAtMs! - clock.now(), weightBytes];
    });
    expect(known).toEqual([
      [['given'], 10, 5],
      [['given'], 10, 5],
      [['chosen'], 20, 5],
    ]);
  });

  it('is overtaken URI by URI [LOAD-NOT-OVERWRITTEN, HAZARD-15-DETACH, LOAD-MANY]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<Map<string, string>>();
    const loading = cache.loadMany(uris('a', 'b', 'c'), () => origin.promise);
    cache.set('mem://a', 'set');
    cache.invalidate('mem://b');
    const anew = cache.load('mem://b', () => 'newer');
    origin.resolve(new Map(uris('a', 'b', 'c').map((uri) => [uri, 'older'])));
    expect([...(await loading).values()]).toEqual(['older', 'older', 'older']);
    expect(await anew).toBe('newer');
    expect(uris('a', 'b', 'c').map((uri) => cache.peek(uri))).toEqual(['set', 'newer', 'older']);
  });

  it('tells loaded and accessed for each [EVENT-LOADED, EVENT-ACCESSED, LOAD-MANY]', async () => {
    const { cache } = variant.open<string>();
    cache.set('mem://cached', 'cached');
    const log = new EventLog(cache);
    await cache.loadMany(
      uris('a', 'cached', 'b'),
      () => new Map(uris('a', 'b').map((uri) => [uri, 'v'])),
    );
    expect(log.takeTitles()).toEqual([
      'accessed mem://cached',
      'loaded mem://a',
      'accessed mem://a',
      'loaded mem://b',
      'accessed mem://b',
    ]);
  });

  it('refuses all, begins nothing and leaves nothing under way when a listener closes the cache meanwhile [CACHE-CLOSE, EVENT-REENTRANT]', async () => {
    const { cache } = variant.open<string>();
    cache.set('mem://cached', 'cached');
    cache.on('accessed', () => cache.close());
    let calls = 0;
    await granaryFailure(
      () =>
        cache.loadMany(uris('a', 'cached', 'b'), () => {
          calls++;
          return new Map();
        }),
      'ERR_GRANARY_CLOSED',
    );
    expect(calls).toBe(0);
  });

  it('leaves no URI under way that no loader is called for [LOAD-MANY, INPUT-METHODS]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 10 });
    cache.set('mem://b', 'B');
    const now = clock.now.bind(clock);
    let broken = true;
    clock.now = () => (broken ? Number.NaN : now());
    await granaryFailure(
      () => cache.loadMany(uris('a', 'b'), () => new Map()),
      'ERR_GRANARY_BAD_OPTION',
    );
    broken = false;
    expect(await cache.load('mem://a', () => 'A')).toBe('A');
    expect(cache.get('mem://b')).toBe('B');
  });
});
