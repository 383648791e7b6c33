import { afterEach, describe, expect, it, vi } from 'vitest';

import type { LoadContext, Loaded } from '../../src/cache/loader.ts';
import { OwnTier } from '../../examples/parts/own-tier.ts';
import type { Tier, TierLockRead, TierRead, TierWrite } from '../../src/tiers/tier.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import type { TieredCacheOptions } from '../../src/tiers/tiered-options.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { watchProcess } from '../support/process-signals.ts';
import { describeEachTier, type TierVariant } from '../support/tier-variants.ts';

const A = 'mem://a';
const TTL_MS = 10_000;

const opened: TieredCache<string>[] = [];
afterEach(() => {
  for (const cache of opened.splice(0)) cache.close();
});

function open(tier: Tier, options: Partial<TieredCacheOptions<string>>): TieredCache<string> {
  const cache = new TieredCache<string>({ ttlMs: TTL_MS, tierTimeoutMs: 30_000, ...options, tier });
  opened.push(cache);
  return cache;
}

/** Two processes that share a second level and a clock. */
function openTwo(variant: TierVariant) {
  const { tier, sibling } = variant.open();
  const clock = new ManualClock(Date.now());
  return { a: open(tier, { clock }), b: open(sibling, { clock }), clock };
}

/** An origin with one version at a time, which answers "still that" to who knows it. */
class Origin {
  version = 1;
  readonly asked: unknown[] = [];

  readonly load = (_: string, context: LoadContext<string>): Loaded<string> => {
    const etag = `v${this.version}`;
    this.asked.push(context.validator?.etag);
    if (context.validator?.etag === etag) {
      expect(context.stale).toBe(`body ${this.version}`);
      return context.notModified();
    }
    context.setTags(['red']);
    context.setValidator({ etag });
    return `body ${this.version}`;
  };
}

describeEachTier('revalidation over a second level', (variant) => {
  watchProcess();

  it('has another process ask by what the first one has left, and the first find what it made of it [REVALIDATE-TIERS]', async () => {
    const { a, b, clock } = openTwo(variant);
    const origin = new Origin();
    await a.load(A, origin.load);
    await a.flush();
    clock.advance(TTL_MS + 1);
    expect(await b.load(A, origin.load)).toBe('body 1');
    await b.flush();
    expect(origin.asked).toEqual([undefined, 'v1']);
    expect(b.stats()).toMatchObject({ revalidations: 1, originLoads: 1 });
    expect(b.l1.info(A)).toMatchObject({ tags: ['red'], validator: { etag: 'v1' } });
    expect(await a.load(A, origin.load)).toBe('body 1');
    expect(origin.asked).toHaveLength(2);
    origin.version = 2;
    clock.advance(TTL_MS + 1);
    expect(await a.load(A, origin.load)).toBe('body 2');
    await a.flush();
    expect(origin.asked).toEqual([undefined, 'v1', 'v1']);
    expect(await b.getMany([A])).toEqual(new Map([[A, 'body 2']]));
  });

  it('asks about many in one call [REVALIDATE-TIERS, REVALIDATE-MANY]', async () => {
    const { a, b, clock } = openTwo(variant);
    const uris = ['mem://a', 'mem://b'];
    for (const uri of uris) await a.set(uri, `old ${uri}`, { validator: { etag: uri } });
    clock.advance(TTL_MS + 1);
    const values = await b.loadMany(uris, (_, context) => {
      expect([...context.stale.values()].map(({ validator }) => validator.etag)).toEqual(uris);
      return new Map<string, Loaded<string>>([
        ['mem://a', context.notModified()],
        ['mem://b', 'new'],
      ]);
    });
    await b.flush();
    expect([...values.values()]).toEqual(['old mem://a', 'new']);
    expect(b.l1.info('mem://a')?.validator).toEqual({ etag: 'mem://a' });
    expect([...(await a.getMany(uris)).values()]).toEqual(['old mem://a', 'new']);
  });

  it('serves no process what has expired, and asks about nothing that was invalidated [REVALIDATE-TIERS, REVALIDATE-NEVER-SERVED, REVALIDATE-INVALIDATED]', async () => {
    const { a, b, clock } = openTwo(variant);
    const origin = new Origin();
    await a.load(A, origin.load);
    await a.flush();
    clock.advance(TTL_MS + 1);
    expect(await b.get(A)).toBeUndefined();
    expect(await a.get(A)).toBeUndefined();
    await a.invalidateTag('red');
    await b.load(A, origin.load);
    expect(origin.asked).toEqual([undefined, undefined]);
  });

  it.runIf(variant.hasLocks)('has one process at a time ask [REVALIDATE-TIERS]', async () => {
    const { tier, sibling } = variant.open();
    const [a, b] = [open(tier, {}), open(sibling, {})];
    await a.set(A, 'body', { ttlMs: 5, validator: { etag: 'x' } });
    const setAtMs = Date.now();
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(setAtMs + 10), { interval: 5 });
    const asked: unknown[] = [];
    const load = async (_: string, context: LoadContext<string>): Promise<Loaded<string>> => {
      asked.push(context.validator?.etag);
      context.setTtl(60_000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return context.notModified();
    };
    expect(await Promise.all([a.load(A, load), b.load(A, load)])).toEqual(['body', 'body']);
    expect(asked).toEqual(['x']);
  });
});

/** One that has lost all it held. */
class EmptyTier extends OwnTier {
  readonly writes: TierWrite[] = [];

  override async getMany(names: readonly string[]): Promise<TierRead> {
    return { ...(await super.getMany(names)), entries: new Map() };
  }

  override async lockMany(names: readonly string[], leaseMs: number): Promise<TierLockRead> {
    return { ...(await super.lockMany(names, leaseMs)), entries: new Map() };
  }

  override async setMany(...given: Parameters<Tier['setMany']>): Promise<readonly string[]> {
    this.writes.push(...given[0]);
    return super.setMany(...given);
  }
}

describe('revalidation over a second level that has lost what it held', () => {
  it('asks by what the first level has, and writes that back [REVALIDATE-TIERS]', async () => {
    const clock = new ManualClock();
    const tier = new EmptyTier();
    const cache = open(tier, { clock, staleTtlMs: 5_000 });
    const origin = new Origin();
    await cache.load(A, origin.load);
    clock.advance(TTL_MS + 1);
    expect(await cache.load(A, origin.load)).toBe('body 1');
    await cache.flush();
    expect(origin.asked).toEqual([undefined, 'v1']);
    expect(cache.stats()).toMatchObject({ revalidations: 1, l1: { revalidations: 1 } });
    expect(tier.writes.at(-1)).toMatchObject({
      value: 'body 1',
      tags: ['red'],
      validator: { etag: 'v1' },
      expiresAtMs: clock.now() + TTL_MS,
      ttlMs: TTL_MS + 5_000,
    });
  });
});
