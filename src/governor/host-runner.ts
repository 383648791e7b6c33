import type { Execution, IsolationKind, StartOptions, ToolTask } from './execution.ts';
import { nextExecutionId } from './execution-id.ts';
import { GranaryError } from '../errors.ts';
import type { Host } from './host.ts';
import { type HostCount, HostPool, type PoolSettings, type SpareHosts } from './host-pool.ts';
import { HostedExecution } from './hosted-execution.ts';
import { badOption } from '../options.ts';
import { checkModuleTask } from './task-module.ts';

/** Starts executions in hosts of one kind, and ends them all. */
export class HostRunner {
  readonly #kind: IsolationKind;
  readonly #pool: HostPool;
  readonly #graceMs: number;
  readonly #running = new Set<Execution>();
  #closed = false;

  constructor(
    kind: IsolationKind,
    create: () => Host,
    { graceMs, ...pool }: PoolSettings & { readonly graceMs: number },
  ) {
    this.#kind = kind;
    this.#pool = new HostPool(create, pool);
    this.#graceMs = graceMs;
  }

  start<T>(toolId: string, task: ToolTask<T>, options: StartOptions): Execution<T> {
    if (this.#closed) throw new GranaryError('ERR_GRANARY_CLOSED', 'this isolation is closed');
    if (typeof toolId !== 'string' || toolId === '')
      badOption('toolId', toolId, 'a non-empty string');
    checkModuleTask(task);
    const execution = new HostedExecution<T>(this.#pool, task, {
      id: nextExecutionId(),
      toolId,
      kind: this.#kind,
      signal: options.signal,
      onProgress: options.onProgress,
      walls: options.walls,
      graceMs: this.#graceMs,
    });
    this.#running.add(execution);
    const ended = () => this.#running.delete(execution);
    execution.result.then(ended, ended);
    return execution;
  }

  get hosts(): HostCount {
    return this.#pool.count;
  }

  /** Ends those that wait. */
  trim(): void {
    this.#pool.trim();
  }

  /** @param newBytes - what a new host takes */
  hostBytes(newBytes: number): number {
    return this.#pool.hasIdle ? 0 : newBytes;
  }

  spare(): SpareHosts {
    return this.#pool.spare();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const running = [...this.#running];
    const reason = new GranaryError('ERR_GRANARY_CLOSED', 'this isolation was closed');
    await Promise.all(running.map((execution) => execution.kill(reason)));
    await Promise.allSettled(running.map(({ result }) => result));
    await this.#pool.close();
  }
}
