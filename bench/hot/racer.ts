/**
 * One contender with one workload: forked by race.ts, in a process of its own, so that no contender
 * meets another one's garbage or compiled code. It checks, fills and warms up, says so, and then runs
 * a round whenever it is asked to.
 */
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Bench } from 'tinybench';
import { answersOf, ASKED_CAPACITY } from './answers.ts';
import { CONTENDERS, type AnyContestant } from './contenders.ts';
import type { Batch, OperationPair } from './operations.ts';
import { GROWTH, WORKLOADS, type Input } from './workloads.ts';

/** What a racer tells race.ts. */
export type RacerMessage =
  | { readonly kind: 'ready'; readonly answers: string[]; readonly hitRatio: number | undefined }
  | ({ readonly kind: 'round' } & RoundFigures)
  | { readonly kind: 'failed'; readonly reason: string };

export interface RoundFigures {
  /** The median over the round's batches. */
  readonly nsPerOp: number;
  /** Of the whole process, over all of the round's batches. */
  readonly cpuNsPerOp: number;
}

/** How many of what a cache was filled with are looked at. */
const LOOKED_AT = 1_000;

/** Compiled code settles with calls, not with time alone; slow caches are held to no target, and wait less. */
const WARM_UP_BATCHES = { fast: 3, slow: 1 };

const [, , contenderName = '', workloadName = '', roundMs = '', warmUpMs = '', passPart = ''] =
  process.argv;
const workload = [...WORKLOADS, ...GROWTH].find(({ name }) => name === workloadName);
const contender = CONTENDERS.get(contenderName);
if (workload === undefined || contender === undefined || process.send === undefined) {
  throw new Error('usage: fork racer.js CONTENDER WORKLOAD ROUND_MS WARM_UP_MS PASS_PART');
}
const { demand, operation, valueOf } = workload;
const passBatches = Math.ceil(workload.passBatches * Number(passPart));

function tell(message: RacerMessage): void {
  process.send?.(message);
}

/** A batch's work with a cache, with what was put off. */
function workOf(
  contestant: AnyContestant,
  operation: OperationPair,
): (batch: Batch) => number | Promise<number> {
  const { miss } = contestant;
  if (contestant.isAsync) {
    const { cache } = contestant;
    return (batch) => operation.async(cache, miss, batch);
  }
  const { cache } = contestant;
  return (batch) => {
    const hits = operation.sync(cache, miss, batch);
    contestant.settle?.();
    return hits;
  };
}

async function fill({ cache, miss }: AnyContestant, { keys, values }: Input): Promise<void> {
  for (let index = 0; index < keys.length; index++) {
    await cache.set(keys[index] ?? '', values[index]);
  }
  for (let index = 0; index < Math.min(keys.length, LOOKED_AT); index++) {
    const key = keys[index] ?? '';
    const found: unknown = await cache.get(key);
    // A full cache may refuse newcomers.
    if (found === miss && keys.length >= demand.capacity) continue;
    if (!isDeepStrictEqual(found, values[index])) {
      throw new Error(`it gives another value of ${key} than was set`);
    }
  }
}

function checkHits(batch: Batch, hits: number): void {
  if (batch.hits !== undefined && hits !== batch.hits) {
    throw new Error(`${hits} gets of a batch hit where ${batch.hits} must`);
  }
}

const contestant = await contender.make(demand);
const work = workOf(contestant, operation);
const input = workload.input(contender.isSlow === true);

/** Batches outside of any round. */
async function rehearse(): Promise<{ gets: number; hits: number }> {
  const batch = input.next();
  const hits = await work(batch);
  checkHits(batch, hits);
  await setImmediate();
  return { gets: batch.keys.length, hits };
}

async function passShare(): Promise<number | undefined> {
  if (passBatches === 0) return undefined;
  let gets = 0;
  let hits = 0;
  for (let index = 0; index < 2 * passBatches; index++) {
    const rehearsed = await rehearse();
    // The first pass only fills the cache.
    if (index < passBatches) continue;
    gets += rehearsed.gets;
    hits += rehearsed.hits;
  }
  return hits / gets;
}

async function prepare(): Promise<void> {
  const asked = await contender?.make({ ...demand, capacity: ASKED_CAPACITY });
  const answers = asked === undefined ? [] : await answersOf(asked, valueOf);
  await fill(contestant, input);
  const share = await passShare();
  const end = performance.now() + Number(warmUpMs);
  const fewest = contender?.isSlow === true ? WARM_UP_BATCHES.slow : WARM_UP_BATCHES.fast;
  for (let done = 0; done < fewest || performance.now() < end; done++) await rehearse();
  tell({ kind: 'ready', answers, hitRatio: share === undefined ? undefined : 100 * share });
}

async function round(): Promise<RoundFigures> {
  let batch = input.next();
  let hits = 0;
  let cpuBefore = process.cpuUsage();
  let cpuMicroseconds = 0;
  let operations = 0;
  const bench = new Bench({ time: Number(roundMs), iterations: 1, warmup: false, throws: true });
  // What a batch takes to make belongs to the time of a round, not to what is measured.
  let begun = 0;
  const costSinceBegun = () => ({ overriddenIterationCost: performance.now() - begun });
  const run = contestant.isAsync
    ? async () => {
        hits = await work(batch);
        return costSinceBegun();
      }
    : () => {
        hits = work(batch) as number;
        return costSinceBegun();
      };
  bench.add(contenderName, run, {
    async: contestant.isAsync,
    async beforeEach() {
      begun = performance.now();
      batch = input.next();
      // Lets the timers come up that a cache's clock may hang on, as they do in a server.
      await setImmediate();
      cpuBefore = process.cpuUsage();
    },
    afterEach() {
      const { user, system } = process.cpuUsage(cpuBefore);
      cpuMicroseconds += user + system;
      operations += batch.keys.length;
      checkHits(batch, hits);
    },
  });
  const [task] = await bench.run();
  if (task?.result.state !== 'completed') throw new Error('the round did not complete');
  return {
    nsPerOp: (task.result.latency.p50 * 1e6) / batch.keys.length,
    cpuNsPerOp: (cpuMicroseconds * 1e3) / operations,
  };
}

async function orTell(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
}

// Ends with race.ts, however that ends.
process.on('disconnect', () => process.exit());
process.on('message', () => {
  void orTell(async () => tell({ kind: 'round', ...(await round()) }));
});
await orTell(prepare);
