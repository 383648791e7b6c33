// Four worker threads over one cache: what one has loaded, all have, and what one drops, none has.
import { once } from 'node:events';
import { isMainThread, parentPort, threadId, Worker } from 'node:worker_threads';
import { ResourceManager } from 'mcp-granary';

const manager = new ResourceManager({ storage: 'native', name: 'catalogue', maxEntries: 10_000 });
manager.register('price://{item}', (_uri, { item }) => ({ item, loadedBy: threadId }), {
  public: true,
});

if (isMainThread) {
  const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url)));
  const ask = async (): Promise<Set<unknown>> => {
    const answers = workers.map((worker) => once(worker, 'message'));
    for (const worker of workers) worker.postMessage('price://tea');
    return new Set((await Promise.all(answers)).map(([text]) => text));
  };
  console.log((await ask()).size); // 1: one load for four threads
  console.log(manager.invalidate('price://tea')); // true: this thread drops what another has loaded
  console.log((await manager.read('price://tea')).contents[0]?.text); // {"item":"tea","loadedBy":0}
  console.log(...(await ask())); // {"item":"tea","loadedBy":0}
  for (const worker of workers) worker.postMessage('end');
} else {
  parentPort?.on('message', (uri: string) => {
    if (uri === 'end') parentPort?.close();
    else void manager.read(uri).then(({ contents }) => parentPort?.postMessage(contents[0]?.text));
  });
}
