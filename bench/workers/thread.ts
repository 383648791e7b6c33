/** One of the threads that crew.ts starts: opens its cache, does its part of a workload, tells. */
import { parentPort, workerData } from 'node:worker_threads';

import { CONTENDERS } from './contenders.ts';
import type { ThreadFigures, ThreadStart } from './thread-scope.ts';
import { WORKLOADS } from './workloads.ts';

/** What a thread sends: that it waits for the others, or what it has found. */
export interface ThreadMessage {
  readonly figures?: ThreadFigures;
}

const start = workerData as ThreadStart;
const contender = CONTENDERS.get(start.contender);
const workload = WORKLOADS.get(start.workload);
const port = parentPort;
if (contender === undefined || workload === undefined || port === null) {
  throw new Error('to be started by crew.js, as a thread');
}

const send = (message: ThreadMessage): void => port.postMessage(message);
const meet = (): Promise<void> =>
  new Promise((resolve) => {
    port.once('message', () => resolve());
    send({});
  });

const cache = await contender.open(start.place, workload.maxEntries);
const figures = await workload.run({ ...start, cache, meet });
await cache.close();
send({ figures });
