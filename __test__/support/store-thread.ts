import { Worker } from 'node:worker_threads';

import type { CacheOptions } from '../../src/cache/cache-options.ts';
import type { ResourceCache } from '../../src/cache/resource-cache.ts';
import { builtUrl, PACKAGE_URL } from './child-module.ts';

/** What a body that runs in a thread has at hand. */
export interface ThreadScope {
  /** The cache that the thread was started with. */
  readonly cache: ResourceCache;
  readonly ResourceCache: typeof ResourceCache;
  /** Lives as long as the thread. */
  readonly kept: Record<string, unknown>;
  /** Calls of the addon's store by method, from the first call of this on. */
  calls(): Map<string, number>;
  /** From here on the thread ends when nothing of its own keeps it alive. */
  letGo(): void;
  /** Waits, with the event loop at a halt, until it is the turn of `own`. */
  await(turn: Int32Array, own: number): void;
  /** Makes it the turn of `next`. */
  pass(turn: Int32Array, next: number): void;
}

/** A body is sent as text: it sees nothing but its parameters. */
type Body<A, R> = (scope: ThreadScope, argument: A) => R | Promise<R>;

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { name: string; message: string; code: unknown; cause: unknown };
}

const SOURCE = `
  import { parentPort, workerData } from 'node:worker_threads';
  import { ResourceCache } from '${PACKAGE_URL}';
  import { loadAddon } from '${builtUrl('native/addon.js')}';

  let counted;
  const scope = {
    cache: new ResourceCache({ storage: 'native', ...workerData }),
    ResourceCache,
    kept: {},
    calls() {
      if (counted !== undefined) return counted;
      counted = new Map();
      const { prototype } = loadAddon().StoreHandle;
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
        if (name === 'constructor') continue;
        prototype[name] = function (...args) {
          counted.set(name, (counted.get(name) ?? 0) + 1);
          return value.apply(this, args);
        };
      }
      return counted;
    },
    letGo: () => parentPort.unref(),
    await(turn, own) {
      for (let now; (now = Atomics.load(turn, 0)) !== own;) Atomics.wait(turn, 0, now);
    },
    pass(turn, next) {
      Atomics.store(turn, 0, next);
      Atomics.notify(turn, 0);
    },
  };
  const plain = (error) =>
    error instanceof Error
      ? { name: error.name, message: error.message, code: error.code, cause: plain(error.cause) }
      : error;
  parentPort.on('message', async ({ id, body, argument }) => {
    try {
      const value = await (0, eval)('(' + body + ')')(scope, argument);
      parentPort.postMessage({ id, value });
    } catch (error) {
      parentPort.postMessage({ id, error: plain(error) });
    }
  });
  parentPort.postMessage({ id: 0 });
`;

const started = new Set<StoreThread>();

/** A real worker thread with a native cache of its own, in which a test runs what it likes. */
export class StoreThread {
  readonly worker: Worker;
  /** Fulfilled with its exit code when it has ended. */
  readonly ended: Promise<number>;
  readonly #pending = new Map<
    number,
    { resolve(value: unknown): void; reject(e: unknown): void }
  >();
  #lastId = 0;

  private constructor(options: CacheOptions<unknown>) {
    this.worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`), {
      workerData: options,
    });
    this.ended = new Promise((resolve) => this.worker.once('exit', resolve));
    this.worker.on('message', (answer: Answer) => this.#take(answer));
    // What a body throws on purpose outside of its own call ends the thread, which is all of it.
    this.worker.on('error', (error) => this.#fail(error));
    started.add(this);
  }

  /** Starts a thread whose cache has these options, and waits until it is open. */
  static async start(options: CacheOptions<unknown>): Promise<StoreThread> {
    const thread = new StoreThread(options);
    await new Promise((resolve, reject) => thread.#pending.set(0, { resolve, reject }));
    return thread;
  }

  /** Runs a body in the thread. @returns what it returns, as structured clone has it */
  run<R>(body: Body<undefined, R>): Promise<R>;
  run<A, R>(body: Body<A, R>, argument: A): Promise<R>;
  run(body: Body<never, unknown>, argument?: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.worker.postMessage({ id, body: String(body), argument }, []);
    });
  }

  async terminate(): Promise<void> {
    await this.worker.terminate();
  }

  #take({ id, value, error }: Answer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(value);
    else pending?.reject(Object.assign(new Error(error.message, { cause: error.cause }), error));
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** Ends all threads that were started: for `afterEach`. */
export async function endThreads(): Promise<void> {
  const ending = [...started].map((thread) => thread.terminate());
  started.clear();
  await Promise.all(ending);
}

let names = 0;

/** A name that no other test of this process uses. */
export function freshName(): string {
  return `test-${++names}`;
}

/** Whose turn it is, for threads that halt until it is theirs. */
export function turnWord(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}
