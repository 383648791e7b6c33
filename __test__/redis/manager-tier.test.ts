import { createClient } from 'redis';
import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { ManagerOptions } from '../../src/manager/manager-options.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { RedisTier } from '../../src/redis/redis-tier.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { useRedis } from '../support/redis-server.ts';

const redis = useRedis();
let prefixes = 0;
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

interface Process {
  readonly manager: ResourceManager;
  /** URIs in the order in which loaders were asked for them here. */
  readonly loads: string[];
  text(uri: string, principal?: string): Promise<string | undefined>;
}

/** What each of some processes has: a manager, with a connection of its own. */
function open(options: ManagerOptions = {}, prefix = `manager-${++prefixes}:`): Process[] {
  return [0, 1].map((number) => {
    const tier = new RedisTier({ url: redis.url, prefix });
    const manager = new ResourceManager({ ...options, tier });
    const loads: string[] = [];
    const load = (uri: string): string => {
      loads.push(uri);
      return `${uri} by ${number}`;
    };
    manager.register('public://{+rest}', load, { public: true, tags: ['all'], ttlMs: 600_000 });
    manager.register('private://{+rest}', load, { tags: ['all'] });
    opened.push(
      () => tier.close(),
      () => manager.close(),
    );
    const text = async (uri: string, principal?: string): Promise<string | undefined> =>
      (await manager.read(uri, principal === undefined ? {} : { principal })).contents[0]?.text;
    return { manager, loads, text };
  });
}

describe('ResourceManager with a tier', () => {
  watchProcess();

  it('reads through both levels, and keeps a resource as long as its pattern says [TIER-MANAGER, TIER-DEFAULTS]', async () => {
    const prefix = 'both:';
    const [here, there] = open({}, prefix) as [Process, Process];
    expect(here.manager.stats()).toMatchObject({ maxSize: 1_000, ttlSeconds: 60 });
    expect(await here.text('public://1')).toBe('public://1 by 0');
    await here.manager.flush();
    expect(await there.text('public://1')).toBe('public://1 by 0');
    expect(there.loads).toEqual([]);
    expect(there.manager.stats().tier).toMatchObject({ hits: 1, misses: 0, originLoads: 0 });
    const raw = createClient({ url: redis.url });
    await raw.connect();
    opened.push(() => raw.destroy());
    const ttlMs = await raw.pTTL(`${prefix}resource:public://1`);
    expect(ttlMs).toBeGreaterThan(590_000);
    expect(ttlMs).toBeLessThanOrEqual(600_000);
  });

  it('reads many by one round trip [TIER-MANAGER, TIER-LOAD-MANY]', async () => {
    const [here, there] = open() as [Process, Process];
    const uris = Array.from({ length: 20 }, (_, n) => `public://${n}`);
    await here.manager.readMany(uris);
    await here.manager.flush();
    const raw = createClient({ url: redis.url });
    await raw.connect();
    opened.push(() => raw.destroy());
    expect(await there.text('public://0')).toBe('public://0 by 0');
    await raw.configResetStat();
    expect((await there.manager.readMany(uris)).size).toBe(20);
    expect(there.loads).toEqual([]);
    expect(await raw.info('commandstats')).toContain('cmdstat_evalsha:calls=1,');
  });

  it('keeps each principal and session to itself, and shows none of them in clear [HAZARD-19-TIER]', async () => {
    const prefix = 'partitions:';
    const [here, there] = open({}, prefix) as [Process, Process];
    const token = 'bearer-of-ada-0123456789';
    expect(await here.text('private://1', token)).toBe('private://1 by 0');
    await here.manager.read('private://1', { session: 'session-of-bob' });
    await here.text('private://1');
    await here.manager.flush();
    expect(await there.text('private://1', token)).toBe('private://1 by 0');
    expect(await there.text('private://1', 'eve')).toBe('private://1 by 1');
    expect(await there.text('private://1')).toBe('private://1 by 1');
    await there.manager.flush();
    const raw = createClient({ url: redis.url });
    await raw.connect();
    opened.push(() => raw.destroy());
    const keys = await raw.keys(`${prefix}*`);
    expect(keys.filter((key) => key.includes('private:'))).toHaveLength(3);
    for (const key of keys) {
      const held = `${key} ${(await raw.get(key).catch(() => '')) ?? ''}`;
      for (const secret of [token, 'session-of-bob', 'eve']) expect(held).not.toContain(secret);
    }
  });

  it.each([
    ['URI', (manager: ResourceManager) => manager.invalidate('private://1')],
    ['template', (manager: ResourceManager) => manager.invalidatePattern('private://{id}')],
    ['RegExp', (manager: ResourceManager) => manager.invalidatePattern(/private/)],
    ['tag', (manager: ResourceManager) => manager.invalidateTag('all')],
    ['clear', (manager: ResourceManager) => manager.clear()],
  ])(
    'invalidates by %s in every partition of both levels, and tells who watches elsewhere [TIER-MANAGER, TIER-APPLIED]',
    async (_, invalidate) => {
      const [here, there] = open() as [Process, Process];
      for (const principal of ['ada', 'bob']) {
        await here.text('private://1', principal);
        await here.manager.flush();
        await there.text('private://1', principal);
      }
      const told: string[] = [];
      there.manager.watch('private://1', (uri) => told.push(uri), { principal: 'ada' });
      invalidate(here.manager);
      await here.manager.flush();
      await there.text('public://other'); // the next read of the second level
      for (const principal of ['bob', 'ada']) {
        expect(await there.text('private://1', principal)).toBe('private://1 by 1');
      }
      expect(told).toEqual(['private://1']);
    },
  );

  it('stores nothing that an invalidation elsewhere has overtaken [TIER-MANAGER, TIER-OVERTAKEN]', async () => {
    const [here, there] = open() as [Process, Process];
    const origin = deferred<string>();
    here.manager.register('slow://{id}', () => origin.promise, { public: true });
    const reading = here.text('slow://1');
    while (here.manager.stats().tier?.originLoads === 0) await settled();
    there.manager.invalidatePattern('slow://*');
    await there.manager.flush();
    origin.resolve('old');
    expect(await reading).toBe('old');
    await here.manager.flush();
    there.manager.register('slow://{id}', () => 'new', { public: true });
    expect(await there.text('slow://1')).toBe('new');
  });

  it('serves nothing that another loader has made once a pattern was replaced [TIER-MANAGER]', async () => {
    const [here, there] = open() as [Process, Process];
    await here.text('public://1');
    await here.manager.flush();
    there.manager.register('public://1', () => 'the exact one', { public: true });
    // It has read nothing before: it only starts, as others do.
    expect(await there.text('public://1')).toBe('public://1 by 0');
    here.manager.register('public://1', () => 'the newer one', { public: true });
    await here.manager.flush();
    expect(await here.text('public://1')).toBe('the newer one');
  });

  it('tells what happens between the levels, and refuses options of a tier without one [TIER-TOLD, TIER-OPTIONS]', async () => {
    const tier = new RedisTier({ url: 'redis://127.0.0.1:1' });
    const manager = new ResourceManager({ tier });
    opened.push(
      () => tier.close(),
      () => manager.close(),
    );
    const told: string[] = [];
    manager.on('tier-failed', ({ operation }) => told.push(operation ?? ''));
    manager.register('a://{x}', () => 'A', { public: true });
    await manager.read('a://1');
    expect(told).toEqual(['read']);
    for (const options of [{ l1TtlMs: 5 }, { tierTimeoutMs: 5 }, { maxPending: 5 }]) {
      const failure = await granaryFailure(
        () => new ResourceManager(options),
        'ERR_GRANARY_BAD_OPTION',
      );
      expect(failure.data['option']).toBe(Object.keys(options)[0]);
    }
    const cache = new ResourceCache<never>();
    await granaryFailure(
      () => new ResourceManager({ cache, tier } as unknown as ManagerOptions),
      'ERR_GRANARY_BAD_OPTION',
    );
  });
});
