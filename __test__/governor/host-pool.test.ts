import { afterEach, describe, expect, it } from 'vitest';
import {
  EnhancedResourceManager,
  type HostOptions,
  ProcessIsolation,
  sampleProcess,
  WorkerIsolation,
} from '../../src/governor/index.ts';
import { eventually, knownUse } from './known-use.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function isolation(kind: 'worker' | 'process', options: HostOptions) {
  const one = kind === 'worker' ? new WorkerIsolation(options) : new ProcessIsolation(options);
  open.push(one);
  return one;
}

describe.each(['worker', 'process'] as const)('the pool of the %s isolation', (kind) => {
  const spin = () => knownUse('burn', 20);

  it('keeps as many as were in use at once, and one after that [POOL-SCALING]', async () => {
    const pool = isolation(kind, { idleMs: 400 });
    const started = [1, 2, 3].map(() => pool.start('tool', spin(), {}));
    expect(pool.hosts).toEqual({ busy: 3, idle: 0 });
    await Promise.all(started.map(({ result }) => result));
    expect(pool.hosts).toEqual({ busy: 0, idle: 3 });
    expect(await eventually(() => pool.hosts.idle === 1)).toBe(true);
    await pool.start('tool', spin(), {}).result;
    expect(pool.hosts).toEqual({ busy: 0, idle: 1 });
  });

  it('never keeps more than it may [POOL-SCALING]', async () => {
    const pool = isolation(kind, { maxIdle: 1 });
    await Promise.all([1, 2, 3].map(() => pool.start('tool', spin(), {}).result));
    expect(pool.hosts).toEqual({ busy: 0, idle: 1 });
  });

  it('replaces one that is lost while others are needed [POOL-SCALING]', async () => {
    const pool = isolation(kind, {});
    const long = pool.start('tool', knownUse('burn', 1_500), {});
    const lost = pool.start('tool', knownUse('exitNow', 3), {});
    await expect(lost.result).rejects.toThrow(/before the tool had answered/);
    expect(pool.hosts).toEqual({ busy: 1, idle: 1 });
    await pool.start('tool', spin(), {}).result;
    await long.result;
    expect(pool.hosts).toEqual({ busy: 0, idle: 2 });
  });

  it('lets go of what waits when it is told to [POOL-SCALING]', async () => {
    const pool = isolation(kind, {});
    await Promise.all([1, 2].map(() => pool.start('tool', spin(), {}).result));
    pool.trim();
    expect(pool.hosts).toEqual({ busy: 0, idle: 0 });
    await pool.start('tool', spin(), {}).result;
  });
});

it('processes that wait end when memory is short [POOL-SCALING]', async () => {
  let bytes = 100;
  const cache = {
    stats: () => ({ memoryBytes: bytes, maxMemoryBytes: 100 }),
    resize: ({ maxBytes }: { maxBytes: number }) => void (bytes = maxBytes),
  };
  const governor = new EnhancedResourceManager({
    sampleIntervalMs: 20,
    degradation: { caches: [cache], processMemoryBytes: 1, sustainMs: 500 },
  });
  open.push(governor);
  governor.initializeTool('tool', undefined, undefined, { isolation: 'process' });
  await governor.execute('tool', knownUse('burn', 1));
  const children = async (): Promise<number> => {
    const { descendants = [] } = await sampleProcess(process.pid, { parts: ['descendants'] });
    return descendants.length;
  };
  const before = await children();
  const step = await new Promise<string>((resolve) => {
    governor.once('degraded', (event) => resolve(event.step));
  });
  expect(step).toMatch(/caches give up/);
  let now = before;
  for (let tries = 0; tries < 100 && now >= before; tries++) now = await children();
  expect(now).toBeLessThan(before);
});
