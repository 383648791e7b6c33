import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { OwnTier } from '../../examples/parts/own-tier.ts';
import type { BulkLoadContext } from '../../src/cache/loader.ts';
import { GranaryError } from '../../src/errors.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import type { GraceOptions } from '../../src/tiers/grace-options.ts';
import type { TierEvent } from '../../src/tiers/tier-journal.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import { deferred } from '../support/deferred.ts';
import { GRACE_HOSTS, type GraceHost, type Origin, TTL_MS } from '../support/grace-hosts.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { watchProcess } from '../support/process-signals.ts';

const URI = 'mem://docs/a';

const never: Origin = () => {
  throw new Error('not to be asked');
};
const down: Origin = () => {
  throw new Error('down');
};

const opened: GraceHost[] = [];
afterEach(() => {
  for (const host of opened.splice(0)) host.close();
  vi.useRealTimers();
});

/** Lets loads behind come to their end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(Object.entries(GRACE_HOSTS))('grace of %s', (_, make) => {
  watchProcess();
  // Those of timeouts only: nothing else here waits by the clock of the machine.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });

  function open(options: GraceOptions): GraceHost {
    const host = make(options);
    opened.push(host);
    return host;
  }

  it('serves what has expired while the origin fails, and asks it again after a while [GRACE-FAIL-SAFE]', async () => {
    const host = open({ graceMs: 10_000, graceRetryMs: 500 });
    const told: TierEvent[] = [];
    host.on('stale-on-failure', (event) => told.push(event));
    await host.load(URI, () => 'old');
    host.clock.advance(TTL_MS + 1);
    let asked = 0;
    const failing: Origin = () => {
      asked++;
      throw new Error('down');
    };
    expect(await host.load(URI, failing)).toBe('old');
    host.clock.advance(400);
    expect(await host.load(URI, failing)).toBe('old');
    expect(asked).toBe(1);
    host.clock.advance(101);
    expect(await host.load(URI, failing)).toBe('old');
    expect(asked).toBe(2);
    expect(told).toMatchObject([{ uri: URI }, { uri: URI }]);
    expect(String(told[0]!.cause)).toContain('down');
    expect(host.stats().staleOnFailure).toBe(2);
    host.clock.advance(501);
    expect(await host.load(URI, () => 'new')).toBe('new');
    host.clock.advance(TTL_MS + 10_001);
    await granaryFailure(() => host.load(URI, down), 'ERR_GRANARY_LOAD_FAILED');
  });

  it('asks "still that?" behind what it serves, and early [REVALIDATE-GRACE]', async () => {
    const host = open({ graceMs: 10_000, staleWhileRevalidateMs: 10_000, eagerRefresh: 0.5 });
    const asked: unknown[] = [];
    const origin: Origin = (context) => {
      asked.push(context.validator?.etag);
      if (context.validator?.etag === 'v1') return context.notModified();
      context.setValidator({ etag: 'v1' });
      context.setTags(['t']);
      return 'old';
    };
    await host.load(URI, origin);
    // Behind a hit, before its time.
    host.clock.advance(TTL_MS * 0.6);
    expect(await host.load(URI, origin)).toBe('old');
    await settle();
    expect(asked).toEqual([undefined, 'v1']);
    host.clock.advance(TTL_MS * 0.4);
    expect(await host.load(URI, origin)).toBe('old');
    expect(asked).toHaveLength(2);
    // Behind what has expired.
    host.clock.advance(TTL_MS + 1);
    expect(await host.load(URI, origin)).toBe('old');
    await settle();
    expect(asked.slice(2).every((etag) => etag === 'v1')).toBe(true);
    const before = asked.length;
    host.clock.advance(TTL_MS * 0.4);
    expect(await host.load(URI, never)).toBe('old');
    expect(asked).toHaveLength(before);
    // Nobody is asked by what was invalidated.
    await host.invalidateTag('t');
    expect(await host.load(URI, origin)).toBe('old');
    expect(asked.at(-1)).toBeUndefined();
  });

  it('asks "still that?" when the origin is back [REVALIDATE-GRACE]', async () => {
    const host = open({ graceMs: 10_000, graceRetryMs: 500 });
    await host.load(URI, (context) => {
      context.setValidator({ etag: 'v1' });
      return 'old';
    });
    host.clock.advance(TTL_MS + 1);
    expect(await host.load(URI, down)).toBe('old');
    host.clock.advance(501);
    let asked: unknown;
    const origin: Origin = (context) => {
      asked = context.validator?.etag;
      return context.notModified();
    };
    expect(await host.load(URI, origin)).toBe('old');
    expect(asked).toBe('v1');
    host.clock.advance(TTL_MS - 10);
    expect(await host.load(URI, never)).toBe('old');
  });

  it.each<[string, (host: GraceHost) => Promise<unknown>]>([
    ['its URI', (host) => host.invalidate(URI)],
    ['a tag', (host) => host.invalidateTag('t')],
    ['a prefix', (host) => host.invalidatePattern('mem://docs/*')],
    ['a template', (host) => host.invalidatePattern('mem://docs/{x}')],
    ['a RegExp', (host) => host.invalidatePattern(/mem:.*a$/)],
    ['all', (host) => host.clear()],
  ])(
    'serves nothing that was invalidated by %s, before it failed or meanwhile [GRACE-INVALIDATED]',
    async (_by, invalidate) => {
      const host = open({ graceMs: 10_000, staleWhileRevalidateMs: 10_000, softTimeoutMs: 100 });
      const tagged =
        (value: string): Origin =>
        ({ setTags }) => {
          setTags(['t']);
          return value;
        };
      await host.load(URI, tagged('old'));
      host.clock.advance(TTL_MS + 1);
      await invalidate(host);
      await granaryFailure(() => host.load(URI, down), 'ERR_GRANARY_LOAD_FAILED');
      // A load behind that is overtaken brings nothing into the cache.
      await host.load(URI, tagged('older'));
      host.clock.advance(TTL_MS + 1);
      const origin = deferred<string>();
      const slow: Origin = ({ setTags }) => {
        setTags(['t']);
        return origin.promise;
      };
      expect(await host.load(URI, slow)).toBe('older');
      await settle(); // the origin has been asked
      await invalidate(host);
      origin.resolve('overtaken');
      await settle();
      expect(await host.load(URI, () => 'new')).toBe('new');
      expect(host.stats()).toMatchObject({ staleWhileRevalidate: 1, refreshes: 0 });
    },
  );

  it('serves what has expired at once while it loads anew, once [GRACE-REVALIDATE]', async () => {
    const host = open({ staleWhileRevalidateMs: 5_000 });
    await host.load(URI, () => 'old');
    host.clock.advance(TTL_MS + 1);
    const origin = deferred<string>();
    let asked = 0;
    const slow: Origin = () => {
      asked++;
      return origin.promise;
    };
    expect(await Promise.all([host.load(URI, slow), host.load(URI, slow)])).toEqual(['old', 'old']);
    expect(await host.load(URI, slow)).toBe('old');
    await settle();
    expect(asked).toBe(1);
    origin.resolve('new');
    await settle();
    expect(await host.load(URI, never)).toBe('new');
    expect(host.stats()).toMatchObject({ staleWhileRevalidate: 1, refreshes: 1 });
    host.clock.advance(TTL_MS + 5_001);
    expect(await host.load(URI, () => 'newer')).toBe('newer');
    expect(host.stats().staleWhileRevalidate).toBe(1);
  });

  it('keeps what it has where a load behind fails, and says so [GRACE-REVALIDATE]', async () => {
    const host = open({ staleWhileRevalidateMs: 50_000, graceRetryMs: 100 });
    await host.load(URI, () => 'old');
    host.clock.advance(TTL_MS + 1);
    expect(await host.load(URI, down)).toBe('old');
    await settle();
    expect(host.stats()).toMatchObject({ refreshes: 0, refreshFailures: 1 });
    host.clock.advance(101);
    expect(await host.load(URI, () => 'new')).toBe('old');
    await settle();
    expect(await host.load(URI, never)).toBe('new');
  });

  it('serves what has expired after the soft timeout, and goes on behind [GRACE-SOFT-TIMEOUT]', async () => {
    const host = open({ graceMs: 10_000, softTimeoutMs: 50 });
    await host.load(URI, () => 'old');
    host.clock.advance(TTL_MS + 1);
    const origin = deferred<string>();
    const signals: AbortSignal[] = [];
    const loading = host.load(URI, ({ signal }) => {
      signals.push(signal);
      return origin.promise;
    });
    await settle();
    await vi.advanceTimersByTimeAsync(50);
    expect(await loading).toBe('old');
    expect(signals[0]!.aborted).toBe(false);
    origin.resolve('new');
    await settle();
    expect(await host.load(URI, never)).toBe('new');
    expect(host.stats()).toMatchObject({ staleOnTimeout: 1, refreshes: 1 });
  });

  it('waits beyond the soft timeout where there is nothing else [GRACE-SOFT-TIMEOUT]', async () => {
    const host = open({ graceMs: 10_000, softTimeoutMs: 50 });
    const origin = deferred<string>();
    const loading = host.load(URI, () => origin.promise);
    await settle();
    await vi.advanceTimersByTimeAsync(500);
    origin.resolve('first');
    expect(await loading).toBe('first');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('aborts a load at the hard timeout, with what is kept or a failure [GRACE-HARD-TIMEOUT]', async () => {
    const host = open({ graceMs: 10_000, hardTimeoutMs: 200 });
    const signals: AbortSignal[] = [];
    const hanging: Origin = ({ signal }) => {
      signals.push(signal);
      return new Promise<string>(() => {});
    };
    const failing = granaryFailure(() => host.load(URI, hanging), 'ERR_GRANARY_LOAD_FAILED');
    await settle();
    await vi.advanceTimersByTimeAsync(200);
    const failure = await failing;
    expect(failure.cause).toMatchObject({ name: 'TimeoutError' });
    expect(failure.message).toContain('200 ms');
    expect(signals[0]!.aborted).toBe(true);
    await host.load(URI, () => 'old');
    host.clock.advance(TTL_MS + 1);
    const loading = host.load(URI, hanging);
    await settle();
    await vi.advanceTimersByTimeAsync(200);
    expect(await loading).toBe('old');
    expect(host.stats()).toMatchObject({ originTimeouts: 2, staleOnFailure: 1 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('loads anew ahead of time when it is hit late in its life, once [GRACE-EAGER]', async () => {
    const host = open({ eagerRefresh: 0.8 });
    await host.load(URI, () => 'old');
    host.clock.advance(0.7 * TTL_MS);
    expect(await host.load(URI, never)).toBe('old');
    host.clock.advance(0.11 * TTL_MS);
    const origin = deferred<string>();
    let asked = 0;
    const slow: Origin = () => {
      asked++;
      return origin.promise;
    };
    expect(await host.load(URI, slow)).toBe('old');
    expect(await host.load(URI, slow)).toBe('old');
    origin.resolve('new');
    await settle();
    expect(asked).toBe(1);
    host.clock.advance(0.5 * TTL_MS);
    expect(await host.load(URI, never)).toBe('new');
    expect(host.stats()).toMatchObject({ eagerRefreshes: 1, refreshes: 1 });
  });

  it('remembers a failure for as long as it is told, until something comes between [GRACE-NEGATIVE]', async () => {
    const host = open({ negativeTtlMs: 300 });
    let asked = 0;
    const failing: Origin = () => {
      asked++;
      throw new Error('down');
    };
    const fail = () => granaryFailure(() => host.load(URI, failing), 'ERR_GRANARY_LOAD_FAILED');
    const first = await fail();
    expect((await fail()).cause).toBe(first.cause);
    expect(asked).toBe(1);
    host.clock.advance(301);
    await fail();
    expect(asked).toBe(2);
    await host.invalidate(URI);
    await fail();
    expect(asked).toBe(3);
    await host.invalidatePattern('mem://*');
    expect(await host.load(URI, () => 'up')).toBe('up');
    expect(host.stats().negativeHits).toBe(1);
  });

  it('keeps no failure unless it is told to [GRACE-NEGATIVE]', async () => {
    const host = open({ graceMs: 1_000 });
    await granaryFailure(() => host.load(URI, down), 'ERR_GRANARY_LOAD_FAILED');
    expect(await host.load(URI, () => 'up')).toBe('up');
  });

  it('counts grace from the time to live that the loader gives [GRACE-ADAPTIVE-TTL]', async () => {
    const host = open({ graceMs: 1_000 });
    await host.load(URI, ({ setTtl }) => {
      setTtl(100);
      return 'short';
    });
    host.clock.advance(101);
    expect(await host.load(URI, down)).toBe('short');
    host.clock.advance(20_000);
    await granaryFailure(() => host.load(URI, down), 'ERR_GRANARY_LOAD_FAILED');
  });

  it('ends a load under way when it is closed', async () => {
    const host = open({ staleWhileRevalidateMs: 1_000, graceMs: 1_000 });
    const origin = deferred<string>();
    const loading = host.load(URI, () => origin.promise);
    await settle();
    host.close();
    const failure = await granaryFailure(() => loading, 'ERR_GRANARY_CLOSED');
    origin.resolve('late');
    await settle();
    expect(failure.message).toContain('closed');
  });
});

describe('grace', () => {
  it('overtakes a load behind with what is set [GRACE-INVALIDATED]', async () => {
    const host = GRACE_HOSTS['TieredCache over a tier']({ staleWhileRevalidateMs: 5_000 });
    opened.push(host);
    await host.load(URI, () => 'old');
    host.clock.advance(TTL_MS + 1);
    const origin = deferred<string>();
    expect(await host.load(URI, () => origin.promise)).toBe('old');
    await host.set!(URI, 'set');
    origin.resolve('overtaken');
    await settle();
    expect(host.stats().refreshes).toBe(0);
    expect(await host.load(URI, never)).toBe('set');
  });

  it('stands in for what a bulk load does not bring, and for nothing that was invalidated [GRACE-FAIL-SAFE, GRACE-INVALIDATED]', async () => {
    const clock = new ManualClock();
    const cache = new TieredCache<string>({
      tier: new OwnTier(),
      clock,
      ttlMs: TTL_MS,
      graceMs: 2_000,
      graceRetryMs: 3_000,
      staleWhileRevalidateMs: 9_000,
    });
    const uris = ['a', 'b', 'c'];
    const failing = (_: readonly string[], { deliver }: BulkLoadContext<string>): never => {
      deliver('b', 'new b');
      throw new Error('down');
    };
    await cache.loadMany(uris, () => new Map(uris.map((uri) => [uri, `old ${uri}`])));
    clock.advance(TTL_MS + 1);
    expect([...(await cache.loadMany(uris, failing)).values()]).toEqual([
      'old a',
      'new b',
      'old c',
    ]);
    expect(cache.stats().grace).toMatchObject({ staleOnFailure: 2 });
    await cache.clear();
    await granaryFailure(() => cache.loadMany(['a'], failing), 'ERR_GRANARY_LOAD_FAILED');
    const origin = deferred<Map<string, string>>();
    const loading = cache.loadMany(['c'], () => origin.promise);
    await settle();
    await cache.invalidate('c');
    origin.resolve(new Map([['c', 'overtaken']]));
    await loading;
    await granaryFailure(() => cache.loadMany(['c'], failing), 'ERR_GRANARY_LOAD_FAILED');
    await cache.set('d', 'D');
    clock.advance(TTL_MS + 1_900);
    expect([...(await cache.loadMany(['d'], failing))]).toEqual([['d', 'D']]);
    clock.advance(3_001);
    await granaryFailure(() => cache.loadMany(['d'], failing), 'ERR_GRANARY_LOAD_FAILED');
    cache.close();
  });

  it('keeps nothing of a load behind that a bulk load has overtaken, and that was invalidated then [GRACE-INVALIDATED]', async () => {
    const clock = new ManualClock();
    const options = { staleWhileRevalidateMs: 60_000, graceRetryMs: 100, graceMs: 60_000 };
    const tier = new OwnTier();
    const cache = new TieredCache<string>({
      ...options,
      tier,
      clock,
      ttlMs: TTL_MS,
      loadLeaseMs: 0,
    });
    await cache.load('a', () => 'old');
    clock.advance(TTL_MS + 1);
    const slow = deferred<string>();
    expect(await cache.load('a', () => slow.promise)).toBe('old');
    await settle();
    clock.advance(101);
    const bulk = deferred<Map<string, string>>();
    const loading = cache.loadMany(['a'], () => bulk.promise);
    await settle();
    await cache.invalidate('a');
    slow.resolve('overtaken behind');
    bulk.resolve(new Map([['a', 'overtaken in bulk']]));
    await loading;
    await settle();
    expect(cache.l1.has('a')).toBe(false);
    await granaryFailure(() => cache.load('a'), 'ERR_GRANARY_NO_LOADER');
    cache.close();
  });

  it('does not serve what is not there any more [GRACE-FAIL-SAFE]', async () => {
    const clock = new ManualClock();
    const manager = new ResourceManager({ graceMs: 60_000, ttlMs: TTL_MS, clock });
    let isThere = true;
    const load = (uri: string): string => {
      if (isThere) return 'here';
      throw new GranaryError('ERR_GRANARY_NO_MATCH', `${uri} is gone`, { data: { uri } });
    };
    manager.register('mem://{+path}', load, { public: true });
    await manager.read(URI);
    clock.advance(TTL_MS + 1);
    isThere = false;
    await granaryFailure(() => manager.read(URI), 'ERR_GRANARY_NO_MATCH');
    expect(manager.stats().grace).toMatchObject({ staleOnFailure: 0 });
    manager.close();
  });

  it.each<[GraceOptions, string]>([
    [{ graceMs: -1 }, 'graceMs'],
    [{ graceRetryMs: 0 }, 'graceRetryMs'],
    [{ staleWhileRevalidateMs: Number.NaN }, 'staleWhileRevalidateMs'],
    [{ softTimeoutMs: 0.5, graceMs: 1 }, 'softTimeoutMs'],
    [{ softTimeoutMs: 5 }, 'softTimeoutMs'],
    [{ hardTimeoutMs: 2 ** 31 }, 'hardTimeoutMs'],
    [{ eagerRefresh: 1 }, 'eagerRefresh'],
    [{ eagerRefresh: 0 }, 'eagerRefresh'],
    [{ negativeTtlMs: Infinity }, 'negativeTtlMs'],
  ])('refuses %j, naming the option [GRACE-OPTIONS]', async (options, option) => {
    const failure = await granaryFailure(
      () => new ResourceManager(options),
      'ERR_GRANARY_BAD_OPTION',
    );
    expect(failure.data).toMatchObject({ option });
  });
});
