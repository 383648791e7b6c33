import { expect, it } from 'vitest';
import type { ResourceCache } from '../../src/cache/resource-cache.ts';
import { describeEachVariant } from '../support/cache-variants.ts';
import { deferred } from '../support/deferred.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const A = 'mem://a';

/** What overtakes a load of `A`, tagged `red`; a set leaves a value of its own. */
const overtakers: readonly [string, (cache: ResourceCache<string>) => void, string | undefined][] =
  [
    ['set', (cache) => cache.set(A, 'set'), 'set'],
    ['setMany', (cache) => cache.setMany([[A, 'set']]), 'set'],
    ['a set too large to keep', (cache) => cache.set(A, '', { weightBytes: 2 ** 50 }), undefined],
    ['invalidate', (cache) => void cache.invalidate(A), undefined],
    ['an exact pattern', (cache) => void cache.invalidatePattern(A), undefined],
    ['a prefix', (cache) => void cache.invalidatePattern('mem:*'), undefined],
    ['a template', (cache) => void cache.invalidatePattern('mem://{name}'), undefined],
    ['a RegExp', (cache) => void cache.invalidatePattern(/mem/), undefined],
    ['invalidateTag', (cache) => void cache.invalidateTag('red'), undefined],
    ['clear', (cache) => cache.clear(), undefined],
  ];

/** What leaves a load of `A`, tagged `red`, alone. */
const bystanders: readonly [string, (cache: ResourceCache<string>) => void][] = [
  ['a set elsewhere', (cache) => cache.set('mem://b', 'b')],
  ['invalidate elsewhere', (cache) => void cache.invalidate('mem://aa')],
  ['a pattern that does not match', (cache) => void cache.invalidatePattern('mem://a/*')],
  ['another tag', (cache) => void cache.invalidateTag('blue')],
  ['cleanupExpired', (cache) => void cache.cleanupExpired()],
  ['sync', (cache) => cache.sync()],
  ['resize', (cache) => cache.resize({ maxEntries: 10 })],
  ['peek', (cache) => void cache.peek(A)],
];

describeEachVariant('a load that is overtaken', (variant) => {
  watchProcess();

  it.each(overtakers)(
    'by %s serves its callers and does not overwrite; later callers start anew [LOAD-NOT-OVERWRITTEN, HAZARD-15, HAZARD-15-DETACH]',
    async (_, overtake, left) => {
      const { cache } = variant.open<string>();
      const origin = deferred<string>();
      const earlier = [
        cache.load(A, () => origin.promise, { tags: ['red'] }),
        cache.load(A, () => 'never called'),
      ];
      await settled();
      overtake(cache);
      expect(cache.peek(A)).toBe(left);
      const later = cache.load(A, async () => 'newer');
      expect(await later).toBe(left ?? 'newer');
      const log = new EventLog(cache);
      origin.resolve('older');
      expect(await Promise.all(earlier)).toEqual(['older', 'older']);
      expect(cache.peek(A)).toBe(left ?? 'newer');
      expect(log.takeTitles()).toEqual([`accessed ${A}`, `accessed ${A}`]);
    },
  );

  it.each(overtakers)(
    'by %s while the later load still runs: the older one neither lands nor is joined [HAZARD-15, LOAD-NOT-OVERWRITTEN]',
    async (_, overtake, left) => {
      const { cache } = variant.open<string>();
      const [older, newer] = [deferred<string>(), deferred<string>()];
      const first = cache.load(A, () => older.promise, { tags: ['red'] });
      await settled();
      overtake(cache);
      const second = cache.load(A, () => newer.promise);
      const third = cache.load(A);
      older.resolve('older');
      expect(await first).toBe('older');
      expect(cache.peek(A)).toBe(left);
      newer.resolve('newer');
      expect(await Promise.all([second, third])).toEqual(Array(2).fill(left ?? 'newer'));
      expect(cache.peek(A)).toBe(left ?? 'newer');
    },
  );

  it.each(bystanders)('not by %s [LOAD-NOT-OVERWRITTEN, LOAD-SINGLE-FLIGHT]', async (_, stir) => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const first = cache.load(A, () => origin.promise, { tags: ['red'] });
    await settled();
    stir(cache);
    const joining = cache.load(A, () => 'never called');
    origin.resolve('v');
    expect(await Promise.all([first, joining])).toEqual(['v', 'v']);
    expect(cache.get(A)).toBe('v');
  });

  it('by a tag that its loader sets only afterwards, stores nothing [HAZARD-15-TAGS, LOAD-NOT-OVERWRITTEN]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const load = cache.load(A, async (_, { setTags }) => {
      const value = await origin.promise;
      setTags(['red']);
      return value;
    });
    cache.invalidateTag('red');
    origin.resolve('older');
    expect(await load).toBe('older');
    expect(cache.has(A)).toBe(false);
    await cache.load(A, (_, { setTags }) => {
      setTags(['red']);
      return 'newer';
    });
    expect(cache.get(A)).toBe('newer');
  });

  it('by a tag that it then turns out to carry, is not joined from there on [HAZARD-15-TAGS, HAZARD-15]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const first = cache.load(A, async (_, { setTags }) => {
      await settled();
      setTags(['red']);
      return origin.promise;
    });
    cache.invalidateTag('red');
    await settled();
    await settled();
    const second = cache.load(A, () => 'newer');
    origin.resolve('older');
    expect(await Promise.all([first, second])).toEqual(['older', 'newer']);
    expect(cache.get(A)).toBe('newer');
  });

  it('by a tag that its loader has replaced, is not overtaken [HAZARD-15-TAGS]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const load = cache.load(
      A,
      (_, { setTags }) => {
        setTags(['blue']);
        return origin.promise;
      },
      { tags: ['red'] },
    );
    await settled();
    cache.invalidateTag('red');
    origin.resolve('v');
    await load;
    expect(cache.get(A)).toBe('v');
  });

  it('by a loader that sets its own URI, keeps what the loader set [LOAD-NOT-OVERWRITTEN]', async () => {
    const { cache } = variant.open<string>();
    const value = await cache.load(A, (uri) => {
      cache.set(uri, 'set by the loader');
      return 'returned by the loader';
    });
    expect(value).toBe('returned by the loader');
    expect(cache.get(A)).toBe('set by the loader');
  });

  it('may fail without harm to what overtook it [LOAD-FAILURE, LOAD-NOT-OVERWRITTEN]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const load = cache.load(A, () => origin.promise);
    cache.set(A, 'set');
    origin.reject(new Error('down'));
    await granaryFailure(() => load, 'ERR_GRANARY_LOAD_FAILED');
    expect(cache.get(A)).toBe('set');
  });

  it('by close, refuses its callers and aborts its loader; the late value goes nowhere [CACHE-CLOSE]', async () => {
    const { cache } = variant.open<string>();
    const [origin, detached] = [deferred<string>(), deferred<string>()];
    const reasons: unknown[] = [];
    const watch = (signal: AbortSignal): void => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
    };
    const waiting = [
      cache.load('mem://detached', (_, { signal }) => {
        watch(signal);
        return detached.promise;
      }),
      cache.load(A, (_, { signal }) => {
        watch(signal);
        return origin.promise;
      }),
      cache.load(A),
      cache.loadMany(['mem://m'], (_, { signal }) => {
        watch(signal);
        return new Promise(() => {});
      }),
    ];
    cache.invalidate('mem://detached');
    cache.close();
    const failures = [];
    for (const wait of waiting) {
      failures.push(await granaryFailure(() => wait, 'ERR_GRANARY_CLOSED'));
    }
    expect(reasons).toHaveLength(3);
    for (const reason of reasons) expect(reason).toBe(failures[0]);
    origin.resolve('late');
    detached.reject(new Error('late'));
    await settled();
    expect(cache.size).toBe(0);
  });

  it('between the calls of a loader that closes its cache, ends quietly [CACHE-CLOSE]', async () => {
    const { cache } = variant.open<string>();
    const load = cache.load(A, () => {
      cache.close();
      return 'v';
    });
    const failure = await granaryFailure(() => load, 'ERR_GRANARY_CLOSED');
    expect(failure.message).toContain('closed');
  });
});
