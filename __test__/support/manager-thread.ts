import { Worker } from 'node:worker_threads';

import type { ResourceManager } from '../../src/manager/resource-manager.ts';
import { builtUrl, PACKAGE_URL } from './child-module.ts';

/** What a body that runs in a thread has at hand. */
export interface ManagerScope {
  /** Over the shared store; `private://{+rest}` and `public://{+rest}` are registered. */
  readonly manager: ResourceManager;
  /** What its loaders answer, by URI; without an answer, the number of the load. */
  readonly answers: Map<string, string>;
  /** Makes the loads of a URI wait from here on. @returns lets them go on */
  hold(uri: string): () => void;
  /** URIs in the order in which loaders were asked for them here. */
  readonly loads: string[];
  /** Lives as long as the thread. */
  readonly kept: Record<string, () => unknown>;
  /** How often this thread was woken by others. */
  wakes(): number;
  text(uri: string, principal?: string): Promise<string | undefined>;
  /** `import()`, which a body cannot say: vitest compiles it to something of its own. */
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the module is
  load(url: string): Promise<any>;
}

/** A body is sent as text: it sees nothing but its parameters. */
type Body<A, R> = (scope: ManagerScope, argument: A) => R | Promise<R>;

const SOURCE = `
  import { parentPort, workerData } from 'node:worker_threads';
  import { ResourceManager } from '${PACKAGE_URL}';
  import { loadAddon } from '${builtUrl('native/addon.js')}';

  let taken = 0;
  const { prototype } = loadAddon().StoreHandle;
  const { takeMessages } = prototype;
  prototype.takeMessages = function (...args) {
    taken++;
    return takeMessages.apply(this, args);
  };
  const held = new Map();
  const scope = {
    manager: new ResourceManager({ storage: 'native', ...workerData, reloadJitterMs: 0 }),
    answers: new Map(),
    hold(uri) {
      let release;
      held.set(uri, new Promise((resolve) => (release = resolve)));
      return release;
    },
    loads: [],
    kept: {},
    wakes: () => taken,
    text: async (uri, principal) =>
      (await scope.manager.read(uri, principal === undefined ? {} : { principal })).contents[0].text,
    load: (url) => import(url),
  };
  const load = async (uri) => {
    const number = scope.loads.push(uri);
    const text = scope.answers.get(uri) ?? 'load ' + number;
    await held.get(uri);
    return text;
  };
  for (const kind of ['private', 'public']) {
    scope.manager.register(kind + '://{+rest}', load, { public: kind === 'public', tags: [kind] });
  }
  parentPort.on('message', async ({ id, body, argument }) => {
    try {
      parentPort.postMessage({ id, value: await (0, eval)('(' + body + ')')(scope, argument) });
    } catch (error) {
      parentPort.postMessage({ id, error: error.stack });
    }
  });
`;

const started = new Set<Worker>();
let names = 0;

/** A real worker thread with a `ResourceManager` over a named store, in which a test runs bodies. */
export class ManagerThread {
  readonly #worker: Worker;
  readonly #pending = new Map<
    number,
    { resolve(value: unknown): void; reject(error: unknown): void }
  >();
  #lastId = 0;

  constructor(options: Record<string, unknown>) {
    this.#worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`), {
      workerData: options,
    });
    started.add(this.#worker);
    this.#worker.on('message', ({ id, value, error }) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) pending?.resolve(value);
      else pending?.reject(new Error(error));
    });
    this.#worker.on('error', (error) => {
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    });
  }

  /** Two threads over one store that nobody else has. */
  static pair(options: Record<string, unknown> = {}): [ManagerThread, ManagerThread] {
    const shared = { name: `managers-${++names}`, ...options };
    return [new ManagerThread(shared), new ManagerThread(shared)];
  }

  /** Runs a body in the thread. @returns what it returns, as structured clone has it */
  run<R>(body: Body<undefined, R>): Promise<R>;
  run<A, R>(body: Body<A, R>, argument: A): Promise<R>;
  run(body: Body<never, unknown>, argument?: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, body: String(body), argument });
    });
  }

  text(uri: string, principal?: string): Promise<string | undefined> {
    return this.run(({ text }, [uri, principal]) => text(uri, principal), [
      uri,
      principal,
    ] as const);
  }
}

/** Ends all threads that were started: for `afterEach`. */
export async function endManagerThreads(): Promise<void> {
  const ending = [...started].map((worker) => worker.terminate());
  started.clear();
  await Promise.all(ending);
}
