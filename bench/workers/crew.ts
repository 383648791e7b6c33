/**
 * Has some threads do one workload with one contender and prints what they found, as a line of JSON:
 * run by main.ts in a process of its own each time.
 */
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { CONTENDERS, type SharedPlace } from './contenders.ts';
import type { ThreadFigures, ThreadStart } from './thread-scope.ts';
import type { ThreadMessage } from './thread.ts';
import { WORKLOADS } from './workloads.ts';

/** What main.ts asks for. */
export interface CrewTask {
  readonly contender: string;
  readonly workload: string;
  readonly threads: number;
  readonly amount: number;
  readonly place: SharedPlace;
}

/** What main.ts reads. */
export interface CrewFigures {
  readonly threads: readonly ThreadFigures[];
  /** Resident bytes each time that all had met, those of a server included. */
  readonly memoryBytes: readonly number[];
}

const LOOKS = 5;
const LOOK_MS = 20;
/** A server tells its memory with a delay. */
const SERVER_MS = 300;

const task = JSON.parse(process.argv[2] ?? '{}') as CrewTask;
const contender = CONTENDERS.get(task.contender);
const workload = WORKLOADS.get(task.workload);
if (contender === undefined || workload === undefined) throw new Error('usage: crew.js TASK');
const { place, threads: count } = task;
const words = new SharedArrayBuffer(4 * (workload.sharedWords ?? 1));
const memoryBytes: number[] = [];

/** The lowest of several looks: collections end in the background. */
async function lookAtMemory(): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < LOOKS; look++) {
    globalThis.gc?.();
    await setTimeout(LOOK_MS);
    least = Math.min(least, process.memoryUsage.rss());
  }
  if (contender?.serverBytes === undefined) return least;
  await setTimeout(SERVER_MS);
  return least + (await contender.serverBytes(place));
}

const here: Worker[] = [];

async function takeIn(worker: Worker): Promise<void> {
  here.push(worker);
  if (here.length < count) return;
  if (workload?.looksAtMemory === true) memoryBytes.push(await lookAtMemory());
  for (const waiting of here.splice(0)) waiting.postMessage('go');
}

function startThread(own: number): Promise<ThreadFigures> {
  const workerData: ThreadStart = { ...task, own, words };
  const worker = new Worker(new URL('thread.js', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    worker.on('message', ({ figures }: ThreadMessage) => {
      if (figures === undefined) void takeIn(worker);
      else resolve(figures);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a thread ended with code ${code}`)));
  });
}

await contender.empty?.(place);
const threads = await Promise.all(Array.from({ length: count }, (_, own) => startThread(own)));
const figures: CrewFigures = { threads, memoryBytes };
console.log(JSON.stringify(figures));
process.exit();
