import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { describeEachVariant } from '../support/cache-variants.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

const A = 'mem://a';

describeEachVariant('a load that callers leave', (variant) => {
  watchProcess();

  it('is not begun by a caller that has left already [LOAD-ABORT-ALONE]', async () => {
    const { cache } = variant.open<string>();
    let calls = 0;
    const signal = AbortSignal.abort(new Error('too late'));
    const loader = (): string => {
      calls++;
      return 'v';
    };
    for (const attempt of [
      () => cache.load(A, loader, { signal }),
      () => cache.loadMany([A], () => new Map([[A, loader()]]), { signal }),
    ]) {
      const failure = await granaryFailure(attempt, 'ERR_GRANARY_ABORTED');
      expect(failure.cause).toEqual(new Error('too late'));
      expect(failure.message).toContain(A);
    }
    expect(calls).toBe(0);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('goes on for the others when one leaves [LOAD-ABORT-ALONE]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const leaver = new AbortController();
    let seen: AbortSignal | undefined;
    const staying = cache.load(A, (_, { signal }) => {
      seen = signal;
      return origin.promise;
    });
    const leaving = cache.load(A, undefined, { signal: leaver.signal });
    await settled();
    leaver.abort('bored');
    const failure = await granaryFailure(() => leaving, 'ERR_GRANARY_ABORTED');
    expect(failure.cause).toBe('bored');
    expect(seen?.aborted).toBe(false);
    origin.resolve('v');
    expect(await staying).toBe('v');
    expect(cache.get(A)).toBe('v');
  });

  it('goes on when the caller that began it leaves before another [LOAD-ABORT-ALONE]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const founder = new AbortController();
    const founding = cache.load(A, () => origin.promise, { signal: founder.signal });
    const joining = cache.load(A, () => 'another loader');
    founder.abort();
    await granaryFailure(() => founding, 'ERR_GRANARY_ABORTED');
    origin.resolve('v');
    expect(await joining).toBe('v');
  });

  it('is aborted with the reason of the last, stores nothing late, and is not joined [LOAD-ABORT-LAST]', async () => {
    const { cache } = variant.open<string>();
    const origin = deferred<string>();
    const callers = [new AbortController(), new AbortController()];
    let seen: AbortSignal | undefined;
    const waiting = callers.map(async ({ signal }) =>
      cache.load(
        A,
        (_, context) => {
          seen = context.signal;
          return origin.promise;
        },
        { signal },
      ),
    );
    await settled();
    for (const [at, caller] of callers.entries()) caller.abort(new Error(`caller ${at} left`));
    for (const wait of waiting) await granaryFailure(() => wait, 'ERR_GRANARY_ABORTED');
    expect(seen?.reason).toEqual(new Error('caller 1 left'));
    expect(await cache.load(A, () => 'new flight')).toBe('new flight');
    origin.resolve('late');
    await settled();
    expect(cache.get(A)).toBe('new flight');
    cache.invalidate(A);
    await settled();
    expect(cache.size).toBe(0);
  });

  it('may fail late without a word to anybody [LOAD-ABORT-LAST]', async () => {
    const { cache } = variant.open<string>();
    const caller = new AbortController();
    const load = cache.load(
      A,
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('stopped')));
        }),
      { signal: caller.signal },
    );
    caller.abort();
    await granaryFailure(() => load, 'ERR_GRANARY_ABORTED');
    await settled();
    expect(cache.size).toBe(0);
  });

  it('leaves no listener on the signals of its callers [LOAD-ABORT-ALONE]', async () => {
    const { cache } = variant.open<string>();
    const { signal } = new AbortController();
    const outcomes = [
      cache.load('mem://1', async () => 'v', { signal }),
      cache.load('mem://1', async () => 'v', { signal }),
      cache.load('mem://2', async () => Promise.reject(new Error('down')), { signal }),
      cache.loadMany(['mem://3', 'mem://4'], async () => new Map([['mem://3', 'v']]), { signal }),
    ];
    await Promise.allSettled(outcomes);
    expect(await cache.load('mem://1', () => 'v', { signal })).toBe('v');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is left also by a signal that a listener of an event fires on the way [LOAD-ABORT-ALONE, EVENT-REENTRANT]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 10 });
    const caller = new AbortController();
    cache.set(A, 'old');
    clock.advance(11);
    cache.once('expired', () => caller.abort('by a listener'));
    const load = cache.load(A, () => new Promise<string>(() => {}), { signal: caller.signal });
    const failure = await granaryFailure(() => load, 'ERR_GRANARY_ABORTED');
    expect(failure.cause).toBe('by a listener');
  });

  it('for many ends when the callers of all its URIs have left [LOAD-ABORT-LAST, LOAD-MANY]', async () => {
    const { cache } = variant.open<string>();
    const many = new AbortController();
    const one = new AbortController();
    let seen: AbortSignal | undefined;
    const loading = cache.loadMany(
      ['mem://1', 'mem://2'],
      (_, { signal }) => {
        seen = signal;
        return new Promise(() => {});
      },
      { signal: many.signal },
    );
    const joining = cache.load('mem://2', undefined, { signal: one.signal });
    await settled();
    many.abort('many left');
    await granaryFailure(() => loading, 'ERR_GRANARY_ABORTED');
    expect(seen?.aborted).toBe(false);
    one.abort('one left');
    await granaryFailure(() => joining, 'ERR_GRANARY_ABORTED');
    expect(seen?.reason).toBe('one left');
  });
});
