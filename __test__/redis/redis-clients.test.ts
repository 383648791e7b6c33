import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createClient } from 'redis';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { freePort, RedisServer } from '../../bench/redis-server.ts';
import { RedisTier } from '../../src/redis/redis-tier.ts';
import type { RedisTierOptions } from '../../src/redis/redis-options.ts';
import type { Logger } from '../../src/logger.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import { runModule, builtUrl } from '../support/child-module.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { watchProcess } from '../support/process-signals.ts';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const server = await RedisServer.start({ settings });
  opened.push(() => server.stop());
  return server;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'granary-redis-'));
  opened.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Has two processes' worth of a tier do all that there is to do.
 *
 * @returns the operations that failed or had to wait
 */
async function exercise(options: () => RedisTierOptions): Promise<number> {
  const caches = [0, 1].map(() => {
    const tier = new RedisTier({ ...options(), prefix: 'all:' });
    const cache = new TieredCache<string>({ tier, tierTimeoutMs: 5_000 });
    opened.push(
      () => tier.close(),
      () => cache.close(),
    );
    return cache;
  });
  const [here, there] = caches as [TieredCache<string>, TieredCache<string>];
  const uris = Array.from({ length: 50 }, (_, n) => `user://${n}/profile`);
  await here.setMany(
    uris.slice(0, 20).map((uri) => [uri, `set ${uri}`] as const),
    { tags: ['set'] },
  );
  const loaded = await there.loadMany(uris, (missing, { setTags }) => {
    setTags(['loaded']);
    expect(missing).toEqual(uris.slice(20));
    return new Map(missing.map((uri) => [uri, `loaded ${uri}`] as const));
  });
  expect(loaded.size).toBe(50);
  await there.flush();
  expect((await here.getMany(uris)).size).toBe(50);
  await here.invalidateTag('set');
  // What others have invalidated is served until that is heard: at once, or some ms later.
  expect([10, 30]).toContain((await there.getMany(uris.slice(0, 30))).size);
  there.l1.clear();
  expect((await there.getMany(uris)).size).toBe(30);
  await there.invalidatePattern('user://3{rest}/profile');
  await there.invalidate(uris[20]!);
  here.l1.clear();
  expect((await here.getMany(uris)).size).toBe(19);
  let loads = 0;
  const crowd = caches.flatMap((cache) => [
    cache.load('user://crowd/profile', async () => {
      // Ends only when the other has found it under way, however late its connection is.
      await vi.waitFor(
        () => expect(there.stats().awaitedLoads + here.stats().awaitedLoads).toBeGreaterThan(0),
        5_000,
      );
      return `load ${++loads}`;
    }),
    cache.loadMany(['user://crowd/profile'], async () => new Map([['user://crowd/profile', '?']])),
  ]);
  await Promise.all(crowd);
  expect(loads).toBe(1);
  const stats = caches.map((cache) => cache.stats());
  return stats.reduce(
    (sum, { failures, timeouts, deferred }) => sum + failures + timeouts + deferred,
    0,
  );
}

describe('RedisTier connects by', () => {
  watchProcess();

  it('a URL with a database and a password, or options for them [TIER-CLIENTS]', async () => {
    const { port } = await start({ requirepass: 'secret' });
    expect(await exercise(() => ({ url: `redis://:secret@127.0.0.1:${port}/3` }))).toBe(0);
    const clientOptions = { password: 'secret', database: 3 };
    const tier = new RedisTier({ url: `redis://127.0.0.1:${port}`, clientOptions, prefix: 'all:' });
    opened.push(() => tier.close());
    const name = 'resource:user://21/profile';
    expect((await tier.getMany([name])).entries.size).toBe(1);
  });

  it('a client of yours, which it opens, uses and leaves open [TIER-CLIENTS]', async () => {
    const { port } = await start();
    const client = createClient({ url: `redis://127.0.0.1:${port}` });
    opened.push(() => client.destroy());
    expect(await exercise(() => ({ client }))).toBe(0);
    const tier = new RedisTier({ client });
    await tier.close();
    expect(await client.ping()).toBe('PONG');
    expect(client.listenerCount('ready')).toBe(2); // those of `exercise`, which are open still
  });

  it('TLS [TIER-CLIENTS]', async () => {
    const folder = temporaryFolder();
    const [key, cert] = ['key.pem', 'cert.pem'].map((file) => path.join(folder, file)) as [
      string,
      string,
    ];
    const request = `req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext
      subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout ${key} -out ${cert}`;
    execFileSync('openssl', request.split(/\s+/), { stdio: 'pipe' });
    const port = await freePort();
    const server = await RedisServer.start({
      port,
      settings: {
        port: '0',
        'tls-port': String(port),
        'tls-cert-file': cert,
        'tls-key-file': key,
        'tls-ca-cert-file': cert,
        'tls-auth-clients': 'no',
      },
    });
    opened.push(() => server.stop());
    const socket = { tls: true as const, ca: readFileSync(cert) };
    expect(
      await exercise(() => ({ url: `rediss://localhost:${port}`, clientOptions: { socket } })),
    ).toBe(0);
    const untrusting = new RedisTier({ url: `rediss://localhost:${port}` });
    opened.push(() => untrusting.close());
    await expect(untrusting.connect()).rejects.toThrow(/self.signed/i);
  });

  it('sentinels [TIER-CLIENTS]', async () => {
    const primary = await start();
    const port = await freePort();
    const file = path.join(temporaryFolder(), 'sentinel.conf');
    writeFileSync(
      file,
      `sentinel monitor mine 127.0.0.1 ${primary.port} 1\nport ${port}\nbind 127.0.0.1\n`,
    );
    const sentinel = await RedisServer.startSentinel(port, file);
    opened.push(() => sentinel.stop());
    expect(
      await exercise(() => ({
        sentinel: { name: 'mine', sentinelRootNodes: [{ host: '127.0.0.1', port }] },
      })),
    ).toBe(0);
  });

  it('a cluster [TIER-CLIENTS]', async () => {
    const { rootNodes, stop } = await startCluster(3, 0);
    opened.push(stop);
    expect(await exercise(() => ({ cluster: { rootNodes } }))).toBe(0);
  });
});

describe('RedisTier', () => {
  watchProcess();

  it('names node-redis where it is not installed [TIER-MISSING-PEER]', async () => {
    const told = await runModule<{ code: string; data: object; loaded: string; failures: number }>(`
      import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(\`
        export function resolve(name, context, next) {
          if (name !== 'redis') return next(name, context);
          const error = new Error("Cannot find package 'redis' imported from here");
          throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' });
        }\`));
      const { TieredCache } = await import('${builtUrl('index.js')}');
      const { RedisTier } = await import('${builtUrl('redis/index.js')}');
      const tier = new RedisTier();
      const { code, data } = await tier.connect().catch((error) => error);
      const cache = new TieredCache({ tier });
      const loaded = await cache.load('a', () => 'A');
      console.log(JSON.stringify({ code, data, loaded, failures: cache.stats().failures }));
    `);
    expect(told).toEqual({
      code: 'ERR_GRANARY_MISSING_PEER',
      data: { package: 'redis' },
      loaded: 'A',
      failures: 1,
    });
  });

  it('refuses options that it cannot work with [TIER-OPTIONS]', async () => {
    const bad: readonly (readonly [string, object])[] = [
      ['url', { url: 'http://secret@host' }],
      ['client', { client: {} }],
      ['cluster', { url: 'redis://a', cluster: { rootNodes: [] } }],
      ['clientOptions', { cluster: { rootNodes: [] }, clientOptions: {} }],
      ['prefix', { prefix: '\ud800' }],
      ['compressAboveBytes', { compressAboveBytes: -1 }],
      ['maxValueBytes', { maxValueBytes: 0 }],
      ['maxInvalidations', { maxInvalidations: 10 }],
      ['trusted', { trusted: 1 }],
      ['options', 'redis://localhost' as unknown as object],
    ];
    for (const [option, options] of bad) {
      const failure = await granaryFailure(() => new RedisTier(options), 'ERR_GRANARY_BAD_OPTION');
      expect(failure.data['option']).toBe(option);
      expect(failure.message).not.toContain('secret');
    }
  });

  it('logs the connection, is refused once closed, and leaves nothing behind [TIER-TOLD]', async () => {
    const server = await start();
    const lines: string[] = [];
    const log = (message: string): void => void lines.push(message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    const tier = new RedisTier({ url: `redis://127.0.0.1:${server.port}`, logger });
    await tier.connect();
    await tier.close();
    await tier.close();
    await granaryFailure(() => tier.getMany(['resource:a']), 'ERR_GRANARY_CLOSED');
    expect(lines).toEqual(['the connection to Redis is open']);
  });
});
