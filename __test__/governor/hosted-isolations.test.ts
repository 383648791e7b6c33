import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GranaryError } from '../../src/errors.ts';
import type { Isolation } from '../../src/governor/execution.ts';
import { ProcessIsolation } from '../../src/governor/process-isolation.ts';
import { WorkerIsolation } from '../../src/governor/worker-isolation.ts';
import { eventually, isRunning, keepAliveServer, knownUse, whileHolding } from './known-use.ts';

const MIB = 1_048_576;
const none = {};
let server: { port: number; close: () => void };

beforeAll(async () => {
  server = await keepAliveServer();
});
afterAll(() => server.close());

/** Expects a figure within 10 % of the truth. */
function expectWithinTenth(actual: number, truth: number): void {
  expect(actual / truth).toBeGreaterThan(0.9);
  expect(actual / truth).toBeLessThan(1.1);
}

/** What listens ends by itself, on a busy machine too. */
const LONG_GRACE_MS = 10_000;

const kinds: readonly (readonly [string, (graceMs: number) => Isolation])[] = [
  ['worker', (graceMs) => new WorkerIsolation({ graceMs })],
  ['process', (graceMs) => new ProcessIsolation({ graceMs })],
];

describe.each(kinds)('a tool in a %s', (kind, create) => {
  let isolation: Isolation;
  beforeEach(() => {
    isolation = create(LONG_GRACE_MS);
  });
  afterEach(() => isolation.close());

  it('is charged with its CPU within 10 % where calls overlap [ISOLATION-CPU]', async () => {
    const burn = kind === 'process' ? 'burn' : 'burnThread';
    // To load and compile a module is a tool's own use too, but not one that it could measure.
    const warm = [1, 2].map(() => isolation.start('warm', knownUse(burn, 20), none));
    await Promise.all(warm.map(({ result }) => result));
    const greedy = isolation.start('greedy', knownUse(burn, 720), none);
    const modest = isolation.start('modest', knownUse(burn, 240), none);
    await Promise.all([greedy.result, modest.result]);
    expectWithinTenth(greedy.usage().cpuTimeMs.value, (await greedy.result) as number);
    expectWithinTenth(modest.usage().cpuTimeMs.value, (await modest.result) as number);
    expect(greedy.usage().cpuTimeMs.confidence).toBe(kind === 'process' ? 'exact' : 'thread');
  });

  it.each(
    kind === 'process' ? ['holdHeap', 'holdBuffers', 'holdNative'] : ['holdHeap', 'holdBuffers'],
  )('is charged with the 64 MiB of %s within 10 % [ISOLATION-MEMORY]', async (tool) => {
    const execution = await whileHolding(isolation, knownUse(tool, 64, 10_000), (running) => {
      expectWithinTenth(running.usage().memoryBytes.value / MIB, 64);
    });
    expectWithinTenth(execution.usage().memoryBytes.value / MIB, 64);
  });

  it.each(['openSync', 'promises.open', 'stream'])(
    'is charged with the 30 descriptors of %s [ISOLATION-HANDLES]',
    async (how) => {
      await whileHolding(isolation, knownUse('openFiles', how, 30, 10_000), async (running) => {
        expect(await eventually(() => running.usage().fileHandles.ids.length === 30)).toBe(true);
        expect(running.usage().fileHandles.confidence).toBe(
          kind === 'process' ? 'exact' : 'estimate',
        );
      });
    },
  );

  it.each(['net', 'http', 'fetch'])(
    'is charged with the 20 sockets of %s [ISOLATION-HANDLES]',
    async (how) => {
      const task = knownUse('openSockets', how, 20, server.port, 10_000);
      await whileHolding(isolation, task, async (running) => {
        const count = () => running.usage().networkConnections.ids.length;
        expect(await eventually(() => count() === 20)).toBe(true);
      });
    },
  );

  it('answers, tells progress, and gets what it is given [ISOLATION-PASSES]', async () => {
    const progress: unknown[] = [];
    const value = { at: new Date(7), map: new Map([['a', 1n]]), bytes: new Uint8Array([1, 2]) };
    const execution = isolation.start('echo', knownUse('echo', value), {
      onProgress: (step) => progress.push(step),
    });
    expect(await execution.result).toEqual(value);
    expect(progress).toEqual([{ half: true }]);
    expect(execution.leaks()).toEqual([]);
  });

  it('fails with its own error, stack, cause and code [ISOLATION-ERRORS]', async () => {
    const failing = isolation.start('fail', knownUse('fail'), none).result;
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'TypeError',
      message: 'it failed',
      code: 'E_TOOL',
      cause: { message: 'deeper', cause: 42 },
    });
    expect((error as Error).stack).toContain('known-use.fixture.mjs');
  });

  it('is asked to stop, and told why [ISOLATION-SIGNAL]', async () => {
    const asked = new AbortController();
    const execution = isolation.start('waiting', knownUse('waitForAbort'), {
      signal: asked.signal,
      onProgress: () => asked.abort(new Error('not needed any more')),
    });
    expect(await execution.result).toBe('not needed any more');
  });

  it.each(['endless', 'hang'])(
    'is ended where it does not listen: %s [ISOLATION-KILL]',
    async (tool) => {
      const impatient = create(100);
      const reason = new Error('over its limit');
      const stopped = impatient.start(tool, knownUse(tool), {
        onProgress: () => stopped.stop(reason),
      });
      const killed = impatient.start(tool, knownUse(tool), {
        onProgress: () => void killed.kill(reason),
      });
      await expect(stopped.result).rejects.toBe(reason);
      await expect(killed.result).rejects.toBe(reason);
      await impatient.close();
    },
  );

  it('tells how it ended where it ends itself [ISOLATION-CRASH]', async () => {
    const error: unknown = await isolation
      .start('exiting', knownUse('exitNow', 3), none)
      .result.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GranaryError);
    expect(error).toMatchObject({ code: 'ERR_GRANARY_ABORTED', data: { exitCode: 3 } });
    const uncaught = isolation.start('failing', knownUse('failLater'), none);
    await expect(uncaught.result).rejects.toThrow('nobody caught it');
    expect(await isolation.start('echo', knownUse('echo', 1), none).result).toBe(1);
  });

  it('leaves nothing where it leaks [ISOLATION-LEAKS]', async () => {
    const closing =
      kind === 'process'
        ? new ProcessIsolation({ leaks: 'close' })
        : new WorkerIsolation({ leaks: 'close' });
    const execution = closing.start<number>(
      'leaking',
      knownUse('leakEverything', server.port),
      none,
    );
    const pid = await execution.result;
    expect(
      execution
        .leaks()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['descriptor', 'process', 'socket', 'timer']);
    expect(execution.leaks().filter(({ closed }) => !closed)).toEqual([]);
    expect(isRunning(pid)).toBe(false);
    await closing.close();
  });

  it('can be no function, and says so [ISOLATION-PASSES]', () => {
    expect(() => isolation.start('tool', () => 1, none)).toThrow('task must be an object { module');
  });
});

describe('a worker', () => {
  it('moves what is transferred, to and fro [ISOLATION-PASSES]', async () => {
    const isolation = new WorkerIsolation();
    const buffer = new ArrayBuffer(8);
    const task = { ...knownUse('moveBack', buffer), transfer: [buffer] };
    const result = await isolation.start<ArrayBuffer>('moving', task, none).result;
    expect(buffer.byteLength).toBe(0);
    expect([...new Uint8Array(result)]).toEqual([7, 7, 7, 7, 7, 7, 7, 7]);
    await isolation.close();
  });
});

describe('a process', () => {
  it('pays for its descendants, those that have ended too [ISOLATION-CPU]', async () => {
    const isolation = new ProcessIsolation();
    const execution = isolation.start('parent', knownUse('burnInChild', 300), none);
    await execution.result;
    const { value } = execution.usage().cpuTimeMs;
    expect(value).toBeGreaterThan(290);
    expect(value).toBeLessThan(400);
    await isolation.close();
  });

  it('is ended with all that it started, what left the tree included [ISOLATION-KILL]', async () => {
    const isolation = new ProcessIsolation({ graceMs: 50 });
    let pids: readonly number[] = [];
    const execution = isolation.start('bomb', knownUse('forkBomb', 20), {
      onProgress: (started) => {
        pids = started as readonly number[];
        void execution.kill(new Error('a bomb'));
      },
    });
    await expect(execution.result).rejects.toThrow('a bomb');
    expect(pids).toHaveLength(21);
    expect(pids.filter(isRunning)).toEqual([]);
    await isolation.close();
  });

  it('tells by which signal it was ended [ISOLATION-CRASH]', async () => {
    const isolation = new ProcessIsolation();
    const crashing = isolation.start('crashing', knownUse('crash'), none);
    await expect(crashing.result).rejects.toMatchObject({ data: { signal: 'SIGSEGV' } });
    await isolation.close();
  });
});
