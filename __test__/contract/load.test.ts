import { expect, it } from 'vitest';
import { GranaryError } from '../../src/errors.ts';
import { describeEachVariant } from '../support/cache-variants.ts';
import { deferred } from '../support/deferred.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const A = 'mem://a';

describeEachVariant('load', (variant) => {
  watchProcess();

  it('calls the loader on a miss, keeps the result and returns it [CACHE-LAZY-LOAD, CACHE-GET, LOAD-CONTEXT]', async () => {
    const { cache } = variant.open<string>();
    const calls: unknown[] = [];
    const loader = (uri: string, context: { signal: AbortSignal; stale: unknown }): string => {
      calls.push([uri, context.stale, context.signal.aborted]);
      return 'loaded';
    };
    expect(await cache.load(A, loader)).toBe('loaded');
    expect(await cache.load(A, loader)).toBe('loaded');
    expect(cache.get(A)).toBe('loaded');
    expect(calls).toEqual([[A, undefined, false]]);
    expect(cache.stats()).toMatchObject({ loads: 1, loadFailures: 0, hits: 2, misses: 1 });
  });

  it.each([
    ['a value', () => 'v'],
    ['a promise', async () => 'v'],
    ['a late promise', async () => settled().then(() => 'v')],
    // oxlint-disable-next-line unicorn/no-thenable -- promises of other libraries are no Promise
    ['a thenable', () => ({ then: (done: (value: string) => void) => done('v') }) as never],
  ])(
    'takes %s from a loader [CACHE-LOADER-SYNC-ASYNC]',
    async (_, loader: () => string | Promise<string>) => {
      const { cache } = variant.open<string>();
      expect(await cache.load(A, loader)).toBe('v');
      expect(cache.peek(A)).toBe('v');
    },
  );

  it('loads once however many callers ask meanwhile [CACHE-CONCURRENT, LOAD-SINGLE-FLIGHT]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    let calls = 0;
    const loader = (): Promise<string> => {
      calls++;
      return origin.promise;
    };
    const waiting = Array.from({ length: 1_000 }, async () => cache.load(A, loader));
    await settled();
    expect(calls).toBe(1);
    waiting.push(cache.load(A));
    origin.resolve('v');
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['v']));
    expect(waiting).toHaveLength(1_001);
    expect(calls).toBe(1);
    expect(cache.stats()).toMatchObject({ loads: 1, coalescedLoads: 1_000 });
    expect(cache.info(A)?.accessCount).toBe(0);
  });

  it('delays no other URI by a slow load [DEPART-SINGLE-FLIGHT]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const slow = cache.load(A, () => origin.promise);
    cache.set('mem://b', 'b');
    expect(await cache.load('mem://b')).toBe('b');
    expect(await cache.load('mem://c', async () => 'c')).toBe('c');
    expect(cache.get('mem://c')).toBe('c');
    origin.resolve('a');
    expect(await slow).toBe('a');
  });

  it('without a loader misses with an error that names the URI, and joins a load under way [CACHE-NO-LOADER]', async () => {
    const { cache } = variant.open<string>();
    const failure = await granaryFailure(() => cache.load(A), 'ERR_GRANARY_NO_LOADER');
    expect(failure.message).toContain(A);
    expect(failure.data).toEqual({ uri: A });
    const origin = deferred<string>();
    const first = cache.load(A, () => origin.promise);
    const joining = cache.load(A);
    origin.resolve('v');
    expect(await Promise.all([first, joining, cache.load(A)])).toEqual(['v', 'v', 'v']);
  });

  it.each<[string, () => string | Promise<string>, unknown]>([
    [
      'throws',
      () => {
        throw new Error('origin down');
      },
      new Error('origin down'),
    ],
    ['rejects', async () => Promise.reject(new Error('origin down')), new Error('origin down')],
    [
      'throws text',
      () => {
        throw 'down';
      },
      'down',
    ],
    ['rejects with undefined', async () => Promise.reject(), undefined],
    [
      'throws null',
      () => {
        throw null;
      },
      null,
    ],
  ])(
    'a loader that %s fails every waiter with its cause, and caches nothing [LOAD-FAILURE]',
    async (_, loader, cause) => {
      const { cache } = variant.open<string>();
      const log = new EventLog(cache);
      const attempts = [1, 2, 3].map(async () => cache.load(A, loader));
      for (const attempt of attempts) {
        const failure = await granaryFailure(() => attempt, 'ERR_GRANARY_LOAD_FAILED');
        expect(failure.message).toContain(A);
        expect('cause' in failure).toBe(true);
        expect(failure.cause).toEqual(cause);
      }
      expect([cache.size, cache.has(A)]).toEqual([0, false]);
      expect(log.take()).toEqual([]);
      expect(cache.stats()).toMatchObject({ loads: 1, loadFailures: 1 });
      expect(await cache.load(A, () => 'next')).toBe('next');
      expect(cache.stats()).toMatchObject({ loads: 2, loadFailures: 1 });
    },
  );

  it('keeps nothing of a failure in the way of what was cached elsewhere [LOAD-FAILURE]', async () => {
    const { cache } = variant.open<string>();
    cache.set('mem://b', 'b');
    await granaryFailure(
      () =>
        cache.load(A, () => {
          throw new Error('down');
        }),
      'ERR_GRANARY_LOAD_FAILED',
    );
    expect([...cache]).toEqual([['mem://b', 'b']]);
  });

  it('lets the loader choose TTL and tags; what it chooses badly is its failure [LOAD-CONTEXT, TTL-PER-ENTRY]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 1_000 });
    await cache.load(
      A,
      async (_, { setTags, setTtl }) => {
        setTtl(77);
        setTags(['first']);
        await settled();
        setTags(['red', 'blue']);
        return 'v';
      },
      { tags: ['given'] },
    );
    expect(cache.info(A)).toMatchObject({ expiresAtMs: clock.now() + 77, tags: ['red', 'blue'] });
    await cache.load('mem://b', () => 'v', { tags: ['given'], weightBytes: 9 });
    expect(cache.info('mem://b')).toMatchObject({ tags: ['given'], weightBytes: 9 });
    for (const misuse of [
      (context: { setTtl(ms: number): void }) => context.setTtl(-1),
      (context: { setTags(tags: readonly string[]): void }) => context.setTags(['']),
      (context: { setTags(tags: readonly string[]): void }) => context.setTags('red' as never),
    ]) {
      const failure = await granaryFailure(
        () =>
          cache.load('mem://c', (_, context) => {
            misuse(context);
            return 'v';
          }),
        'ERR_GRANARY_LOAD_FAILED',
      );
      expect(failure.cause).toBeInstanceOf(GranaryError);
    }
    expect(cache.has('mem://c')).toBe(false);
  });

  it('takes no choice of a loader after its value [LOAD-CONTEXT]', async () => {
    const { cache } = variant.open<string>();
    let late = (): void => {};
    await cache.load(A, (_, { setTags }) => {
      late = () => setTags(['late']);
      return 'v';
    });
    late();
    expect(cache.info(A)?.tags).toEqual([]);
    expect(cache.invalidateTag('late')).toBe(0);
  });

  it('reads its options when it is called, not when the value arrives [LOAD-CONTEXT]', async () => {
    const { cache, clock } = variant.open<string>();
    const origin = deferred<string>();
    const options = { ttlMs: 50, tags: ['red'] };
    const load = cache.load(A, () => origin.promise, options);
    options.ttlMs = -1;
    options.tags.push('');
    origin.resolve('v');
    expect(await load).toBe('v');
    expect(cache.info(A)).toMatchObject({ expiresAtMs: clock.now() + 50, tags: ['red'] });
  });

  it('tells no stale value where there is none [LOAD-CONTEXT]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 10 });
    const stales: (string | undefined)[] = [];
    const loader = (_: string, { stale }: { stale: string | undefined }): string => {
      stales.push(stale);
      return 'v';
    };
    await cache.load(A, loader);
    cache.invalidate(A);
    await cache.load(A, loader);
    clock.advance(11);
    await cache.load(A, loader);
    clock.advance(11);
    cache.sync();
    await cache.load(A, loader);
    expect(stales).toEqual([undefined, undefined, 'v', undefined]);
  });

  it('fails, and keeps the process and the cache, when the value cannot be weighed [LOAD-FAILURE, INPUT-METHODS]', async () => {
    const { cache } = variant.open<string>({
      weigh: (value) => (value === 'bad' ? Number.NaN : 1),
    });
    cache.set('mem://b', 'b');
    const failure = await granaryFailure(
      () => cache.load(A, () => 'bad'),
      'ERR_GRANARY_LOAD_FAILED',
    );
    expect(failure.message).toContain('weigh');
    expect([...cache]).toEqual([['mem://b', 'b']]);
    expect(cache.stats()).toMatchObject({ loads: 1, loadFailures: 1 });
    expect(await cache.load(A, () => 'good')).toBe('good');
  });

  it('fails in good order for an error that cannot be read [LOAD-FAILURE]', async () => {
    const { cache } = variant.open<string>();
    const hostile = Object.defineProperty(new Error('x'), 'message', {
      get: () => {
        throw new Error('gotcha');
      },
    });
    const failure = await granaryFailure(
      () => cache.load(A, () => Promise.reject(hostile)),
      'ERR_GRANARY_LOAD_FAILED',
    );
    expect(failure.cause).toBe(hostile);
  });

  it('names a URI of 1 MB in a message of ordinary length [INPUT-HUGE-URI]', async () => {
    const { cache } = variant.open<string>();
    const huge = `mem://${'x'.repeat(1_000_000)}`;
    const failure = await granaryFailure(() => cache.load(huge), 'ERR_GRANARY_NO_LOADER');
    expect(failure.message.length).toBeLessThan(300);
    expect(failure.message).toContain('1000006 characters');
  });

  it('does not call the loader for a caller that has left already [LOAD-ABORT-LAST]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 10 });
    const caller = new AbortController();
    cache.set(A, 'old');
    clock.advance(11);
    cache.on('expired', () => caller.abort());
    let calls = 0;
    const load = (): Promise<string> =>
      cache.load(A, () => `${++calls}`, { signal: caller.signal });
    await granaryFailure(load, 'ERR_GRANARY_ABORTED');
    await settled();
    expect([calls, cache.stats().loads]).toEqual([0, 0]);
  });
});
