import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { EnhancedResourceManager } from '../../src/governor/index.ts';
import { eventually, isRunning } from './known-use.ts';

const MIB = 1_048_576;
const governors: EnhancedResourceManager[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  await Promise.all(governors.splice(0).map((governor) => governor.close()));
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function governed(): EnhancedResourceManager {
  const governor = new EnhancedResourceManager({ sampleIntervalMs: 20 });
  governors.push(governor);
  return governor;
}

async function started(program: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', `${program}; console.log('begun')`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

describe('governProcess', () => {
  it('measures a process that somebody else has started, until it ends [GOVERN-PROCESS]', async () => {
    const child = await started(
      'const fs = require("fs"); for (let i = 0; i < 40; i++) fs.openSync(process.execPath); setTimeout(() => undefined, 60_000)',
    );
    const governor = governed();
    const { toolId, ended, pid } = governor.governProcess(child, { maxFileHandles: 1_000 });
    expect([toolId, pid]).toEqual([`process ${child.pid}`, child.pid]);
    const handles = () => governor.usage(toolId).fileHandles.ids.length;
    expect(await eventually(() => handles() >= 40)).toBe(true);
    const { memoryBytes } = governor.usage(toolId);
    expect(memoryBytes).toMatchObject({ confidence: 'exact' });
    expect(memoryBytes.value).toBeGreaterThan(20 * MIB);
    child.kill();
    await ended;
    expect(governor.tracker.executions(toolId)).toMatchObject([{ outcome: 'completed' }]);
    expect(governor.history(toolId).length).toBeGreaterThan(0);
  });

  it.each([
    ['by its ChildProcess', (child: ChildProcess) => child],
    ['by its number', (child: ChildProcess) => child.pid ?? 0],
  ])(
    'ends it over a limit, with what it has started, %s [GOVERN-PROCESS]',
    async (_how, target) => {
      const child = await started(
        `const { spawn } = require('child_process'); const { pid } = spawn('sleep', ['300']);
       process.on('SIGTERM', () => {}); const kept = [];
       setInterval(() => kept.push(Buffer.alloc(4 * ${MIB}, 1)), 5); console.log(pid)`,
      );
      const governor = governed();
      const ends: unknown[] = [];
      governor.on('execution-ended', (event) => ends.push(event));
      const { ended, toolId } = governor.governProcess(
        target(child),
        { maxMemoryBytes: 150 * MIB },
        { toolId: 'other server', graceMs: 50 },
      );
      await ended;
      expect(ends[0]).toMatchObject({
        toolId: 'other server',
        resource: 'memoryBytes',
        how: 'asked',
      });
      expect(governor.tracker.executions(toolId)).toMatchObject([{ outcome: 'ended' }]);
      expect(isRunning(child.pid ?? 0)).toBe(false);
    },
  );

  it('lets go of it, and it runs on [GOVERN-PROCESS]', async () => {
    const child = await started('setTimeout(() => undefined, 60_000)');
    const governor = governed();
    const { release, ended } = governor.governProcess(child, { maxMemoryBytes: 1 });
    release();
    await ended;
    await governor.close();
    expect(isRunning(child.pid ?? 0)).toBe(true);
  });

  it('leaves it alone when the governor closes [GOVERN-PROCESS]', async () => {
    const child = await started('setTimeout(() => undefined, 60_000)');
    const governor = governed();
    const { ended } = governor.governProcess(child, {});
    await governor.close();
    await ended;
    expect(isRunning(child.pid ?? 0)).toBe(true);
  });

  it.each([
    [0, /target must be the number of a process/],
    [-5, /target must be the number of a process/],
    [2 ** 22 + 1, /target must be the number of a process/],
    [process.pid, /target must be another process than this one/],
    [{}, /target must be the number of a process/],
  ])('refuses %s, and remembers nothing of it [GOVERN-PROCESS]', async (target, message) => {
    const governor = governed();
    expect(() => governor.governProcess(target as number, {}, { toolId: 'x' })).toThrow(message);
    expect(governor.hasTool('x')).toBe(false);
    const child = await started('setTimeout(() => process.exit(), 10)');
    if (child.exitCode === null) await once(child, 'exit');
    expect(await eventually(() => !isRunning(child.pid ?? 0))).toBe(true);
    expect(() => governor.governProcess(child, {})).toThrow(/target must be/);
  });
});
