import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';

import { GranaryError } from '../../src/errors.ts';
import {
  EnhancedResourceManager,
  type EnhancedResourceManagerOptions,
  type GovernorEventDetails,
} from '../../src/governor/index.ts';
import { deferred } from '../support/deferred.ts';
import { eventually, knownUse } from './known-use.ts';

const MIB = 1_048_576;
const open: EnhancedResourceManager[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((governor) => governor.close()));
});

/** One that has room for one execution of 100 MiB besides what this process holds. */
function governed(options: EnhancedResourceManagerOptions = {}) {
  const governor = new EnhancedResourceManager({
    sampleIntervalMs: 20,
    worker: { graceMs: 50 },
    admission: { memoryBytes: process.memoryUsage.rss() + 180 * MIB, cpuCores: 64 },
    ...options,
  });
  open.push(governor);
  governor.initializeTool('tool', { maxMemoryBytes: 1_000 * MIB }, undefined, {
    isolation: 'worker',
    expectedMemoryBytes: 100 * MIB,
  });
  const throttled: GovernorEventDetails['throttled'][] = [];
  governor.on('throttled', (event) => throttled.push(event));
  return { governor, throttled };
}

/** Starts a tool that holds two MiB until it is told to end. */
function hold(
  governor: EnhancedResourceManager,
  signal?: AbortSignal,
  known: { readonly argumentBytes?: number } = {},
) {
  const held = deferred<void>();
  const stop = new AbortController();
  const result = governor.execute('tool', knownUse('holdBuffers', 2, 60_000), {
    signal: signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]),
    onProgress: () => held.resolve(),
    ...known,
  });
  result.catch(() => undefined);
  return { result, held: held.promise, stop: () => stop.abort(new Error('enough')) };
}

const running = (governor: EnhancedResourceManager) => governor.tracker.running('tool').length;

describe('an execution that does not fit', () => {
  it('waits until another has ended, and is told of in numbers [ADMIT-RESERVED, ADMIT-REASON, ADMIT-COLD]', async () => {
    const { governor, throttled } = governed();
    const first = hold(governor);
    await first.held;
    const second = hold(governor);
    expect(running(governor)).toBe(1);
    expect(throttled).toHaveLength(1);
    expect(throttled[0]).toMatchObject({ toolId: 'tool', waiting: 1 });
    expect(throttled[0]!.reason).toMatch(
      /^tool "tool" is expected to need 1[01]\d\.\d MiB of memory \(0 executions known, too few for such arguments\), \d+\.\d MiB of \d+\.\d MiB are what 1 executions and the rest need$/,
    );
    first.stop();
    await second.held;
    expect(running(governor)).toBe(1);
    second.stop();
    await Promise.all([first.result, second.result]);
  });

  it('begins all the same where nothing else runs [ADMIT-IDLE]', async () => {
    const { governor, throttled } = governed({ admission: { memoryBytes: 1 } });
    expect(await governor.execute('tool', knownUse('holdBuffers', 1, 1))).toBe(1);
    expect(throttled).toEqual([]);
  });

  it('leaves by its signal, and by patience with when to try again [ADMIT-LEAVE]', async () => {
    const { governor } = governed({ maxWaitMs: 300 });
    const first = hold(governor);
    await first.held;
    const leaving = new AbortController();
    const second = hold(governor, leaving.signal);
    leaving.abort(new Error('not wanted any more'));
    await expect(second.result).rejects.toThrow('not wanted any more');
    const third = hold(governor);
    await expect(third.result).rejects.toMatchObject({
      code: 'ERR_GRANARY_LIMIT_EXCEEDED',
      data: { toolId: 'tool', retryAfterMs: 1_000 },
    });
    expect(governor.count('refused')).toBe(1);
    first.stop();
  });

  it('is refused where as many wait as may [ADMIT-LEAVE]', async () => {
    const { governor } = governed({ maxWaiting: 1 });
    const first = hold(governor);
    await first.held;
    hold(governor);
    await expect(hold(governor).result).rejects.toThrow(/1 executions of tool "tool" wait already/);
    first.stop();
  });

  it.each(['removeTool', 'close'] as const)('is turned away by %s [ADMIT-LEAVE]', async (how) => {
    const { governor } = governed();
    const first = hold(governor);
    await first.held;
    const second = hold(governor);
    await (how === 'close' ? governor.close() : governor.removeTool('tool'));
    await expect(second.result).rejects.toMatchObject({
      code: how === 'close' ? 'ERR_GRANARY_CLOSED' : 'ERR_GRANARY_ABORTED',
    });
  });
});

describe('an execution in a process of its own', () => {
  /** Holds so much in a process until it is told to end. */
  function holdInProcess(governor: EnhancedResourceManager, mebibytes: number) {
    const held = deferred<void>();
    const stop = new AbortController();
    const result = governor.execute('child', knownUse('holdBuffers', mebibytes, 60_000), {
      signal: stop.signal,
      onProgress: () => held.resolve(),
    });
    result.catch(() => undefined);
    return { result, held: held.promise, stop: () => stop.abort(new Error('enough')) };
  }

  function governedProcess(roomMib: number) {
    const memoryBytes = process.memoryUsage.rss() + roomMib * MIB;
    const { governor, throttled } = governed({
      process: { graceMs: 50 },
      admission: { memoryBytes, cpuCores: 64 },
    });
    governor.initializeTool('child', { maxMemoryBytes: 1_000 * MIB }, undefined, {
      isolation: 'process',
      expectedMemoryBytes: 100 * MIB,
    });
    return { governor, throttled };
  }

  it('waits for the memory of another process, which this one does not hold [ADMIT-PROCESS]', async () => {
    // For one process of 100 MiB, and not for two.
    const { governor, throttled } = governedProcess(230);
    const first = holdInProcess(governor, 2);
    await first.held;
    const second = holdInProcess(governor, 2);
    expect(throttled).toHaveLength(1);
    expect(throttled[0]?.reason).toMatch(
      /^tool "child" is expected to need 1[2-6]\d\.\d MiB of memory .* are what 1 executions and the rest need$/,
    );
    first.stop();
    await second.held;
    expect(governor.tracker.running('child')).toHaveLength(1);
    second.stop();
    await Promise.all([first.result, second.result]);
  });

  it('counts by what it holds where that is more than was expected [ADMIT-PROCESS]', async () => {
    // For two processes of 100 MiB, if they keep to that.
    const { governor, throttled } = governedProcess(400);
    const [small, other] = [holdInProcess(governor, 2), holdInProcess(governor, 2)];
    await Promise.all([small.held, other.held]);
    expect(throttled).toEqual([]);
    for (const { stop } of [small, other]) stop();
    await Promise.all([small.result, other.result]);
    const large = holdInProcess(governor, 300);
    await large.held;
    const held = () =>
      governor.tracker.running('child').reduce((sum, one) => sum + one.usage.memoryBytes.value, 0);
    expect(await eventually(() => held() > 280 * MIB)).toBe(true);
    const next = holdInProcess(governor, 2);
    expect(throttled).toHaveLength(1);
    large.stop();
    await next.held;
    next.stop();
    await Promise.all([large.result, next.result]);
  });
});

describe('what is reserved', () => {
  it('follows from the executions before, and their arguments where these explain [ADMIT-EXPLAINED, ADMIT-RESERVED]', async () => {
    const { governor, throttled } = governed();
    for (const mebibytes of [2, 30, 5, 20, 10, 25, 15, 3, 28, 12]) {
      const task = knownUse('holdBuffers', mebibytes, 60);
      await governor.execute('tool', task, { argumentBytes: mebibytes });
    }
    // Several of 2 MiB fit now, besides one of 30 that is not yet there.
    const several = [1, 2, 3].map(() => hold(governor, undefined, { argumentBytes: 2 }));
    await Promise.all(several.map(({ held }) => held));
    expect(throttled).toEqual([]);
    const large = governor.execute('tool', knownUse('holdBuffers', 1, 1), { argumentBytes: 400 });
    expect(throttled[0]?.reason).toMatch(
      /a line on argument size \(rank correlation (0\.9\d|1\.00) over/,
    );
    for (const { stop } of several) stop();
    expect(await large).toBe(1);
  });

  it('is CPU too: one more begins each second all the same [ADMIT-CPU]', async () => {
    const { governor, throttled } = governed({ admission: { cpuCores: 0.5 } });
    const first = hold(governor);
    await governor.execute('tool', knownUse('holdBuffers', 1, 1));
    expect(throttled[0]?.reason).toMatch(
      /^tool "tool" is expected to need 0\.50 CPU cores, 0\.50 of 0\.5 are what 1 executions/,
    );
    first.stop();
    await first.result;
  });

  it('is nothing where admission is false [ADMIT-OPTIONS]', async () => {
    const { governor, throttled } = governed({ admission: false });
    const both = [hold(governor), hold(governor)];
    await Promise.all(both.map(({ held }) => held));
    expect(running(governor)).toBe(2);
    expect(throttled).toEqual([]);
    for (const { stop } of both) stop();
  });

  it.each([{ memoryBytes: 0 }, { cpuCores: 0 }, { cpuCores: Number.NaN }, { coldStartShare: 1.5 }])(
    'cannot be %j [ADMIT-OPTIONS]',
    (admission) => {
      expect(() => new EnhancedResourceManager({ admission })).toThrow(GranaryError);
    },
  );

  it('refuses sizes of arguments and expectations that are none [ADMIT-OPTIONS]', async () => {
    const { governor } = governed();
    const task = knownUse('holdBuffers', 1, 1);
    await expect(governor.execute('tool', task, { argumentBytes: -1 })).rejects.toMatchObject({
      code: 'ERR_GRANARY_BAD_OPTION',
    });
    expect(() =>
      governor.initializeTool('other', undefined, undefined, { expectedMemoryBytes: -1 }),
    ).toThrow(GranaryError);
  });

  it('is for inline tools too that are large, where their estimates are enforced [ADMIT-RESERVED]', async () => {
    const { governor, throttled } = governed({
      // Less than this process holds: whoever reserves waits until nothing else runs.
      admission: { memoryBytes: 1 },
    });
    governor.initializeTool('inline', { maxMemoryBytes: 1_000 * MIB }, undefined, {
      enforceEstimates: true,
    });
    const kept: Buffer[] = [];
    // What is kept cannot be memory that was free already: the process grows by it.
    const large = () =>
      governor.execute('inline', async () => {
        kept.push(Buffer.alloc(40 * MIB, 1));
        await sleep(20);
        return kept.length;
      });
    for (let n = 1; n <= 4; n++) expect(await large()).toBe(n);
    const results = Promise.all([large(), large(), large()]);
    expect(throttled.map(({ toolId }) => toolId)).toEqual(['inline', 'inline']);
    expect(await results).toEqual([5, 6, 7]);
  });
});
