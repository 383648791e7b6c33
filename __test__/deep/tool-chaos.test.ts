import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Execution, Isolation } from '../../src/governor/execution.ts';
import { InlineIsolation } from '../../src/governor/inline-isolation.ts';
import { ProcessIsolation } from '../../src/governor/process-isolation.ts';
import { readDescendants } from '../../src/governor/process-tree.ts';
import { WorkerIsolation } from '../../src/governor/worker-isolation.ts';
import { eventually, keepAliveServer, knownUse } from '../governor/known-use.ts';

const EXECUTIONS = 1_000;
const AT_ONCE = 4;

let server: { port: number; close: () => void };
beforeAll(async () => {
  server = await keepAliveServer();
});
afterAll(() => server.close());

/** The same mix in each run: a linear congruential generator. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 16_807) % 2_147_483_647;
    return state % sides;
  };
}

/** What this process holds, by kind. */
function held(): Readonly<Record<string, number>> {
  const resources = process.getActiveResourcesInfo();
  const count = (pattern: RegExp) => resources.filter((name) => pattern.test(name)).length;
  return {
    children: readDescendants(process.pid).length,
    descriptors: readdirSync('/proc/self/fd').length,
    sockets: count(/^TCP|^Pipe/),
    timers: count(/^Timeout/),
    others: count(/^Process|^MessagePort/),
  };
}

it('leaves nothing after 1,000 executions that throw, hang, leak, exit and crash [ISOLATION-CHAOS]', async () => {
  const leaks = { leaks: 'close', graceMs: 20, backOffMs: [5, 20] } as const;
  const isolations: readonly Isolation[] = [
    new InlineIsolation({ leaks: 'close', backOffMs: [5, 20], guessedLeaks: false }),
    new WorkerIsolation(leaks),
    new ProcessIsolation(leaks),
  ];
  const roll = dice(7);
  const before = held();
  const endedAs = new Map<string, number>();
  const counted = (name: string) => endedAs.set(name, (endedAs.get(name) ?? 0) + 1);

  async function one(): Promise<void> {
    const isolation = isolations[roll(3)];
    if (isolation === undefined) return;
    const mild = ['fail', 'leak', 'echo'] as const;
    const wild = [...mild, 'hang', 'exit', 'uncaught'] as const;
    const names =
      isolation.kind === 'inline'
        ? mild
        : isolation.kind === 'worker'
          ? wild
          : ([...wild, 'crash'] as const);
    const name = names[roll(names.length)] ?? 'echo';
    const tasks = {
      fail: knownUse('fail'),
      leak: knownUse('leakEverything', server.port),
      echo: knownUse('echo', 1),
      hang: knownUse('hang'),
      exit: knownUse('exitNow', 1),
      uncaught: knownUse('failLater'),
      crash: knownUse('crash'),
    };
    const execution: Execution = isolation.start(name, tasks[name], {
      onProgress: () => {
        if (name === 'hang') execution.stop(new Error('long enough'));
      },
    });
    const [outcome] = await Promise.allSettled([execution.result]);
    const isFine = name === 'echo' || name === 'leak';
    expect(outcome?.status, `${name} in a ${isolation.kind}`).toBe(
      isFine ? 'fulfilled' : 'rejected',
    );
    if (name === 'leak') expect(execution.leaks().filter(({ closed }) => !closed)).toEqual([]);
    counted(`${isolation.kind} ${name}`);
  }

  let left = EXECUTIONS;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (; left > 0; left -= 1) await one();
    }),
  );
  await Promise.all(isolations.map((isolation) => isolation.close()));
  const isNoMore = () =>
    Object.entries(held()).every(([kind, count]) => count <= (before[kind] ?? 0));
  expect(await eventually(isNoMore), JSON.stringify([before, held()])).toBe(true);
  expect(endedAs.size).toBe(3 + 6 + 7);
});
