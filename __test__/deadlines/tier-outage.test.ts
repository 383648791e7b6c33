import { afterEach, describe, expect, it } from 'vitest';

import { freePort, RedisServer } from '../../bench/redis-server.ts';
import { RedisTier } from '../../src/redis/redis-tier.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import type { TierOptions } from '../../src/tiers/tiered-options.ts';
import { TIER_EVENT_NAMES, type TierEvent } from '../../src/tiers/tier-journal.ts';
import { watchProcess } from '../support/process-signals.ts';

/** Everything that a test opens, in the order in which it is closed. */
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function start(port?: number): Promise<RedisServer> {
  const server = await RedisServer.start(port === undefined ? {} : { port });
  opened.push(() => server.stop());
  return server;
}

interface Told {
  readonly cache: TieredCache<string>;
  readonly events: TierEvent[];
  /** Resolves with the next event of a name. */
  next(name: TierEvent['event']): Promise<TierEvent>;
}

function open(port: number, options: Partial<TierOptions> = {}): Told {
  const tier = new RedisTier({ url: `redis://127.0.0.1:${port}` });
  const cache = new TieredCache<string>({ tierTimeoutMs: 300, breakerMs: 50, ...options, tier });
  opened.push(
    () => tier.close(),
    () => cache.close(),
  );
  const events: TierEvent[] = [];
  for (const name of TIER_EVENT_NAMES) cache.on(name, (event) => events.push(event));
  const next = (name: TierEvent['event']): Promise<TierEvent> =>
    new Promise((resolve) => cache.once(name, resolve));
  return { cache, events, next };
}

async function elapsed(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

describe('without Redis', () => {
  watchProcess();

  it('loads go to the origin, and nothing fails [TIER-FAILURE, TIER-TOLD]', async () => {
    const { cache, events } = open(await freePort());
    expect(await cache.load('a', () => 'A')).toBe('A');
    await cache.set('b', 'B');
    expect(await cache.invalidate('b')).toBe(true);
    expect(await cache.get('c')).toBeUndefined();
    expect([
      ...(await cache.loadMany(['a', 'd'], (uris) => new Map(uris.map((u) => [u, u])))),
    ]).toEqual([
      ['a', 'A'],
      ['d', 'd'],
    ]);
    const stats = cache.stats();
    expect(stats).toMatchObject({ originLoads: 2, pending: 1, hits: 0 });
    expect(stats.failures).toBeGreaterThan(0);
    expect(events.map(({ event }) => event)).toContain('tier-failed');
    expect(events.map(({ event }) => event)).toContain('deferred');
  });

  it('what was set and invalidated meanwhile is made up for, the last of each key [TIER-REPLAY]', async () => {
    const server = await start();
    const { cache, next } = open(server.port);
    await cache.set('dropped', 'old', { tags: ['t'] });
    await cache.set('twice', 'old');
    await server.stop();
    await cache.set('twice', 'first');
    await cache.set('twice', 'last');
    await cache.set('gone', 'set, then dropped');
    await cache.invalidate('gone');
    await cache.invalidateTag('t');
    await cache.invalidateTag('t');
    expect(cache.stats().pending).toBe(3);
    const replayed = next('replayed');
    await start(server.port);
    await replayed;
    await cache.flush();
    expect(cache.stats()).toMatchObject({ pending: 0, replayed: 3, superseded: 0 });
    const other = open(server.port);
    expect(await other.cache.get('twice')).toBe('last');
    expect(await other.cache.get('gone')).toBeUndefined();
    expect(await other.cache.get('dropped')).toBeUndefined();
  });

  it('a set that comes late gives way to what is newer, in both levels [TIER-REPLAY]', async () => {
    const server = await start();
    const [late, other] = [open(server.port, { breakerMs: 400 }), open(server.port)];
    await other.cache.set('newer', '0');
    await late.cache.get('warm');
    // What it sends now, it takes for lost.
    server.signal('SIGSTOP');
    await late.cache.setMany(
      [
        ['newer', 'late'],
        ['invalidated', 'late'],
        ['kept', 'late'],
      ],
      { tags: ['t'] },
    );
    expect(late.cache.stats().deferred).toBe(3);
    server.signal('SIGCONT');
    await other.cache.set('newer', 'newer');
    const replayed = late.next('replayed');
    await other.cache.invalidate('invalidated');
    await replayed;
    await late.cache.flush();
    expect(await late.cache.get('newer')).toBe('newer');
    expect(await other.cache.get('newer')).toBe('newer');
    expect(await other.cache.get('invalidated')).toBeUndefined();
    expect(await other.cache.get('kept')).toBe('late');
    expect(late.cache.stats().superseded).toBeGreaterThan(0);
  });

  it('more than may wait becomes an invalidation of everything [TIER-REPLAY-BOUND]', async () => {
    const server = await start();
    const { cache, next, events } = open(server.port, { maxPending: 20 });
    await cache.set('old', 'old');
    await server.stop();
    for (let n = 0; n < 50; n++) await cache.invalidate(`x://${n}`);
    expect(cache.stats().pending).toBeLessThanOrEqual(21);
    expect(events.map(({ event }) => event)).toContain('overflowed');
    const replayed = next('replayed');
    await start(server.port);
    await replayed;
    const { cache: other } = open(server.port);
    expect(await other.get('old')).toBeUndefined();
    expect(await cache.load('old', () => 'new')).toBe('new');
  });
});

describe('with a Redis that hangs', () => {
  watchProcess();

  it('nobody waits longer than tierTimeoutMs, and after some failures not at all [TIER-FAILURE, TIER-BREAKER, TIER-TOLD]', async () => {
    const server = await start();
    const { cache, events, next } = open(server.port, { breakerFailures: 2, breakerMs: 200 });
    await cache.set('warm', '1');
    server.signal('SIGSTOP');
    expect(await elapsed(() => cache.load('a', () => 'A'))).toBeLessThan(600);
    const opening = next('breaker-opened');
    expect(await elapsed(() => cache.load('b', () => 'B'))).toBeLessThan(600);
    await opening;
    expect(await elapsed(() => cache.load('c', () => 'C'))).toBeLessThan(100);
    expect(await elapsed(() => cache.invalidate('warm'))).toBeLessThan(100);
    expect(cache.stats()).toMatchObject({ breakerOpenings: 1, deferred: 1 });
    expect(cache.stats().timeouts).toBeGreaterThan(1);
    const closing = next('breaker-closed');
    server.signal('SIGCONT');
    await closing;
    await cache.flush();
    expect(cache.stats().pending).toBe(0);
    expect(await cache.get('warm')).toBeUndefined();
    const names = events.map(({ event }) => event);
    for (const name of [
      'tier-connected',
      'tier-timed-out',
      'breaker-opened',
      'deferred',
    ] as const) {
      expect(names).toContain(name);
    }
  });

  it('with a wrong password, loads go to the origin [TIER-FAILURE]', async () => {
    const server = await RedisServer.start({ settings: { requirepass: 'right' } });
    opened.push(() => server.stop());
    const tier = new RedisTier({ url: `redis://:wrong@127.0.0.1:${server.port}` });
    const cache = new TieredCache<string>({ tier, tierTimeoutMs: 300 });
    opened.push(
      () => tier.close(),
      () => cache.close(),
    );
    expect(await cache.load('a', () => 'A')).toBe('A');
    await expect(tier.connect()).rejects.toThrow(/WRONGPASS|no connection/);
    expect(JSON.stringify(cache.stats())).not.toContain('wrong');
  });
});
