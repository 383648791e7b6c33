import type { Execution, Isolation, StartOptions, ToolTask } from './execution.ts';
import { checkHostOptions, type HostOptions } from './host-options.ts';
import type { HostCount, SpareHosts } from './host-pool.ts';
import { HostRunner } from './host-runner.ts';
import { checkInteger } from '../options.ts';
import { WORKER_BYTES, WorkerHost } from './worker-host.ts';

/** How worker threads are kept. */
export interface WorkerIsolationOptions extends HostOptions {
  /** Wall of the JS heap of a worker, in MiB, 16 to 65,536; 500 where not given. */
  readonly maxHeapMib?: number;
}

/**
 * Runs each tool in a thread of its own: its CPU is that of the thread, its memory the heap and the ArrayBuffers of its
 * isolate, and an endless loop can be ended.
 *
 * Costs about 50 ms and 9 MB for a new thread; threads are used again unless something was left in them.
 *
 * @example
 * ```ts
 * const isolation = new WorkerIsolation();
 * const execution = isolation.start('resize', { module: new URL('resize.js', import.meta.url), args: [640] }, {});
 * const image = await execution.result;
 * await isolation.close();
 * ```
 */
export class WorkerIsolation implements Isolation {
  readonly kind = 'worker';
  readonly #runner: HostRunner;

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  constructor(options: WorkerIsolationOptions = {}) {
    const { settings, wornBytes, ...kept } = checkHostOptions(options);
    const maxHeapMib = checkInteger('maxHeapMib', options.maxHeapMib ?? 500, 16, 65_536);
    const create = () => new WorkerHost({ settings, maxHeapMib, wornBytes });
    this.#runner = new HostRunner('worker', create, kept);
  }

  /** How many threads there are. */
  get hosts(): HostCount {
    return this.#runner.hosts;
  }

  /** Ends the threads that wait for the next execution. */
  trim(): void {
    this.#runner.trim();
  }

  start<T>(toolId: string, task: ToolTask<T>, options: StartOptions): Execution<T> {
    return this.#runner.start(toolId, task, options);
  }

  hostBytes(): number {
    return this.#runner.hostBytes(WORKER_BYTES);
  }

  spare(): SpareHosts {
    return this.#runner.spare();
  }

  /** Terminates every thread. */
  close(): Promise<void> {
    return this.#runner.close();
  }
}
