import { openSync, closeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Execution, Isolation } from '../../src/governor/execution.ts';
import {
  InlineIsolation,
  ProcessIsolation,
  ResourceTracker,
  sampleProcess,
  WorkerIsolation,
} from '../../src/governor/index.ts';
import { RESOURCES } from '../../src/governor/resource-limits.ts';
import { deferred } from '../support/deferred.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { eventually, keepAliveServer, knownUse } from './known-use.ts';

const MIB = 1_048_576;
/** What a page more or less of the process makes, and what looking costs. */
const RESOLUTION = { memoryBytes: 8 * MIB, cpuTimeMs: 20, fileHandles: 3, networkConnections: 0 };

let server: { port: number; close: () => void };
const isolations: Record<'inline' | 'worker' | 'process', Isolation> = {
  inline: new InlineIsolation(),
  worker: new WorkerIsolation({ graceMs: 100 }),
  process: new ProcessIsolation({ graceMs: 100 }),
};
beforeAll(async () => {
  server = await keepAliveServer();
});
afterAll(async () => {
  await Promise.all(Object.values(isolations).map((isolation) => isolation.close()));
  server.close();
});

/** Starts tools and waits until each says that it holds what it takes. */
async function holding(
  tracker: ResourceTracker,
  tools: readonly (readonly [keyof typeof isolations, string, ...unknown[]])[],
) {
  const executions: Execution[] = [];
  for (const [kind, name, ...args] of tools) {
    const held = deferred<void>();
    const execution = tracker.track(
      isolations[kind].start(`${kind} ${name}`, knownUse(name, ...args), {
        onProgress: () => held.resolve(),
      }),
    );
    await Promise.race([held.promise, execution.result]);
    executions.push(execution);
  }
  return async () => {
    for (const execution of executions) execution.stop(new Error('enough'));
    await Promise.allSettled(executions.map(({ result }) => result));
  };
}

describe('ResourceTracker', () => {
  it('divides the whole process among tools and the rest under mixed load [TRACKER-SUM]', async () => {
    const tracker = new ResourceTracker();
    const burning = (['inline', 'worker', 'process'] as const).flatMap((kind) =>
      [1, 2].map((n) =>
        tracker.track(isolations[kind].start(`burn ${n}`, knownUse('burn', 150), {})),
      ),
    );
    const stop = await holding(tracker, [
      ['inline', 'holdBuffers', 32, 20_000],
      ['worker', 'holdBuffers', 32, 20_000],
      ['process', 'holdBuffers', 32, 20_000],
      ['inline', 'openFiles', 'promises.open', 20, 20_000],
      ['inline', 'openSockets', 'net', 10, server.port, 20_000],
      ['process', 'openSockets', 'net', 10, server.port, 20_000],
    ]);
    for (let look = 0; look < 20; look++) {
      const account = await tracker.account();
      for (const resource of RESOURCES) {
        const ofTools = [...account.tools.values()].reduce((sum, one) => sum + one[resource], 0);
        expect(ofTools + account.shared[resource]).toBeCloseTo(account.process[resource], 3);
        expect(account.shared[resource], resource).toBeGreaterThanOrEqual(-RESOLUTION[resource]);
      }
    }
    await stop();
    await Promise.all(burning.map(({ result }) => result));
  });

  it('leaves to the rest what the idle process uses, within 10 % [TRACKER-SHARED]', async () => {
    // A thread takes 10 MiB of its own, and what runs for the first time loads code: both are nobody's.
    const warm = await holding(new ResourceTracker(), [
      ['inline', 'holdBuffers', 1, 20_000],
      ['worker', 'holdBuffers', 1, 20_000],
      ['process', 'holdBuffers', 1, 20_000],
    ]);
    await warm();
    const tracker = new ResourceTracker();
    const { shared: idle } = await tracker.account();
    const stop = await holding(tracker, [
      ['worker', 'holdBuffers', 64, 20_000],
      ['process', 'holdBuffers', 64, 20_000],
      ['inline', 'openFiles', 'promises.open', 30, 20_000],
    ]);
    const { shared } = await tracker.account();
    await stop();
    expect(Math.abs(shared.memoryBytes - idle.memoryBytes) / idle.memoryBytes).toBeLessThan(0.1);
    expect(Math.abs(shared.fileHandles - idle.fileHandles)).toBeLessThanOrEqual(
      Math.max(RESOLUTION.fileHandles, idle.fileHandles * 0.1),
    );
  });

  it('knows each execution, while it runs and after [TRACKER-EXECUTIONS]', async () => {
    const clock = new ManualClock();
    const tracker = new ResourceTracker({ clock, keptExecutions: 2 });
    const stop = await holding(tracker, [['process', 'openFiles', 'openSync', 30, 20_000]]);
    const toolId = 'process openFiles';
    expect(tracker.usage(toolId).fileHandles).toMatchObject({ confidence: 'exact' });
    const handles = () => tracker.usage(toolId).fileHandles.ids.length;
    expect(await eventually(() => handles() === 30)).toBe(true);
    expect(tracker.running(toolId)).toMatchObject([{ toolId, isolation: 'process' }]);
    clock.advance(5_000);
    await stop();
    expect(tracker.running(toolId)).toEqual([]);
    expect(tracker.usage(toolId).fileHandles.ids).toEqual([]);
    const [record] = tracker.executions(toolId);
    expect(record).toMatchObject({ toolId, isolation: 'process', startedAtMs: 1_000_000 });
    expect(record?.endedAtMs).toBe(1_005_000);
    expect(record?.peak.fileHandles.ids).toHaveLength(30);
    expect(tracker.history(toolId).map(({ fileHandles }) => fileHandles)).toContain(30);
    for (let i = 0; i < 5; i++) {
      await tracker.track(isolations.inline.start(toolId, () => i, {})).result;
    }
    expect(tracker.executionCount(toolId)).toBe(6);
    expect(tracker.executions(toolId)).toHaveLength(2);
  });

  it('counts what was open before as nobody’s [TRACKER-SHARED]', async () => {
    const tracker = new ResourceTracker();
    const before = (await tracker.account()).shared.fileHandles;
    const fds = Array.from({ length: 20 }, () => openSync(process.execPath, 'r'));
    const { shared } = await tracker.account();
    for (const fd of fds) closeSync(fd);
    expect(shared.fileHandles - before).toBeGreaterThanOrEqual(20);
    expect(await eventually(() => tracker.tools.length === 0)).toBe(true);
  });

  it('counts sockets as the sampler does [TRACKER-SUM]', async () => {
    const tracker = new ResourceTracker();
    const { sockets = [] } = await sampleProcess(process.pid, { parts: ['sockets'] });
    const network = sockets.filter(({ protocol }) => protocol !== 'other').length;
    expect((await tracker.account()).process.networkConnections).toBe(network);
  });

  it.each([
    [{ keptExecutions: -1 }, /keptExecutions must be an integer from 0 to 10000, got -1/],
    [{ clock: {} }, /clock must be an object with now/],
  ])('refuses %j [TRACKER-EXECUTIONS]', (options, message) => {
    expect(() => new ResourceTracker(options as never)).toThrow(message);
    expect(() => new ResourceTracker().usage('nobody')).toThrow(/toolId must be/);
  });
});
