import { afterEach, describe, expect, it } from 'vitest';

import { OwnTier } from '../../examples/parts/own-tier.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import type { TieredCacheOptions } from '../../src/tiers/tiered-options.ts';
import type { Tier, TierLockRead, TierRead, TierWrite } from '../../src/tiers/tier.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled, watchProcess } from '../support/process-signals.ts';

/** One that tells what it was asked for. */
class ToldTier extends OwnTier {
  readonly reads: (readonly string[])[] = [];
  readonly writes: TierWrite[] = [];

  override getMany(names: readonly string[]): Promise<TierRead> {
    this.reads.push(names);
    return super.getMany(names);
  }

  override lockMany(names: readonly string[], leaseMs: number): Promise<TierLockRead> {
    this.reads.push(names);
    return super.lockMany(names, leaseMs);
  }

  override setMany(...given: Parameters<Tier['setMany']>): Promise<readonly string[]> {
    this.writes.push(...given[0]);
    return super.setMany(...given);
  }
}

const opened: TieredCache[] = [];
afterEach(() => {
  for (const cache of opened.splice(0)) cache.close();
});

function open<V = string>(
  tier: Tier,
  options: Partial<TieredCacheOptions<V>> = {},
): { cache: TieredCache<V>; clock: ManualClock } {
  const clock = (options.clock as ManualClock | undefined) ?? new ManualClock();
  const cache = new TieredCache<V>({ ...options, tier, clock });
  opened.push(cache as TieredCache);
  return { cache, clock };
}

const never = (): never => {
  throw new Error('not to be called');
};

describe('TieredCache', () => {
  watchProcess();

  it('keeps 1,000 entries for a minute in L1, and for 15 minutes in L2 [TIER-DEFAULTS, TIER-KEYS]', async () => {
    const tier = new ToldTier();
    const { cache, clock } = open(tier);
    expect(cache.stats().l1).toMatchObject({ maxSize: 1_000, ttlSeconds: 60 });
    await cache.load('user://42', () => 'Ada');
    await cache.flush();
    expect(cache.l1.info('user://42')?.expiresAtMs).toBe(clock.now() + 60_000);
    expect(tier.writes).toMatchObject([
      {
        name: 'resource:user://42',
        value: 'Ada',
        ttlMs: 900_000,
        expiresAtMs: clock.now() + 900_000,
      },
    ]);
    clock.advance(60_001);
    expect(cache.l1.has('user://42')).toBe(false);
    expect(await cache.load('user://42', never)).toBe('Ada');
    clock.advance(840_000);
    expect(await cache.get('user://42')).toBeUndefined();
    expect(await cache.load('user://42', () => 'anew')).toBe('anew');
  });

  it('asks L1, then L2, then the origin, and fills what it has passed [TIER-READ-ORDER]', async () => {
    const tier = new ToldTier();
    const [{ cache: here }, { cache: there }] = [open(tier), open(tier)];
    expect(await here.load('a', () => 'loaded', { tags: ['t'] })).toBe('loaded');
    expect(await here.load('a', never)).toBe('loaded');
    await here.flush();
    expect(tier.reads).toEqual([['resource:a']]);
    expect(await there.load('a', never)).toBe('loaded');
    expect(there.l1.info('a')?.tags).toEqual(['t']);
    expect(await there.get('a')).toBe('loaded');
    expect(tier.reads).toHaveLength(2);
    expect(here.stats()).toMatchObject({ hits: 0, misses: 1, originLoads: 1, originFailures: 0 });
    expect(there.stats()).toMatchObject({ hits: 1, misses: 0, originLoads: 0 });
  });

  it('lets no L1 entry outlive its L2 entry [TIER-L1-DEADLINE]', async () => {
    const tier = new OwnTier();
    const clock = new ManualClock();
    const [{ cache: here }, { cache: there }] = [open(tier, { clock }), open(tier, { clock })];
    const deadline = ({ l1 }: TieredCache<string>): number => {
      const info = l1.info('a');
      return info === undefined ? 0 : (info.expiresAtMs ?? Infinity);
    };
    const loaders: readonly ((ttlMs: number) => Promise<unknown>)[] = [
      (ttlMs) => here.load('a', () => 'x', { ttlMs }),
      (ttlMs) => here.load('a', (_, { setTtl }) => (setTtl(ttlMs), 'x')),
      (ttlMs) => here.set('a', 'x', { ttlMs }),
      (ttlMs) => here.loadMany(['a'], () => new Map([['a', 'x']]), { ttlMs }),
      (ttlMs) => here.loadMany(['a'], (_, { setTtl }) => (setTtl(ttlMs), new Map([['a', 'x']]))),
      (ttlMs) =>
        here.loadMany(['a'], (_, { deliver }) => (deliver('a', 'x', { ttlMs }), new Map())),
    ];
    for (const load of loaders) {
      for (const ttlMs of [2, 1_000, 59_999.5, 60_000, 60_001, 1_000_000]) {
        await here.clear();
        await load(ttlMs);
        await here.flush();
        const end = clock.now() + ttlMs;
        expect(deadline(here)).toBeLessThanOrEqual(end);
        clock.advance(ttlMs / 2);
        await there.get('a');
        expect(deadline(there)).toBeLessThanOrEqual(end);
        clock.advance(ttlMs / 2 - 1);
        await there.get('a');
        expect(deadline(there)).toBeLessThanOrEqual(end);
        clock.advance(2);
        expect(await Promise.all([here.get('a'), there.get('a')])).toEqual([undefined, undefined]);
      }
    }
  });

  it('loads many by one pass, one read of L2 and one call for the rest [TIER-LOAD-MANY]', async () => {
    const tier = new ToldTier();
    const [{ cache: here }, { cache: there }] = [open(tier), open(tier)];
    await here.setMany([
      ['b', 'B'],
      ['c', 'C'],
    ]);
    await there.set('a', 'A');
    tier.reads.length = 0;
    const asked: (readonly string[])[] = [];
    const found = await there.loadMany(['e', 'a', 'c', 'd', 'b', 'none', 'a'], (uris) => {
      asked.push(uris);
      return new Map([
        ['d', 'D'],
        ['e', 'E'],
      ]);
    });
    expect([...found]).toEqual([
      ['e', 'E'],
      ['a', 'A'],
      ['c', 'C'],
      ['d', 'D'],
      ['b', 'B'],
    ]);
    expect(tier.reads).toEqual([['e', 'c', 'd', 'b', 'none'].map((uri) => `resource:${uri}`)]);
    expect(asked).toEqual([['e', 'd', 'none']]);
    expect(there.stats().l1).toMatchObject({ hits: 1, misses: 5 });
    await there.flush();
    tier.reads.length = 0;
    expect([...(await here.getMany(['d', 'e', 'none']))]).toEqual([
      ['d', 'D'],
      ['e', 'E'],
    ]);
    expect(tier.reads).toHaveLength(1);
  });

  it('has what L2 holds at once, and keeps it, where the bulk loader fails [TIER-LOAD-MANY]', async () => {
    const { cache } = open(new OwnTier());
    await cache.set('a', 'A');
    cache.l1.clear();
    const origin = deferred<Map<string, string>>();
    const loading = cache.loadMany(['a', 'b'], () => origin.promise);
    expect(await cache.load('a', never)).toBe('A');
    origin.reject(new Error('down'));
    await granaryFailure(() => loading, 'ERR_GRANARY_LOAD_FAILED');
    expect(cache.l1.peek('a')).toBe('A');
    expect(cache.stats()).toMatchObject({ originLoads: 1, originFailures: 1 });
  });

  it('reads L2 once for all that is asked for in one go [TIER-ONE-TRIP]', async () => {
    const tier = new ToldTier();
    const { cache } = open(tier);
    await Promise.all(['a', 'b', 'a', 'c'].map((uri) => cache.load(uri, (name) => name)));
    expect(tier.reads).toEqual([['resource:a', 'resource:b', 'resource:c']]);
    await cache.flush();
    expect(tier.writes.map(({ name }) => name)).toEqual(tier.reads[0]);
  });

  it('answers a load that meets a get of the same URI, and a get whose load fails', async () => {
    const { cache } = open(new OwnTier());
    const [absent, loaded] = await Promise.all([cache.get('a'), cache.load('a', () => 'A')]);
    expect([absent, loaded]).toEqual([undefined, 'A']);
    const refused = granaryFailure(() => cache.load('b'), 'ERR_GRANARY_NO_LOADER');
    expect(await cache.load('b', () => 'B')).toBe('B');
    expect((await refused).message).toContain('b is not cached');
    const origin = deferred<string>();
    const failing = granaryFailure(
      () => cache.load('c', () => origin.promise),
      'ERR_GRANARY_LOAD_FAILED',
    );
    const found = cache.getMany(['a', 'c']);
    origin.reject(new Error('down'));
    expect([...(await found)]).toEqual([['a', 'A']]);
    await failing;
  });

  it('drops by URI, pattern, tag and all from both levels, and tells the count of L1 [TIER-INVALIDATION]', async () => {
    const tier = new OwnTier();
    const [{ cache: here }, { cache: there }] = [open(tier), open(tier)];
    const drops: readonly (readonly [() => Promise<unknown>, unknown])[] = [
      [() => here.invalidate('user://42'), true],
      [() => here.invalidatePattern('user://{id}'), 1],
      [() => here.invalidatePattern('user://42'), 1],
      [() => here.invalidatePattern(/user/), 1],
      [() => here.invalidateTag('users'), 1],
      [() => here.clear(), undefined],
    ];
    for (const [drop, told] of drops) {
      await here.set('user://42', 'Ada', { tags: ['users'] });
      expect(await there.get('user://42')).toBe('Ada');
      expect(await drop()).toBe(told);
      expect(await here.get('user://42')).toBeUndefined();
      expect(await there.get('user://42')).toBeUndefined();
    }
    expect(there.stats().invalidationsReceived).toBe(drops.length);
  });

  it('stores nowhere what a load brings that a set or an invalidation has overtaken [TIER-OVERTAKEN]', async () => {
    const tier = new OwnTier();
    const [{ cache: here }, { cache: there }] = [open(tier), open(tier)];
    for (const overtake of [
      () => there.invalidate('a'),
      () => here.invalidate('a'),
      () => there.clear(),
    ]) {
      const origin = deferred<string>();
      const loading = here.load('a', () => origin.promise);
      await settled();
      await overtake();
      origin.resolve('old');
      expect(await loading).toBe('old');
      await here.flush();
      expect([await here.get('a'), await there.get('a')]).toEqual([undefined, undefined]);
    }
    const origin = deferred<string>();
    const loading = here.load('a', () => origin.promise);
    await settled();
    await there.set('a', 'new');
    origin.resolve('old');
    await loading;
    await here.flush();
    expect([await here.get('a'), await there.get('a')]).toEqual(['new', 'new']);
  });

  it('finds what was set at once, also before L2 has it [TIER-READ-ORDER]', async () => {
    const { cache } = open(new OwnTier());
    const setting = cache.set('a', 'A');
    cache.l1.clear();
    expect(await cache.get('a')).toBe('A');
    const dropping = cache.invalidate('a');
    expect(await cache.get('a')).toBeUndefined();
    await Promise.all([setting, dropping]);
  });

  it('keeps to L1 what UTF-8 cannot name [TIER-KEYS]', async () => {
    const tier = new ToldTier();
    const { cache } = open(tier);
    await cache.set('a\ud800', 'A');
    await cache.set('b', 'B', { tags: ['\udfff'] });
    expect(await cache.load('c\ud800', () => 'C')).toBe('C');
    expect(await cache.get('a\ud800')).toBe('A');
    await cache.flush();
    expect(tier.writes).toEqual([]);
    expect(tier.reads.flat()).toEqual([]);
  });

  it('refuses options that it cannot work with [TIER-OPTIONS]', async () => {
    const tier = new OwnTier();
    const bad: readonly (readonly [string, object])[] = [
      ['tier', {}],
      ['tier', { tier: { getMany() {} } }],
      ['l1TtlMs', { tier, l1TtlMs: -1 }],
      ['ttlMs', { tier, ttlMs: '1' }],
      ['tierTimeoutMs', { tier, tierTimeoutMs: 0 }],
      ['breakerFailures', { tier, breakerFailures: 0 }],
      ['breakerMs', { tier, breakerMs: 1.5 }],
      ['maxPending', { tier, maxPending: 0 }],
      ['maxEntries', { tier, maxEntries: 0 }],
    ];
    for (const [option, options] of bad) {
      const failure = await granaryFailure(
        () => new TieredCache(options as TieredCacheOptions<unknown>),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(failure.data['option']).toBe(option);
    }
    const { cache } = open(tier);
    await granaryFailure(() => cache.get(''), 'ERR_GRANARY_BAD_URI');
    await granaryFailure(() => cache.set('a', undefined as never), 'ERR_GRANARY_BAD_OPTION');
    await granaryFailure(() => cache.set('a', 'A', { ttlMs: -1 }), 'ERR_GRANARY_BAD_OPTION');
    await granaryFailure(() => cache.setMany({} as never), 'ERR_GRANARY_BAD_OPTION');
    await granaryFailure(() => cache.getMany(null as never), 'ERR_GRANARY_BAD_OPTION');
    await granaryFailure(() => cache.invalidatePattern('a://{'), 'ERR_GRANARY_BAD_TEMPLATE');
    await granaryFailure(() => cache.load('a', 'loader' as never), 'ERR_GRANARY_BAD_OPTION');
    cache.close();
    await granaryFailure(() => cache.load('a', () => 'A'), 'ERR_GRANARY_CLOSED');
  });
});
