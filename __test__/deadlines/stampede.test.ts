import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

import { builtUrl } from '../support/child-module.ts';
import { useRedis } from '../support/redis-server.ts';

const redis = useRedis();
const children: ChildProcess[] = [];
let prefixes = 0;

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** What a process tells when its callers have all been answered. */
interface Answers {
  readonly values: readonly string[];
  readonly loads: number;
  readonly ms: number;
}

/** How the callers of a process ask. */
type Way = 'TieredCache.load' | 'TieredCache.loadMany' | 'ResourceManager.read';

/** Starts processes, each with a cache over one Redis, which has nothing yet. */
async function start(
  count: number,
  way: Way,
  originMs: number,
  leaseMs = 5_000,
): Promise<ChildProcess[]> {
  const prefix = `stampede-${++prefixes}:`;
  const source = `
    const { ResourceManager, TieredCache } = await import('${builtUrl('index.js')}');
    const { RedisTier } = await import('${builtUrl('redis/index.js')}');
    const tier = new RedisTier({ url: '${redis.url}', prefix: '${prefix}' });
    const options = { tier, loadLeaseMs: ${leaseMs} };
    const cache = '${way}' === 'ResourceManager.read' ? new ResourceManager(options) : new TieredCache(options);
    let loads = 0;
    const load = async () => {
      loads++;
      process.send({ loading: process.pid });
      await new Promise((resolve) => setTimeout(resolve, ${originMs}));
      return 'made by ' + process.pid;
    };
    if (cache instanceof ResourceManager) cache.register('user://{id}', load, { public: true });
    const ask = {
      'TieredCache.load': () => cache.load('user://42', load),
      'TieredCache.loadMany': async () =>
        (await cache.loadMany(['user://42'], async () => new Map([['user://42', await load()]]))).get('user://42'),
      'ResourceManager.read': async () => (await cache.read('user://42')).contents[0].text,
    }['${way}'];
    await tier.getMany(['resource:user://1']);
    process.on('message', async (callers) => {
      const began = performance.now();
      const values = await Promise.all(Array.from({ length: callers }, ask));
      process.send({ values: [...new Set(values)], loads, ms: performance.now() - began });
      await cache.flush();
      cache.close();
      await tier.close();
      process.disconnect();
    });
    process.send('ready');`;
  const started = Array.from({ length: count }, () =>
    spawn(process.execPath, ['--input-type=module', '--eval', source], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
  children.push(...started);
  await Promise.all(started.map((child) => once(child, 'message')));
  return started;
}

/** Has so many callers of a process ask at once. */
function ask(child: ChildProcess, callers: number): Promise<Answers> {
  const answered = new Promise<Answers>((resolve) => {
    child.on('message', (message: Answers) => {
      if ('values' in message) resolve(message);
    });
  });
  child.send(callers);
  return answered;
}

/** @returns the process that has begun a load */
function firstToLoad(processes: readonly ChildProcess[]): Promise<ChildProcess> {
  return new Promise((resolve) => {
    for (const child of processes) {
      child.on('message', (message: object) => {
        if ('loading' in message) resolve(child);
      });
    }
  });
}

describe('1,000 callers in 4 processes', () => {
  it.each(['TieredCache.load', 'TieredCache.loadMany', 'ResourceManager.read'] as const)(
    'cost one load by %s [TIER-STAMPEDE]',
    async (way) => {
      const processes = await start(4, way, 200);
      const answers = await Promise.all(processes.map((child) => ask(child, 250)));
      expect(answers.reduce((sum, { loads }) => sum + loads, 0)).toBe(1);
      expect(new Set(answers.flatMap(({ values }) => values)).size).toBe(1);
      await Promise.all(processes.map(async (child) => child.exitCode ?? once(child, 'exit')));
      expect(processes.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    },
  );

  it('are delayed by no more than the lease where the one that loads is killed [TIER-STAMPEDE-LEASE]', async () => {
    const [leaseMs, originMs] = [1_000, 300];
    const processes = await start(4, 'TieredCache.load', originMs, leaseMs);
    const first = firstToLoad(processes);
    const asked = new Map(processes.map((child) => [child, ask(child, 250)]));
    const victim = await first;
    victim.kill('SIGKILL');
    asked.delete(victim);
    const answers = await Promise.all(asked.values());
    expect(answers.reduce((sum, { loads }) => sum + loads, 0)).toBe(1);
    const values = new Set(answers.flatMap(({ values: each }) => each));
    expect(values.size).toBe(1);
    expect(values).not.toContain(`made by ${victim.pid}`);
    for (const { ms } of answers) {
      expect(ms).toBeGreaterThan(originMs);
      // What the next one takes, and to learn of it, comes on top.
      expect(ms).toBeLessThan(leaseMs + originMs + 250);
    }
  });
});
