import { setTimeout } from 'node:timers/promises';

import { createClient } from 'redis';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { RedisServer } from '../../bench/redis-server.ts';
import { RedisTier } from '../../src/redis/redis-tier.ts';
import type { RedisTierOptions } from '../../src/redis/redis-options.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import { generatedPart, offerGeneratedPart } from '../support/generated-page.ts';
import { watchProcess } from '../support/process-signals.ts';
import { startCluster } from '../support/redis-cluster.ts';

const TIER_TIMEOUT_MS = 300;
/** Not longer than a master takes to answer them, and within the timeout. */
const REPLICAS_TIMEOUT_MS = 100;
/** A caller waits for a read and a write in a row, on a busy machine. */
const LONGEST_MS = 2 * TIER_TIMEOUT_MS + 400;
const PREFIX = 'faults:';
const PAGE = 'docs/faults.md';

/** A server with two caches in front of it, and something that goes wrong. */
interface Fault {
  readonly name: string;
  /** @returns how to reach what was started, and how it goes wrong and is mended */
  open(): Promise<Broken>;
}

interface Broken {
  readonly options: RedisTierOptions;
  /** Whether it may be over before anybody has noticed. */
  readonly isBrief?: boolean;
  begin(): Promise<unknown>;
  end(): Promise<unknown>;
}

/** What was seen, as it stands in the table. */
interface Seen {
  readonly invalidations: string;
  readonly stale: string;
}

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const server = await RedisServer.start({ settings });
  opened.push(() => server.stop());
  return server;
}

type Admin = (...command: string[]) => Promise<unknown>;

async function adminOf(port: number, password?: string): Promise<Admin> {
  const given = password === undefined ? {} : { password };
  const client = createClient({ url: `redis://127.0.0.1:${port}`, ...given });
  client.on('error', () => {});
  await client.connect();
  opened.push(() => client.destroy());
  return (...command) => client.sendCommand(command);
}

/** A list takes the place of what a key holds, with nothing in between. */
function taking(key: string): string[] {
  const script = "redis.call('DEL', KEYS[1]) redis.call('LPUSH', KEYS[1], 'of somebody else')";
  return ['EVAL', script, '1', PREFIX + key];
}

const nothing = async (): Promise<void> => {};

function single(
  name: string,
  fault: (server: RedisServer, admin: Admin) => Omit<Broken, 'options'>,
): Fault {
  return {
    name,
    async open() {
      const server = await start();
      const admin = await adminOf(server.port);
      return { options: { url: `redis://127.0.0.1:${server.port}` }, ...fault(server, admin) };
    },
  };
}

const FAULTS: readonly Fault[] = [
  single('killed, and started again empty', (server) => ({
    begin: () => server.stop(),
    async end() {
      const again = await RedisServer.start({ port: server.port });
      opened.push(() => again.stop());
    },
  })),
  single('stopped for 5 s (SIGSTOP)', (server) => ({
    begin: async () => server.signal('SIGSTOP'),
    async end() {
      await setTimeout(5_000);
      server.signal('SIGCONT');
    },
  })),
  single('`maxmemory` reached, nothing is evicted', (_, admin) => ({
    begin: () => admin('CONFIG', 'SET', 'maxmemory', '1'),
    end: () => admin('CONFIG', 'SET', 'maxmemory', '0'),
  })),
  single('`maxmemory` reached, all keys may be evicted', (_, admin) => ({
    async begin() {
      await admin('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
      await admin('CONFIG', 'SET', 'maxmemory', '1');
    },
    end: () => admin('CONFIG', 'SET', 'maxmemory', '0'),
  })),
  single('flushed behind our back', (_, admin) => ({
    begin: () => admin('FLUSHALL'),
    end: nothing,
  })),
  single('`CLIENT KILL` of every connection', (_, admin) => ({
    isBrief: true,
    begin: () => admin('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
    end: nothing,
  })),
  single('another type at a key of an entry', (_, admin) => ({
    async begin() {
      for (const key of ['resource:kept', 'resource:dropped']) await admin(...taking(key));
    },
    end: nothing,
  })),
  single('another type at the keys of the order', (_, admin) => ({
    async begin() {
      for (const key of ['{granary}:order', '{granary}:invalidations']) await admin(...taking(key));
    },
    end: () => admin('DEL', `${PREFIX}{granary}:order`, `${PREFIX}{granary}:invalidations`),
  })),
  {
    name: 'another password',
    async open() {
      const { port } = await start({ requirepass: 'secret' });
      const admin = await adminOf(port, 'secret');
      return {
        options: { url: `redis://:secret@127.0.0.1:${port}` },
        async begin() {
          await admin('CONFIG', 'SET', 'requirepass', 'changed');
          await admin('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        },
        end: () => admin('CONFIG', 'SET', 'requirepass', 'secret'),
      };
    },
  },
  {
    name: 'a master of a cluster killed, its replica takes over',
    async open() {
      const { rootNodes, nodes, ask, stop } = await startCluster(3, 1);
      opened.push(stop);
      const [any] = nodes.keys();
      const slot = Number(ask(any!, 'cluster', 'keyslot', `${PREFIX}{granary}:order`));
      const master = Number(
        ask(any!, 'cluster', 'nodes')
          .split('\n')
          .map((line) => line.split(' '))
          .find(
            ([, , flags, , , , , , ...ranges]) => flags?.includes('master') && holds(ranges, slot),
          )?.[1]
          ?.match(/:(\d+)@/)?.[1],
      );
      const others = [...nodes.keys()].filter((port) => port !== master);
      return {
        options: { cluster: { rootNodes }, replicas: 1, replicasTimeoutMs: REPLICAS_TIMEOUT_MS },
        begin: () => nodes.get(master)!.stop(),
        async end() {
          const hasTakenOver = (): boolean =>
            others.every((port) => ask(port, 'cluster', 'info').includes('cluster_state:ok')) &&
            ask(others[0]!, 'cluster', 'nodes').includes('master,fail');
          await expect.poll(hasTakenOver, { timeout: 30_000, interval: 200 }).toBe(true);
        },
      };
    },
  },
];

/** @param ranges as `CLUSTER NODES` tells them: `0-5460`, or one slot */
function holds(ranges: readonly string[], slot: number): boolean {
  return ranges.some((range) => {
    const [from = Number.NaN, to = from] = range.split('-').map(Number);
    return slot >= from && slot <= to;
  });
}

function open(options: RedisTierOptions): TieredCache<string> {
  const tier = new RedisTier({ ...options, prefix: PREFIX });
  const cache = new TieredCache<string>({
    tier,
    tierTimeoutMs: TIER_TIMEOUT_MS,
    breakerMs: 200,
    onDisconnect: 'serve',
  });
  opened.push(
    () => tier.close(),
    () => cache.close(),
  );
  return cache;
}

async function timed<T>(waits: number[], call: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await call();
  } finally {
    waits.push(performance.now() - began);
  }
}

function whenTold(deferred: number): string {
  return deferred > 0 ? 'kept, and told when it was over' : 'told at once';
}

async function see({ options, begin, end, isBrief = false }: Broken): Promise<Seen> {
  const [here, there] = [open(options), open(options)];
  const uris = ['kept', 'dropped', 'tagged', 'acknowledged'];
  await here.setMany(
    uris.map((uri) => [uri, 'old'] as const),
    { tags: ['t'] },
  );
  await here.set('kept', 'old');
  expect((await there.getMany(uris)).size).toBe(4);
  await here.invalidate('acknowledged');
  expect(here.stats()).toMatchObject({ pending: 0, deferred: 0 });

  await begin();
  const waits: number[] = [];
  for (let round = 0; round < 3; round++) {
    for (const [cache, uri] of [
      [there, 'kept'],
      [here, `cold-${round}`],
      [there, `cold-${round}`],
    ] as const) {
      const value = await timed(waits, () => cache.load(uri, () => 'origin'));
      expect(uri === 'kept' ? ['old', 'origin'] : ['origin']).toContain(value);
    }
    await timed(waits, () => here.set(`set-${round}`, 'set'));
    await timed(waits, () => here.invalidate('dropped'));
    await timed(waits, () => here.invalidateTag('t'));
  }
  const { deferred } = here.stats();
  expect(Math.max(...waits), waits.map(Math.round).join(', ')).toBeLessThan(LONGEST_MS);
  await end();

  // Something has to be asked for, or a client of node-redis tries again when it likes.
  const settled = async (): Promise<boolean> => {
    await Promise.all([here, there].map((cache) => cache.load('awake', () => 'awake')));
    await Promise.all([here, there].map((cache) => cache.flush()));
    return here.stats().pending === 0 && there.stats().pending === 0;
  };
  await expect.poll(settled, { timeout: 30_000, interval: 100 }).toBe(true);
  const renewed = async (): Promise<string> => there.load('dropped', () => 'new');
  await expect.poll(renewed, { timeout: 20_000, interval: 20 }).toBe('new');
  const stale = new Set<string>();
  for (let round = 0; round < 20; round++) {
    for (const uri of ['dropped', 'tagged', 'acknowledged']) {
      const values = await Promise.all([here, there].map((cache) => cache.load(uri, () => 'new')));
      if (values.includes('old')) stale.add(uri);
    }
    await setTimeout(10);
  }
  // A process that was not there before finds nothing old either.
  const late = open(options);
  for (const uri of ['dropped', 'tagged', 'acknowledged']) {
    if ((await late.get(uri)) === 'old') stale.add(uri);
  }
  expect([...stale]).toEqual([]);
  // It is as coherent as it was before.
  await here.set('kept', 'newest');
  await expect.poll(() => there.load('kept', () => 'origin'), { interval: 5 }).toBe('newest');
  return {
    // Some are over before an invalidation is made.
    invalidations: isBrief ? 'told, at once or when it was over' : whenTold(deferred),
    stale: stale.size === 0 ? 'none' : [...stale].join(', '),
  };
}

const table = new Map<string, Seen>();

describe('a cache over a Redis', () => {
  watchProcess();

  it.each(FAULTS)(
    'that is $name: nobody waits long, nothing is lost, nothing stale stays [TIER-FAULTS]',
    async ({ name, open: openFault }) => {
      const seen = await see(await openFault());
      table.set(name, seen);
      expect(seen.stale).toBe('none');
    },
    120_000,
  );

  afterAll(() => {
    offerGeneratedPart(PAGE, 'faults', tableText());
  });
});

describe('the table of faults', () => {
  it('says what was seen [TIER-FAULTS]', () => {
    expect([...table.keys()]).toEqual(FAULTS.map(({ name }) => name));
    expect(generatedPart(PAGE, 'faults')).toBe(tableText());
  });
});

function tableText(): string {
  const rows = [...table].map(
    ([name, { invalidations, stale }]) =>
      `| ${name} | under ${LONGEST_MS} ms | ${invalidations} | ${stale} |`,
  );
  return [
    '| Redis is, or has | longest wait | invalidations | stale after |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
