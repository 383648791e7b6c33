import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { RedisTier } from '../../src/redis/redis-tier.ts';
import type { RedisTierOptions } from '../../src/redis/redis-options.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import type { TierOptions } from '../../src/tiers/tiered-options.ts';
import { deferred } from '../support/deferred.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { useRedis } from '../support/redis-server.ts';

const redis = useRedis();
let raw: ReturnType<typeof createClient>;
let prefixes = 0;
const opened: (() => unknown)[] = [];

beforeAll(async () => {
  raw = createClient({ url: redis.url });
  await raw.connect();
});
afterAll(() => raw.destroy());
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

/** What each of three processes has. */
async function open(
  options: Partial<TierOptions> = {},
  tierOptions: RedisTierOptions = {},
): Promise<TieredCache<string>[]> {
  const prefix = `locks-${++prefixes}:`;
  const caches = [0, 1, 2].map(() => {
    const tier = new RedisTier({ url: redis.url, prefix, ...tierOptions });
    const cache = new TieredCache<string>({ ...options, tier });
    opened.push(
      () => tier.close(),
      () => cache.close(),
    );
    return cache;
  });
  for (const cache of caches) await cache.get('warm://');
  return caches;
}

/** A load that is under way, and holds the lock. */
async function hold(
  cache: TieredCache<string>,
  uri: string,
): Promise<{
  resolve(value: string): void;
  reject(reason: unknown): void;
  value: Promise<string>;
}> {
  const called = deferred<void>();
  const origin = deferred<string>();
  const value = cache.load(uri, () => {
    called.resolve();
    return origin.promise;
  });
  value.catch(() => {});
  await called.promise;
  return { resolve: origin.resolve, reject: origin.reject, value };
}

async function isAwaiting(cache: TieredCache<string>, loads = 1): Promise<void> {
  while (cache.stats().awaitedLoads < loads) await settled();
}

async function elapsedMs(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

const never = (): never => {
  throw new Error('nobody is to ask the origin');
};

describe('one load for several processes', () => {
  watchProcess();

  it.each([
    ['is told of it', { tracking: true }, 50],
    ['has to ask for it', { tracking: false }, 150],
  ])(
    'who waits has the value at once where he %s [TIER-STAMPEDE, TIER-STAMPEDE-PROMPT]',
    async (_, tierOptions, atMostMs) => {
      const [holder, ...others] = await open({}, tierOptions);
      const held = await hold(holder!, 'a');
      const waiting = others.map((cache) => cache.load('a', never));
      for (const cache of others) await isAwaiting(cache);
      held.resolve('A');
      const ms = await elapsedMs(async () => {
        expect(await Promise.all([held.value, ...waiting])).toEqual(['A', 'A', 'A']);
      });
      expect(ms).toBeLessThan(atMostMs);
      for (const cache of others) {
        expect(await cache.get('a')).toBe('A');
        expect(cache.stats()).toMatchObject({ awaitedLoads: 1, originLoads: 0 });
      }
    },
  );

  it('each of many is loaded once, by whoever came first, in one call of each [TIER-STAMPEDE]', async () => {
    const [one, two] = (await open()) as [TieredCache<string>, TieredCache<string>];
    const calls: (readonly string[])[] = [];
    const gate = deferred<void>();
    const load = async (uris: readonly string[]): Promise<Map<string, string>> => {
      calls.push(uris);
      await gate.promise;
      return new Map(uris.map((uri) => [uri, `value of ${uri}`]));
    };
    const first = one.loadMany(['a', 'b', 'c'], load);
    while (calls.length === 0) await settled();
    const second = two.loadMany(['d', 'c', 'b'], load);
    await isAwaiting(two, 2);
    gate.resolve();
    expect([...(await first).keys()]).toEqual(['a', 'b', 'c']);
    expect([...(await second).values()]).toEqual(['value of d', 'value of c', 'value of b']);
    expect(calls).toEqual([['a', 'b', 'c'], ['d']]);
  });

  it('after an invalidation there is one load again, whoever invalidates and loads first [TIER-STAMPEDE]', async () => {
    const caches = await open();
    let loads = 0;
    const load = async (): Promise<string> => {
      await settled();
      return `load ${++loads}`;
    };
    await caches[0]!.load('a', load, { tags: ['t'] });
    await caches[0]!.flush();
    for (const [round, drop] of [
      (cache: TieredCache<string>) => cache.invalidate('a'),
      (cache: TieredCache<string>) => cache.invalidateTag('t'),
      (cache: TieredCache<string>) => cache.invalidatePattern('{x}'),
    ].entries()) {
      // Whoever invalidates does not wait for it, and the others learn of it in time.
      const dropping = drop(caches[round]!);
      const first = caches[round]!.load('a', load, { tags: ['t'] });
      await dropping;
      const others = caches.filter((_, at) => at !== round);
      await expect
        .poll(() => others.some((cache) => cache.l1.peek('a') === `load ${round + 1}`))
        .toBe(false);
      const all = await Promise.all([
        first,
        ...caches.map((cache) => cache.load('a', load, { tags: ['t'] })),
      ]);
      expect(new Set(all)).toEqual(new Set([`load ${round + 2}`]));
      await caches[round]!.flush();
    }
  });

  it('a late holder overwrites nothing of a newer one, and drops its own [TIER-STAMPEDE-FENCE]', async () => {
    const [late, newer, other] = (await open({ loadLeaseMs: 100 })) as [
      TieredCache<string>,
      TieredCache<string>,
      TieredCache<string>,
    ];
    const held = await hold(late, 'a');
    expect(await newer.load('a', () => 'newer')).toBe('newer');
    await newer.flush();
    held.resolve('late');
    expect(await held.value).toBe('late');
    await late.flush();
    expect(late.stats().superseded).toBe(1);
    for (const cache of [late, newer, other]) expect(await cache.get('a')).toBe('newer');
    // What the late one gives back is not its lock any more.
    const second = await hold(newer, 'b');
    expect(await raw.keys(`locks-${prefixes}:*:lock:*`)).toHaveLength(1);
    second.resolve('B');
    await second.value;
    await newer.flush();
    expect(await raw.keys(`locks-${prefixes}:*:lock:*`)).toEqual([]);
  });

  it('where the holder fails the next one tries at once, and nobody waits for a third [TIER-STAMPEDE-PROMPT, TIER-STAMPEDE-PATIENCE]', async () => {
    const [one, two, three] = (await open()) as [
      TieredCache<string>,
      TieredCache<string>,
      TieredCache<string>,
    ];
    const held = await hold(one, 'a');
    const taking = two.load('a', () => 'A');
    await isAwaiting(two);
    held.reject(new Error('no origin here'));
    expect(await elapsedMs(() => taking)).toBeLessThan(150);
    expect(await taking).toBe('A');
    await expect(held.value).rejects.toThrow('no origin here');

    // Holders that come and go without a value.
    const key = `locks-${prefixes}:{granary}:lock:resource:b`;
    await raw.set(key, `${'0'.repeat(16)} first`, { expiration: { type: 'PX', value: 60_000 } });
    const tired = three.load('b', () => 'B');
    await isAwaiting(three);
    await raw.set(key, `${'0'.repeat(16)} second`, { expiration: { type: 'PX', value: 60_000 } });
    const gone = Promise.race([
      tired.then(() => true),
      new Promise((resolve) => setTimeout(() => resolve(false), 300)),
    ]);
    expect(await gone).toBe(false);
    await raw.set(key, `${'0'.repeat(16)} third`, { expiration: { type: 'PX', value: 60_000 } });
    expect(await elapsedMs(async () => expect(await tired).toBe('B'))).toBeLessThan(150);
  });

  it('a load that was under way when its entry was invalidated is not waited for [TIER-STAMPEDE-PATIENCE]', async () => {
    const [old, two, three] = (await open({ loadLeaseMs: 60_000 })) as [
      TieredCache<string>,
      TieredCache<string>,
      TieredCache<string>,
    ];
    const held = await hold(old, 'a');
    await two.invalidate('a');
    expect(await three.load('a', () => 'new')).toBe('new');
    await three.flush();
    held.resolve('old');
    await held.value;
    await old.flush();
    expect(await old.load('a', never)).toBe('new');
  });

  it('a caller that leaves waits no more, and its cache may be closed [TIER-STAMPEDE-PATIENCE]', async () => {
    const [holder, leaver, closed] = (await open()) as [
      TieredCache<string>,
      TieredCache<string>,
      TieredCache<string>,
    ];
    const held = await hold(holder, 'a');
    const controller = new AbortController();
    const leaving = leaver.load('a', never, { signal: controller.signal });
    const closing = closed.load('a', never);
    for (const cache of [leaver, closed]) await isAwaiting(cache);
    controller.abort();
    closed.close();
    await expect(leaving).rejects.toMatchObject({ code: 'ERR_GRANARY_ABORTED' });
    await expect(closing).rejects.toMatchObject({ code: 'ERR_GRANARY_CLOSED' });
    held.resolve('A');
    expect(await leaver.load('a', never)).toBe('A');
  });

  it('without Redis nobody waits for others [TIER-STAMPEDE-PATIENCE]', async () => {
    const [holder, waiter, late] = (await open({ tierTimeoutMs: 200 })) as [
      TieredCache<string>,
      TieredCache<string>,
      TieredCache<string>,
    ];
    const held = await hold(holder, 'a');
    const waiting = waiter.load('a', () => 'own');
    await isAwaiting(waiter);
    redis.server.signal('SIGSTOP');
    try {
      expect(await elapsedMs(() => waiting)).toBeLessThan(600);
      expect(await waiting).toBe('own');
      expect(await elapsedMs(() => late.load('a', () => 'own'))).toBeLessThan(600);
    } finally {
      redis.server.signal('SIGCONT');
      held.resolve('A');
    }
    await held.value;
  });

  it('with loadLeaseMs 0 every process loads for itself [TIER-STAMPEDE]', async () => {
    const [one, two] = (await open({ loadLeaseMs: 0 })) as [
      TieredCache<string>,
      TieredCache<string>,
    ];
    const held = await hold(one, 'a');
    expect(await two.load('a', () => 'own')).toBe('own');
    held.resolve('A');
    expect(await held.value).toBe('A');
  });

  it('where nothing can be written, what is held is read, and what is not is loaded [TIER-STAMPEDE-PATIENCE]', async () => {
    const [one, two] = (await open()) as [TieredCache<string>, TieredCache<string>];
    await one.set('held', 'H');
    const limits = await raw.configGet('maxmemory');
    await raw.configSet({ maxmemory: '1mb', 'maxmemory-policy': 'noeviction' });
    try {
      expect(await two.load('held', never)).toBe('H');
      expect(await two.load('a', () => 'A')).toBe('A');
      expect(two.stats()).toMatchObject({ hits: 1, originLoads: 1 });
    } finally {
      await raw.configSet({ maxmemory: limits['maxmemory'] ?? '0' });
    }
  });
});
