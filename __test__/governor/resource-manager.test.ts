import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { GranaryError } from '../../src/errors.ts';
import type { ToolOptions } from '../../src/governor/index.ts';
import { deferred } from '../support/deferred.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { governed, heard, hold } from './governed.ts';
import { eventually, isRunning, keepAliveServer, knownUse } from './known-use.ts';

const MIB = 1_048_576;

describe('limits of a tool', () => {
  it('are those of the seed where nothing else is said [LIMITS-DEFAULTS]', () => {
    const governor = governed();
    governor.initializeTool('tool');
    expect(governor.limits('tool')).toEqual({
      maxMemoryBytes: 100 * MIB,
      maxCpuTimeMs: 30_000,
      maxFileHandles: 50,
      maxNetworkConnections: 10,
    });
    expect(governor.status('tool')).toBe('normal');
    expect(governor.usage('tool').memoryBytes.value).toBe(0);
    expect(governor.history('tool')).toEqual([]);
  });

  it('have a status, entered and told of as use grows [LIMITS-STATUS]', async () => {
    const governor = governed({ sampleIntervalMs: 20 });
    governor.initializeTool('tool', { maxFileHandles: 36 }, undefined, { isolation: 'process' });
    const events = heard(governor, 'status');
    const { result, stop } = await hold(governor, 'openFiles', 'openSync', 30, 10_000);
    expect(await eventually(() => governor.status('tool') === 'warning')).toBe(true);
    expect(events).toMatchObject([
      {
        toolId: 'tool',
        resource: 'fileHandles',
        from: 'normal',
        to: 'warning',
        used: 30,
        limit: 36,
      },
    ]);
    stop();
    await result;
    expect(await eventually(() => governor.status('tool') === 'normal')).toBe(true);
  });

  it.each(['throttle', 'refuse'] as const)(
    'at critical %s new executions, and go on when it is over [LIMITS-CRITICAL]',
    async (criticalAction) => {
      const governor = governed({ sampleIntervalMs: 20, thresholds: { dwellMs: 100 } });
      const options: ToolOptions = { isolation: 'process', criticalAction, patternTracking: false };
      governor.initializeTool('tool', { maxFileHandles: 31.4 }, undefined, options);
      const throttled = heard(governor, 'throttled');
      const refused = heard(governor, 'refused');
      const { result, stop } = await hold(governor, 'openFiles', 'openSync', 30, 10_000);
      expect(await eventually(() => governor.status('tool') === 'critical')).toBe(true);
      const late = [1, 2, 3].map((n) => governor.execute('tool', knownUse('echo', n)));
      const outcomes = Promise.allSettled(late);
      if (criticalAction === 'refuse') {
        for (const outcome of await outcomes) {
          expect(outcome).toMatchObject({
            status: 'rejected',
            reason: { code: 'ERR_GRANARY_LIMIT_EXCEEDED' },
          });
        }
        expect(refused).toHaveLength(3);
      } else {
        expect(throttled.map(({ waiting }) => waiting)).toEqual([1, 2, 3]);
        expect(throttled[0]?.reason).toMatch(/3[01] file handles, its limit is 31.4/);
      }
      stop();
      await result;
      if (criticalAction === 'throttle') {
        expect((await outcomes).map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'));
      }
      expect(await eventually(() => governor.status('tool') === 'normal')).toBe(true);
      expect(await governor.execute('tool', knownUse('echo', 7))).toBe(7);
    },
  );

  it('bound how many wait, and for how long [LIMITS-WAITING]', async () => {
    const governor = governed({ sampleIntervalMs: 20, maxWaiting: 2, maxWaitMs: 200 });
    governor.initializeTool('tool', { maxFileHandles: 31.4 }, undefined, {
      isolation: 'process',
      patternTracking: false,
    });
    const { stop, result } = await hold(governor, 'openFiles', 'openSync', 30, 10_000);
    expect(await eventually(() => governor.status('tool') === 'critical')).toBe(true);
    const aborting = new AbortController();
    const late = [
      governor.execute('tool', knownUse('echo', 1)),
      governor.execute('tool', knownUse('echo', 2), { signal: aborting.signal }),
      governor.execute('tool', knownUse('echo', 3)),
    ];
    const outcomes = Promise.allSettled(late);
    aborting.abort(new Error('not needed any more'));
    expect(await outcomes).toMatchObject([
      { reason: { code: 'ERR_GRANARY_LIMIT_EXCEEDED' } },
      { reason: { message: 'not needed any more' } },
      {
        reason: {
          code: 'ERR_GRANARY_LIMIT_EXCEEDED',
          message: expect.stringContaining('file handles') as string,
        },
      },
    ]);
    stop();
    await result;
  });

  it('ask for a raise first, and act only where it is denied [LIMITS-RAISE]', async () => {
    const asked: unknown[] = [];
    const governor = governed({
      sampleIntervalMs: 20,
      raise: (request) => {
        asked.push(request);
        return request.limit < 40 ? request.limit + 10 : undefined;
      },
    });
    const options: ToolOptions = { isolation: 'process' };
    governor.initializeTool('tool', { maxFileHandles: 20 }, { maxFileHandles: 45 }, options);
    const adjusted = heard(governor, 'limits-adjusted');
    const { result, stop } = await hold(governor, 'openFiles', 'openSync', 30, 10_000);
    expect(await eventually(() => governor.limits('tool').maxFileHandles === 40)).toBe(true);
    expect(governor.status('tool')).toBe('normal');
    expect(asked[0]).toEqual({
      toolId: 'tool',
      resource: 'fileHandles',
      used: 30,
      limit: 20,
      max: 45,
    });
    expect(adjusted).toMatchObject([
      {
        limit: 'maxFileHandles',
        from: 20,
        to: 30,
        reason: '30 file handles used of 20 file handles',
      },
      { limit: 'maxFileHandles', from: 30, to: 40 },
    ]);
    stop();
    await result;
  });

  it.each([
    ['process', true],
    ['process', false],
    ['worker', true],
    ['worker', false],
  ] as const)(
    'end what goes beyond them in a %s, whether it heeds its signal (%s) or not [LIMITS-EMERGENCY]',
    async (isolation, heeds) => {
      const governor = governed({ sampleIntervalMs: 20 });
      const limits = { maxMemoryBytes: 40 * MIB };
      governor.initializeTool('tool', limits, limits, { isolation });
      const ended = heard(governor, 'execution-ended');
      const outcome = governor.execute('tool', knownUse('growBuffers', 2, 5, heeds));
      await expect(outcome).rejects.toMatchObject({
        code: 'ERR_GRANARY_LIMIT_EXCEEDED',
        message: expect.stringMatching(
          /^Resource limits exceeded: tool "tool" uses [\d.]+ MiB of memory, its limit is 40.0 MiB of memory; try again in 1 s$/,
        ) as string,
        data: { toolId: 'tool', resource: 'memoryBytes', limit: 40 * MIB },
      });
      expect(ended[0]).toMatchObject({ how: 'asked', resource: 'memoryBytes' });
      expect(governor.status('tool')).toBe('emergency');
      await expect(governor.execute('tool', knownUse('echo', 1))).rejects.toMatchObject({
        code: 'ERR_GRANARY_LIMIT_EXCEEDED',
        data: { retryAfterMs: 1_000 },
      });
      expect(governor.tracker.executions('tool')).toMatchObject([{ outcome: 'ended' }]);
      expect(await eventually(() => governor.status('tool') === 'normal')).toBe(true);
      expect(await governor.execute('tool', knownUse('echo', 1))).toBe(1);
    },
  );

  it('end an endless loop by its CPU time, others of the tool not [LIMITS-EMERGENCY]', async () => {
    const governor = governed({ sampleIntervalMs: 20 });
    const limits = { maxCpuTimeMs: 300 };
    governor.initializeTool('tool', limits, limits, { isolation: 'process' });
    const fine = hold(governor, 'holdBuffers', 1, 10_000);
    const loop = governor.execute('tool', knownUse('endless'));
    await expect(loop).rejects.toMatchObject({
      code: 'ERR_GRANARY_LIMIT_EXCEEDED',
      data: { resource: 'cpuTimeMs' },
    });
    const { result, stop } = await fine;
    stop();
    expect(await result).toBe(1);
  });

  it('end a fork bomb with all that it has started [LIMITS-FORK-BOMB]', async () => {
    const governor = governed({ sampleIntervalMs: 20 });
    const limits = { maxCpuTimeMs: 500 };
    governor.initializeTool('tool', limits, limits, { isolation: 'process' });
    let pids: readonly number[] = [];
    const bomb = governor.execute('tool', knownUse('forkBomb', 20), {
      onProgress: (told) => {
        pids = told as readonly number[];
      },
    });
    await expect(bomb).rejects.toMatchObject({ code: 'ERR_GRANARY_LIMIT_EXCEEDED' });
    expect(pids).toHaveLength(21);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it('do not act on estimates, unless they are to [LIMITS-ESTIMATES]', async () => {
    for (const enforceEstimates of [false, true]) {
      const governor = governed({ sampleIntervalMs: 20 });
      governor.initializeTool('tool', { maxFileHandles: 20 }, undefined, {
        enforceEstimates,
        patternTracking: false,
      });
      const { result, stop } = await hold(governor, 'openFiles', 'promises.open', 30, 10_000);
      expect(await eventually(() => governor.status('tool') === 'emergency')).toBe(true);
      const late = governor.execute('tool', () => 'begun');
      if (enforceEstimates) {
        await expect(late).rejects.toMatchObject({ code: 'ERR_GRANARY_LIMIT_EXCEEDED' });
      } else {
        expect(await late).toBe('begun');
        stop();
      }
      // Inline code is asked to end, which this one heeds.
      expect(await result.then(() => 'ended')).toBe('ended');
    }
  });

  it('act on sockets of an inline tool, which are exact [LIMITS-EMERGENCY]', async () => {
    const server = await keepAliveServer();
    const governor = governed({ sampleIntervalMs: 20 });
    const limits = { maxNetworkConnections: 10 };
    governor.initializeTool('tool', limits, limits);
    const ended = heard(governor, 'execution-ended');
    const { result } = await hold(governor, 'openSockets', 'net', 20, server.port, 10_000);
    await result;
    expect(ended).toMatchObject([{ resource: 'networkConnections', used: 20, how: 'asked' }]);
    server.close();
  });

  it('know what an execution has used that ended between two looks [LIMITS-STATUS]', async () => {
    const clock = new ManualClock();
    const governor = governed({ clock });
    governor.initializeTool('tool', { maxCpuTimeMs: 50 }, undefined, {
      isolation: 'process',
      patternTracking: false,
    });
    const events = heard(governor, 'status');
    await governor.execute('tool', knownUse('burn', 100));
    expect(events).toMatchObject([{ resource: 'cpuTimeMs', from: 'normal', to: 'emergency' }]);
    await expect(governor.execute('tool', knownUse('echo', 1))).rejects.toThrow(/limits exceeded/);
    clock.advance(500);
    governor.sync();
    clock.advance(1_000);
    governor.sync();
    expect(governor.status('tool')).toBe('normal');
    expect(await governor.execute('tool', knownUse('echo', 1))).toBe(1);
  });
});

describe('EnhancedResourceManager', () => {
  it('ends an execution after its time, or when its caller does not want it [GOVERNOR-ABORT]', async () => {
    const governor = governed();
    governor.initializeTool('inline');
    governor.initializeTool('process', undefined, undefined, { isolation: 'process' });
    const listening = governor.execute(
      'inline',
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
      { timeoutMs: 20 },
    );
    await expect(listening).rejects.toMatchObject({
      code: 'ERR_GRANARY_ABORTED',
      data: { toolId: 'inline', timeoutMs: 20 },
    });
    await expect(
      governor.execute('process', knownUse('endless'), { timeoutMs: 20 }),
    ).rejects.toMatchObject({ code: 'ERR_GRANARY_ABORTED' });
    const reason = new Error('not needed any more');
    await expect(
      governor.execute('process', knownUse('hang'), { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });

  it('lets no caller wait for inline code that does not heed its signal [GOVERNOR-ABORT]', async () => {
    const governor = governed({ inlineGraceMs: 30 });
    governor.initializeTool('tool');
    const forever = deferred<void>();
    await expect(
      governor.execute('tool', () => forever.promise, { timeoutMs: 10 }),
    ).rejects.toMatchObject({ code: 'ERR_GRANARY_ABORTED' });
    expect(governor.tracker.running('tool')).toHaveLength(1);
    forever.resolve();
    expect(await eventually(() => governor.tracker.running('tool').length === 0)).toBe(true);
  });

  it('runs 10,000 inline executions of 100 tools at once, and loses none [GOVERNOR-CONCURRENT]', async () => {
    const governor = governed({ sampleIntervalMs: 10, raise: ({ max }) => max });
    const tools = Array.from({ length: 100 }, (_, n) => `tool ${n}`);
    for (const tool of tools) governor.initializeTool(tool);
    governor.on('status', () => void governor.history('tool 0'));
    const results = await Promise.all(
      Array.from({ length: 10_000 }, async (_, n) => {
        const tool = tools[n % 100] ?? '';
        return await governor
          .execute(tool, async () => {
            await turn();
            // Code may call the governor: no lock is held while it runs.
            if (n % 1_000 === 0) governor.sync();
            if (n % 500 === 7) throw new Error('failed');
            return n;
          })
          .catch(() => -1);
      }),
    );
    expect(results.filter((result) => result === -1)).toHaveLength(20);
    for (const tool of tools) {
      const points = governor.history(tool);
      expect(points.reduce((sum, { executions }) => sum + executions, 0)).toBe(100);
      expect(governor.tracker.executionCount(tool)).toBe(100);
      expect(governor.tracker.running(tool)).toEqual([]);
    }
  });

  it('tells of what was left open, and of what could not be closed [GOVERNOR-CLEANUP]', async () => {
    const entries: unknown[] = [];
    const note = (level: string) => (message: string) => entries.push([level, message]);
    const logger = {
      debug: note('debug'),
      info: note('info'),
      warn: note('warn'),
      error: note('error'),
    };
    const governor = governed({
      inline: { leaks: 'close', backOffMs: [1], guessedLeaks: true },
      logger,
    });
    governor.initializeTool('tool', undefined, undefined);
    const leaked = heard(governor, 'leaked');
    const failed = heard(governor, 'cleanup-failed');
    await governor.execute('tool', () => void setInterval(() => undefined, 1_000));
    expect(leaked).toMatchObject([{ toolId: 'tool', leaks: [{ kind: 'timer', closed: true }] }]);
    expect(failed).toEqual([]);
    expect(entries).toEqual([['warn', 'tool tool left 1 handles open']]);
    // A descriptor without an owner is only guessed to be the tool's, and never closed.
    const { closeSync, openSync } = await import('node:fs');
    const fd = await governor.execute('tool', () => openSync(process.execPath, 'r'));
    expect(failed).toMatchObject([{ remaining: [{ kind: 'descriptor', id: fd, closed: false }] }]);
    expect(entries.at(-1)).toEqual(['error', 'tool tool left handles that could not be closed']);
    closeSync(fd);
  });

  it('removes a tool with what runs and waits of it [GOVERNOR-REMOVE]', async () => {
    const governor = governed();
    governor.initializeTool('tool', undefined, undefined, { isolation: 'process' });
    const running = governor.execute('tool', knownUse('endless'));
    const outcome = running.catch((error: unknown) => error);
    await governor.removeTool('tool');
    expect(await outcome).toMatchObject({ code: 'ERR_GRANARY_ABORTED', data: { toolId: 'tool' } });
    expect(() => governor.status('tool')).toThrow(/toolId must be/);
    governor.initializeTool('tool', { maxFileHandles: 3 });
    expect(governor.limits('tool').maxFileHandles).toBe(3);
  });

  it('ends all at its close, and runs nothing after it [GOVERNOR-CLOSE]', async () => {
    const governor = governed();
    governor.initializeTool('tool', undefined, undefined, { isolation: 'process' });
    const running = governor.execute('tool', knownUse('endless')).catch((error: unknown) => error);
    await Promise.all([governor.close(), governor.close()]);
    expect(await running).toMatchObject({ code: 'ERR_GRANARY_CLOSED' });
    await expect(governor.execute('tool', knownUse('echo', 1))).rejects.toBeInstanceOf(
      GranaryError,
    );
  });

  it.each<[string, () => unknown, RegExp]>([
    ['toolId', () => governed().initializeTool(''), /toolId must be a non-empty string, got ""/],
    [
      'baseLimits',
      () => governed().initializeTool('x', { maxMemoryBytes: -1 }),
      /baseLimits.maxMemoryBytes must be a number above 0; Infinity is no limit, got -1/,
    ],
    [
      'maxLimits',
      () => governed().initializeTool('x', { maxFileHandles: 9 }, { maxFileHandles: 8 }),
      /maxLimits.maxFileHandles must be a number from baseLimits.maxFileHandles \(9\), got 8/,
    ],
    [
      'unknown limit',
      () => governed().initializeTool('x', { memory: 1 } as never),
      /baseLimits must be an object of maxMemoryBytes/,
    ],
    [
      'isolation',
      () => governed().initializeTool('x', {}, {}, { isolation: 'vm' as never }),
      /isolation must be one of 'inline', 'worker', 'process', got "vm"/,
    ],
    ['interval', () => governed({ sampleIntervalMs: 1 }), /sampleIntervalMs must be .* got 1/],
    [
      'thresholds',
      () => governed({ thresholds: { warning: 0.99 } }),
      /thresholds.warning must be a number from 0 to 0.95, got 0.99/,
    ],
    ['event', () => governed().on('stauts' as never, () => undefined), /event must be one of/],
    [
      'order',
      () => governed({ degradation: { order: ['panic' as never] } }),
      /degradation.order must be one of/,
    ],
  ])('refuses a bad %s [GOVERNOR-OPTIONS]', (_name, call, message) => {
    expect(call).toThrow(message);
  });

  it('refuses bad executions, and goes on [GOVERNOR-OPTIONS]', async () => {
    const governor = governed();
    governor.initializeTool('tool', undefined, undefined, { isolation: 'worker' });
    await expect(governor.execute('other', () => 1)).rejects.toThrow(/toolId must be/);
    await expect(governor.execute('tool', () => 1)).rejects.toThrow(/task must be/);
    await expect(governor.execute('tool', knownUse('echo', 1), { timeoutMs: 0 })).rejects.toThrow(
      /timeoutMs must be/,
    );
    expect(() => governor.initializeTool('tool')).toThrow(/not initialised yet/);
    expect(await governor.execute('tool', knownUse('echo', 1))).toBe(1);
  });
});

it('a status that an estimate has brought about does not act when nothing is used any more [LIMITS-ESTIMATES]', async () => {
  const clock = new ManualClock();
  const governor = governed({ clock, thresholds: { dwellMs: 10_000 } });
  const limits = { maxMemoryBytes: 1 };
  governor.initializeTool('tool', limits, limits);
  const kept: unknown[] = [];
  // Memory of inline code is an estimate, and far beyond the limit.
  await governor.execute(
    'tool',
    () => void kept.push(Array.from({ length: 1_000_000 }, () => 1.5)),
  );
  governor.sync();
  expect(governor.status('tool')).toBe('emergency');
  clock.advance(1_000);
  governor.sync();
  expect(governor.status('tool')).toBe('emergency');
  expect(await governor.execute('tool', () => kept.length)).toBe(1);
});
