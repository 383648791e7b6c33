import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createClient, createClientPool } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { freePort, RedisServer } from '../../bench/redis-server.ts';
import { RedisTier } from '../../src/redis/redis-tier.ts';
import type { RedisTierOptions } from '../../src/redis/redis-options.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import type { TierOptions } from '../../src/tiers/tiered-options.ts';
import { builtUrl } from '../support/child-module.ts';
import { settled, watchProcess } from '../support/process-signals.ts';
import { startCluster } from '../support/redis-cluster.ts';
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

/** What each of two processes has. */
function open(
  options: Partial<TierOptions> = {},
  tierOptions: RedisTierOptions = {},
): [TieredCache<string>, TieredCache<string>] {
  const prefix = `coherence-${++prefixes}:`;
  const [here, there] = [0, 1].map(() => {
    const { client, cluster, sentinel } = tierOptions;
    const place = (client ?? cluster ?? sentinel) === undefined ? { url: redis.url } : {};
    const tier = new RedisTier({ ...place, prefix, ...tierOptions });
    const cache = new TieredCache<string>({ ...options, tier });
    opened.push(
      () => tier.close(),
      () => cache.close(),
    );
    return cache;
  });
  return [here!, there!];
}

/** ms until something holds; gives up after a second. */
async function waited(holds: () => boolean): Promise<number> {
  const began = performance.now();
  while (!holds() && performance.now() - began < 1_000) await settled();
  return performance.now() - began;
}

/** Long enough for Redis to have told of all that has happened. */
async function told(): Promise<void> {
  for (let round = 0; round < 5; round++) await raw.ping();
}

describe('memory, as Redis tells of changes', () => {
  watchProcess();

  const changes: readonly (readonly [string, (cache: TieredCache<string>) => Promise<unknown>])[] =
    [
      ['set', (cache) => cache.set('user://42', 'new')],
      ['URI', (cache) => cache.invalidate('user://42')],
      ['tag', (cache) => cache.invalidateTag('users')],
      ['template', (cache) => cache.invalidatePattern('user://{id}')],
      ['prefix', (cache) => cache.invalidatePattern('user://*')],
      ['RegExp', (cache) => cache.invalidatePattern(/user/)],
      ['all', (cache) => cache.clear()],
    ];

  it.each(changes)(
    'drops elsewhere within 50 ms what was changed by %s, without any read [TIER-COHERENT]',
    async (_, change) => {
      const [here, there] = open();
      await here.set('user://42', 'Ada', { tags: ['users'] });
      await here.set('other://1', 'other', { tags: ['others'] });
      await there.getMany(['user://42', 'other://1']);
      await told();
      expect(there.l1.peek('user://42')).toBe('Ada');
      await change(here);
      expect(await waited(() => !there.l1.has('user://42'))).toBeLessThan(50);
    },
  );

  it('drops in another process within 50 ms of an invalidation that has returned [TIER-COHERENT]', async () => {
    const [here] = open();
    await here.set('user://42', 'Ada', { tags: ['users'] });
    const source = `
      const { TieredCache } = await import('${builtUrl('index.js')}');
      const { RedisTier } = await import('${builtUrl('redis/index.js')}');
      const tier = new RedisTier({ url: '${redis.url}', prefix: 'coherence-${prefixes}:' });
      const cache = new TieredCache({ tier });
      process.send({ value: await cache.get('user://42') });
      cache.once('invalidated', () => process.send({ droppedAtMs: Date.now() }));
      process.once('disconnect', async () => (cache.close(), tier.close()));`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit');
    expect((await once(child, 'message'))[0]).toEqual({ value: 'Ada' });
    const dropping = once(child, 'message');
    await here.invalidateTag('users');
    const returnedAtMs = Date.now();
    const [{ droppedAtMs }] = (await dropping) as [{ droppedAtMs: number }];
    expect(droppedAtMs - returnedAtMs).toBeLessThanOrEqual(50);
    child.disconnect();
    expect((await ended)[0]).toBe(0);
  });

  it('drops what others delete by hand, flush, or let expire [TIER-COHERENT]', async () => {
    const [here, there] = open();
    await here.set('a', 'A');
    await there.get('a');
    const [key] = await raw.keys(`coherence-${prefixes}:resource:a`);
    await raw.del(key!);
    expect(await waited(() => !there.l1.has('a') && !here.l1.has('a'))).toBeLessThan(50);
    await here.set('a', 'A');
    await there.get('a');
    await raw.flushAll();
    expect(await waited(() => !there.l1.has('a') && !here.l1.has('a'))).toBeLessThan(50);
    expect(await there.load('a', () => 'new')).toBe('new');
  });

  it('keeps what this process has written itself [TIER-COHERENT-OWN]', async () => {
    const [here, there] = open();
    await here.load('loaded', () => 'L');
    await here.set('set', 'S');
    await here.setMany(Array.from({ length: 50 }, (_, n) => [`many://${n}`, 'M'] as const));
    await here.flush();
    await told();
    expect(here.l1.size).toBe(52);
    await there.set('set', 'by another');
    expect(await waited(() => !here.l1.has('set'))).toBeLessThan(50);
    expect(await here.get('set')).toBe('by another');
    expect(here.l1.size).toBe(52);
  });

  it('does not keep what was on its way when Redis told that it has changed [TIER-COHERENT]', async () => {
    const [here, there] = open();
    await here.set('a', '0');
    for (let round = 1; round <= 100; round++) {
      const reading = there.get('a');
      const setting = here.set('a', String(round));
      await Promise.all([reading, setting]);
      await waited(() => there.l1.peek('a') === undefined || there.l1.peek('a') === String(round));
      expect(await there.get('a')).toBe(String(round));
    }
  });

  it.each([
    ['serve', 'Ada'],
    ['flush', undefined],
  ] as const)(
    'with onDisconnect %s has %s while nobody tells, and nothing when Redis tells again [TIER-COHERENT-LOST]',
    async (onDisconnect, meanwhile) => {
      const [here, there] = open({ onDisconnect });
      await here.set('user://42', 'Ada');
      expect(await there.get('user://42')).toBe('Ada');
      await told();
      const lost = new Promise((resolve) => there.once('tier-disconnected', resolve));
      await raw.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
      await lost;
      expect(there.l1.peek('user://42')).toBe(meanwhile);
      await raw.set(`coherence-${prefixes}:resource:user://42`, 'changed by hand meanwhile');
      await expect.poll(() => there.l1.peek('user://42')).toBeUndefined();
      await expect.poll(() => there.load('user://42', () => 'new')).toBe('new');
      await here.set('user://42', 'newer');
      await expect.poll(() => there.l1.peek('user://42')).toBeUndefined();
    },
  );

  it('is told over a connection like that of a client of yours, and of nothing without tracking [TIER-COHERENT, TIER-CLIENTS]', async () => {
    const client = createClient({ url: redis.url });
    opened.push(() => client.destroy());
    const [here, there] = open({}, { client });
    await here.set('a', 'A');
    await there.get('a');
    await here.invalidate('a');
    expect(await waited(() => !there.l1.has('a'))).toBeLessThan(50);
    const [deaf, other] = open({}, { tracking: false });
    await deaf.set('a', 'A');
    await other.get('a');
    await deaf.invalidate('a');
    await told();
    expect(other.l1.peek('a')).toBe('A');
    await other.get('b');
    expect(other.l1.peek('a')).toBeUndefined();
  });

  it('drops at once what others change through any node of a cluster, in slots of all masters [TIER-COHERENT-MANY]', async () => {
    const { rootNodes, stop } = await startCluster(3, 0);
    opened.push(stop);
    const [here, there] = open({}, { cluster: { rootNodes } });
    const uris = Array.from({ length: 60 }, (_, n) => `user://${n}`);
    await here.setMany(uris.map((uri) => [uri, 'old'] as const));
    expect((await there.getMany(uris)).size).toBe(60);
    expect(there.l1.size).toBe(60);
    await Promise.all(uris.slice(0, 30).map((uri) => here.set(uri, 'new')));
    expect(await waited(() => there.l1.size === 30)).toBeLessThan(50);
    await here.invalidatePattern('user://*');
    expect(await waited(() => there.l1.size === 0)).toBeLessThan(50);
  });

  it('is told through a pool of yours [TIER-COHERENT-MANY, TIER-CLIENTS]', async () => {
    const client = createClientPool({ url: redis.url });
    opened.push(() => client.destroy());
    const [here, there] = open({}, { client });
    await here.set('a', 'A');
    expect(await there.get('a')).toBe('A');
    expect(there.l1.has('a')).toBe(true);
    await here.invalidate('a');
    expect(await waited(() => !there.l1.has('a'))).toBeLessThan(50);
  });

  it('is told by the master that sentinels name [TIER-COHERENT-MANY]', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'granary-sentinel-'));
    opened.push(() => rmSync(folder, { recursive: true, force: true }));
    const port = await freePort();
    const file = path.join(folder, 'sentinel.conf');
    writeFileSync(
      file,
      `sentinel monitor mine ${redis.server.host} ${redis.server.port} 1\nport ${port}\nbind 127.0.0.1\n`,
    );
    const server = await RedisServer.startSentinel(port, file);
    opened.push(() => server.stop());
    const sentinelRootNodes = [{ host: '127.0.0.1', port }];
    const [here, there] = open({}, { sentinel: { name: 'mine', sentinelRootNodes } });
    await here.set('a', 'A');
    expect(await there.get('a')).toBe('A');
    expect(there.l1.has('a')).toBe(true);
    await here.invalidateTag('none');
    await here.invalidate('a');
    expect(await waited(() => !there.l1.has('a'))).toBeLessThan(50);
  });
});
