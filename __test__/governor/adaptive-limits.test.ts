import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import { sampleProcess } from '../../src/governor/index.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { governed, heard, hold } from './governed.ts';
import { eventually, isRunning, knownUse } from './known-use.ts';

describe('a tool over its limit', () => {
  it.skipIf(process.platform === 'win32')(
    'leaves the CPU to others, and its process is not used again [FAIR-CPU]',
    async () => {
      const governor = governed({ sampleIntervalMs: 20, thresholds: { dwellMs: 0 } });
      const limits = { maxFileHandles: 31.4 };
      governor.initializeTool('tool', limits, limits, { isolation: 'process' });
      const pids = async (): Promise<readonly number[]> => {
        const { descendants } = await sampleProcess(process.pid, { parts: ['descendants'] });
        return descendants ?? [];
      };
      const others = new Set(await pids());
      const { result, stop } = await hold(governor, 'openFiles', 'openSync', 30, 10_000);
      const pid = (await pids()).find((one) => !others.has(one));
      expect(await eventually(() => getPriority(pid) === 19)).toBe(true);
      stop();
      await result;
      expect(await eventually(() => !isRunning(pid!))).toBe(true);
    },
  );
});

describe('limits that adapt', () => {
  it('are raised at once for what a tool needs, and nobody waits [ADAPT-RAISE]', async () => {
    const governor = governed({ sampleIntervalMs: 20 });
    governor.initializeTool('tool', { maxFileHandles: 20 }, undefined, { isolation: 'process' });
    const adjusted = heard(governor, 'limits-adjusted');
    const throttled = heard(governor, 'throttled');
    const { result, stop } = await hold(governor, 'openFiles', 'openSync', 30, 10_000);
    expect(await eventually(() => governor.limits('tool').maxFileHandles > 30)).toBe(true);
    expect(await eventually(() => governor.status('tool') === 'normal')).toBe(true);
    expect(adjusted[0]).toMatchObject({
      toolId: 'tool',
      limit: 'maxFileHandles',
      from: 20,
      reason: expect.stringMatching(/^fileHandles of tool tool 20 → \d+(\.\d)?: /),
    });
    expect(await governor.execute('tool', knownUse('openFiles', 'openSync', 1, 0))).toBeDefined();
    expect(throttled).toEqual([]);
    stop();
    await result;
  });

  it('allow an execution the CPU time that its arguments explain [CPU-COMPLEXITY]', async () => {
    // Nothing raises the limit of the tool here.
    const governor = governed({ sampleIntervalMs: 20, raise: () => undefined });
    const limits = { maxCpuTimeMs: 500 };
    governor.initializeTool('tool', limits, { maxCpuTimeMs: 5_000 }, { isolation: 'worker' });
    const run = (ms: number, argumentBytes: number) =>
      governor.execute('tool', knownUse('burnThread', ms), { argumentBytes });
    const sizes = [20, 300, 60, 200, 40, 260, 100, 160, 30, 280, 80, 220, 50, 240, 120, 180];
    for (const ms of sizes) await run(ms, ms);
    const status = heard(governor, 'status');
    await run(1_500, 1_500);
    expect(governor.limits('tool').maxCpuTimeMs).toBe(500);
    expect(status.filter(({ to }) => to === 'critical' || to === 'emergency')).toEqual([]);
    // The same work for arguments that do not explain it.
    await expect(run(1_500, 10)).rejects.toMatchObject({ code: 'ERR_GRANARY_LIMIT_EXCEEDED' });
  });

  it('stay where they are without patternTracking, and nothing is learned [PATTERN-OFF]', async () => {
    const clock = new ManualClock();
    const governor = governed({ clock });
    governor.initializeTool('fixed', { maxCpuTimeMs: 10 }, undefined, { patternTracking: false });
    governor.initializeTool('free', { maxCpuTimeMs: 10 });
    const adjusted = heard(governor, 'limits-adjusted');
    for (const tool of ['fixed', 'free']) {
      await governor.execute(tool, () => {
        const end = process.cpuUsage().user + 15_000;
        while (process.cpuUsage().user < end);
      });
      clock.advance(1_000);
      governor.sync();
    }
    expect(adjusted.map(({ toolId }) => toolId)).toContain('free');
    expect(adjusted.map(({ toolId }) => toolId)).not.toContain('fixed');
    expect(governor.limits('fixed').maxCpuTimeMs).toBe(10);
    expect(governor.limits('free').maxCpuTimeMs).toBeGreaterThan(15);
    expect(governor.pattern('free').cpuTimeMs.averageUsage).toBeGreaterThan(10);
    expect(() => governor.pattern('fixed')).toThrow(/must be a tool with patternTracking/);
    expect(() => governor.advice('fixed')).toThrow(/must be a tool with patternTracking/);
  });

  it('are moved by raise alone where that is given [LIMITS-RAISE]', async () => {
    const clock = new ManualClock();
    const governor = governed({ clock, raise: () => undefined });
    governor.initializeTool('tool', { maxCpuTimeMs: 10 });
    await governor.execute('tool', () => {
      const end = process.cpuUsage().user + 15_000;
      while (process.cpuUsage().user < end);
    });
    clock.advance(1_000);
    governor.sync();
    expect(governor.limits('tool').maxCpuTimeMs).toBe(10);
    expect(governor.pattern('tool').cpuTimeMs.averageUsage).toBeGreaterThan(10);
  });

  it('are forgotten with their tool', async () => {
    const governor = governed();
    governor.initializeTool('tool');
    await governor.removeTool('tool');
    governor.initializeTool('tool');
    expect(governor.pattern('tool').memoryBytes.samples).toBe(0);
  });
});
