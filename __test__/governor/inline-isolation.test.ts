import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InlineIsolation } from '../../src/governor/inline-isolation.ts';
import { eventually, keepAliveServer, knownUse, whileHolding } from './known-use.ts';

const MIB = 1_048_576;
const none = {};
/** A full collection, which Node offers behind a flag only. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

let isolation: InlineIsolation;
let server: { port: number; close: () => void };

beforeAll(async () => {
  server = await keepAliveServer();
  // The first import of a module costs what no tool has used.
  const warm = new InlineIsolation();
  await warm.start('warm', knownUse('burn', 0), none).result;
  await warm.close();
});
afterAll(() => server.close());
beforeEach(() => {
  isolation = new InlineIsolation();
});
afterEach(() => isolation.close());

describe('an inline tool is charged', () => {
  it('with its CPU within 20 % where calls overlap [ISOLATION-INLINE-CPU]', async () => {
    const greedy = isolation.start<number>('greedy', knownUse('burn', 240), none);
    const modest = isolation.start<number>('modest', knownUse('burn', 80), none);
    const [trueGreedyMs, trueModestMs] = await Promise.all([greedy.result, modest.result]);
    const [greedyMs, modestMs] = [greedy.usage().cpuTimeMs, modest.usage().cpuTimeMs];
    expect(greedyMs.value / trueGreedyMs).toBeGreaterThan(0.8);
    expect(greedyMs.value / trueGreedyMs).toBeLessThan(1.2);
    expect(modestMs.value / trueModestMs).toBeGreaterThan(0.8);
    expect(modestMs.value / trueModestMs).toBeLessThan(1.2);
    expect(greedyMs.confidence).toBe('thread');
  });

  it.each(['holdHeap', 'holdBuffers'])(
    'with about the memory that %s holds, as an estimate [ISOLATION-INLINE-ESTIMATES]',
    async (tool) => {
      // What an earlier tool left to the collector would be given back meanwhile.
      collectGarbage();
      await sleep(100);
      await whileHolding(isolation, knownUse(tool, 64, 10_000), async (execution) => {
        await sleep(5);
        const { value, confidence } = execution.usage().memoryBytes;
        expect(value / MIB).toBeGreaterThan(40);
        expect(value / MIB).toBeLessThan(130);
        expect(confidence).toBe('estimate');
      });
    },
  );

  it.each(['openSync', 'promises.open', 'stream'])(
    'with the 30 descriptors of %s, as an estimate [ISOLATION-INLINE-ESTIMATES]',
    async (how) => {
      const execution = await whileHolding(
        isolation,
        knownUse('openFiles', how, 30, 10_000),
        async (execution) => {
          expect(await eventually(() => execution.usage().fileHandles.ids.length === 30)).toBe(
            true,
          );
        },
      );
      expect(execution.usage().fileHandles.ids).toHaveLength(30);
      expect(execution.leaks()).toEqual([]);
    },
  );

  it.each(['net', 'http', 'fetch'])(
    'with exactly the 20 sockets that it opens by %s [ISOLATION-INLINE-SOCKETS]',
    async (how) => {
      const bystander = isolation.start('bystander', () => sleep(200), none);
      await whileHolding(
        isolation,
        knownUse('openSockets', how, 20, server.port, 10_000),
        (execution) => {
          const { ids, confidence } = execution.usage().networkConnections;
          expect(new Set(ids).size).toBe(20);
          expect(confidence).toBe('exact');
          expect(bystander.usage().networkConnections.ids).toEqual([]);
        },
      );
      await bystander.result;
    },
  );
});

describe('what an inline tool leaves open', () => {
  it('is reported with where it was opened, and closed when asked [ISOLATION-LEAKS]', async () => {
    const closing = new InlineIsolation({ leaks: 'close', leakStacks: true });
    const execution = closing.start<number>(
      'leaking',
      knownUse('leakEverything', server.port),
      none,
    );
    const pid = await execution.result;
    const leaks = execution.leaks();
    expect(leaks.map(({ kind }) => kind).sort()).toEqual([
      'descriptor',
      'process',
      'socket',
      'timer',
    ]);
    expect(leaks.find(({ kind }) => kind === 'process')?.id).toBe(pid);
    expect(leaks.filter(({ closed }) => !closed)).toEqual([]);
    for (const leak of leaks) {
      // A descriptor does not tell of its opening.
      if (leak.kind !== 'descriptor') expect(leak.stack).toContain('known-use.fixture.mjs');
    }
    await closing.close();
  });

  it('is only reported where nothing else is asked for [ISOLATION-LEAKS]', async () => {
    let socket: Socket | undefined;
    const execution = isolation.start(
      'leaking',
      async () => {
        socket = connect(server.port, '127.0.0.1');
        await once(socket, 'connect');
      },
      none,
    );
    await execution.result;
    expect(execution.leaks()).toEqual([{ kind: 'socket', id: expect.any(Number), closed: false }]);
    expect(socket?.destroyed).toBe(false);
    socket?.destroy();
  });

  it('is no leak where an agent keeps a socket for whoever asks next [ISOLATION-LEAKS]', async () => {
    const other = await keepAliveServer();
    const execution = isolation.start(
      'fetching',
      async () => (await fetch(`http://127.0.0.1:${other.port}/`)).text(),
      none,
    );
    expect(await execution.result).toBe('ok');
    other.close();
    expect(execution.leaks()).toEqual([]);
    expect(execution.usage().networkConnections.ids).toHaveLength(1);
  });
});

describe('an inline tool', () => {
  it('is asked to stop by its caller and by stop(), and told why [ISOLATION-SIGNAL]', async () => {
    const asked = new AbortController();
    const waiting = ({ signal }: { signal: AbortSignal }) => sleep(10_000, undefined, { signal });
    const byCaller = isolation.start('waiting', waiting, { signal: asked.signal });
    const byStop = isolation.start('waiting', waiting, none);
    const reason = new Error('not needed any more');
    asked.abort(reason);
    byStop.stop(reason);
    await expect(byCaller.result).rejects.toMatchObject({ name: 'AbortError', cause: reason });
    await expect(byStop.result).rejects.toMatchObject({ name: 'AbortError', cause: reason });
  });

  it('fails with its own error [ISOLATION-ERRORS]', async () => {
    const failure = new Error('its own', { cause: 'and why' });
    const execution = isolation.start('failing', () => Promise.reject(failure), none);
    await expect(execution.result).rejects.toBe(failure);
    expect(() => isolation.start('', () => 1, none)).toThrow('toolId must be a non-empty string');
  });
});
