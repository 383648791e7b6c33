/** The same server in several worker threads of one process, over one store or over a cache each. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import {
  NOTE,
  type ThreadAnswer,
  type ThreadFigures,
  type ThreadRequest,
  type ThreadSettings,
} from './thread-settings.ts';

// ^C in a terminal reaches this process too; the demo ends it.
process.on('SIGINT', () => {});

async function ask(worker: Worker, request: ThreadRequest): Promise<ThreadAnswer> {
  const answered = once(worker, 'message');
  worker.postMessage(request);
  const [answer] = await answered;
  return answer as ThreadAnswer;
}

function askAll(request: (index: number) => ThreadRequest): Promise<ThreadAnswer[]> {
  return Promise.all(workers.map((worker, index) => ask(worker, request(index))));
}

function sum(answers: readonly ThreadAnswer[]): number {
  return answers.reduce<number>((total, answer) => total + Number(answer), 0);
}

/** What the process takes when all that is garbage is gone. */
async function settledRssBytes(): Promise<number> {
  for (let turn = 0; turn < 2; turn++) {
    await askAll(() => ({ ask: 'collect-garbage' }));
    globalThis.gc?.();
    // V8 and the allocator give pages back in the background.
    await delay(100);
  }
  return process.memoryUsage.rss();
}

/** Changes the file so many times: one thread drops it each time, then the others read it. */
async function changeNote(note: string, changes: number): Promise<[reads: number, stale: number]> {
  let reads = 0;
  let stale = 0;
  for (let change = 0; change < changes; change++) {
    const content = `Change ${change}\n`;
    const changing = change % workers.length;
    await writeFile(note, content);
    await ask(workers[changing] as Worker, { ask: 'drop-note' });
    const others = workers.toSpliced(changing, 1);
    const answers = await Promise.all(others.map((worker) => ask(worker, { ask: 'read-note' })));
    reads += answers.length;
    stale += answers.filter((answer) => answer !== content).length;
  }
  return [reads, stale];
}

const settings = (await json(process.stdin)) as ThreadSettings;
const { threads, reads, changes, documents } = settings;
const workers = Array.from(
  { length: threads },
  () => new Worker(new URL('thread.js', import.meta.url), { workerData: settings }),
);
try {
  const note = path.join(settings.notes, NOTE);
  await writeFile(note, 'Change none\n');
  // Each answers as soon as it serves.
  await askAll(() => ({ ask: 'read-note' }));
  const idleRssBytes = await settledRssBytes();
  let wrongAnswers = sum(await askAll((seed) => ({ ask: 'read-all', seed })));
  // The same requests in all threads: what is popular in one is so in all.
  const seed = threads;
  const start = performance.now();
  wrongAnswers += sum(await askAll(() => ({ ask: 'read-skewed', seed })));
  const elapsedMs = performance.now() - start;
  const fullRssBytes = await settledRssBytes();
  const [readsAfterChange, staleReads] = await changeNote(note, changes);
  const figures: ThreadFigures = {
    reads: threads * (documents.length + reads),
    wrongAnswers,
    originLoads: sum(await askAll(() => ({ ask: 'origin-loads' }))),
    readsPerSecond: (1_000 * threads * reads) / elapsedMs,
    idleRssBytes,
    fullRssBytes,
    readsAfterChange,
    staleReads,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} finally {
  await Promise.all(workers.map((worker) => worker.terminate()));
}
