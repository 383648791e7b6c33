import { createClient } from 'redis';
import { afterEach, describe, expect, it } from 'vitest';

import { RedisServer } from '../../bench/redis-server.ts';
import type { RedisTierOptions } from '../../src/redis/redis-options.ts';
import { RedisTier } from '../../src/redis/redis-tier.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import { watchProcess } from '../support/process-signals.ts';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function startPair(): Promise<{ url: string; replica: RedisServer }> {
  const master = await RedisServer.start();
  opened.push(() => master.stop());
  const replica = await RedisServer.start({
    settings: { replicaof: `${master.host} ${master.port}`, 'repl-diskless-load': 'swapdb' },
  });
  opened.push(() => replica.stop());
  const client = createClient({ url: `redis://${replica.host}:${replica.port}` });
  opened.push(() => client.destroy());
  await client.connect();
  await expect
    .poll(() => client.info('replication'), { timeout: 20_000 })
    .toContain('master_link_status:up');
  const url = `redis://${master.host}:${master.port}`;
  const toMaster = createClient({ url });
  opened.push(() => toMaster.destroy());
  await toMaster.connect();
  // Each of the two has to know of the other.
  await expect
    .poll(() => toMaster.info('replication'), { timeout: 20_000 })
    .toContain('state=online');
  return { url, replica };
}

function open(options: RedisTierOptions): TieredCache<string> {
  const tier = new RedisTier(options);
  const cache = new TieredCache<string>({ tier, breakerMs: 50 });
  opened.push(
    () => tier.close(),
    () => cache.close(),
  );
  return cache;
}

describe('an invalidation', () => {
  watchProcess();

  it('counts as told when a replica has it, and is repeated until then [TIER-REPLICAS]', async () => {
    const { url, replica } = await startPair();
    const [careful, quick] = [
      open({ url, replicas: 1, replicasTimeoutMs: 500 }),
      open({ url, prefix: 'quick:' }),
    ];
    await careful.set('a', 'A');
    await careful.invalidate('a');
    expect(careful.stats()).toMatchObject({ deferred: 0, pending: 0 });
    replica.signal('SIGSTOP');
    await Promise.all([careful.invalidate('a'), quick.invalidate('a')]);
    expect(quick.stats()).toMatchObject({ deferred: 0, pending: 0 });
    expect(careful.stats()).toMatchObject({ deferred: 1, pending: 1 });
    const replayed = new Promise((resolve) => careful.once('replayed', resolve));
    replica.signal('SIGCONT');
    await replayed;
    expect(careful.stats()).toMatchObject({ pending: 0 });
  });

  it('does not wait for a replica that is not connected [TIER-REPLICAS]', async () => {
    const master = await RedisServer.start();
    opened.push(() => master.stop());
    const cache = open({ url: `redis://${master.host}:${master.port}`, replicas: 1 });
    await cache.set('a', 'A');
    await cache.invalidate('a');
    expect(cache.stats()).toMatchObject({ deferred: 0, pending: 0, timeouts: 0, failures: 0 });
  });
});
