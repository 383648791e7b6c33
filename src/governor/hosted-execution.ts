import { carryError, restoreError } from './carried-error.ts';
import type { Execution, IsolationKind, Leak, ModuleTask } from './execution.ts';
import { GranaryError } from '../errors.ts';
import type { Host, HostEnd, HostMeter } from './host.ts';
import type { FromHost, HostReport } from './host-message.ts';
import type { HostPool } from './host-pool.ts';
import { moduleUrl } from './task-module.ts';
import type { Walls } from './tool-walls.ts';
import { noUsage, peakUsage, type ResourceUsage } from './usage-peak.ts';

/** What starts an execution, besides its task. */
export interface HostedStart {
  readonly id: number;
  readonly toolId: string;
  readonly kind: IsolationKind;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((value: unknown) => void) | undefined;
  readonly walls: Walls | undefined;
  /** How long code that was asked to end may take, in ms, before it is ended. */
  readonly graceMs: number;
}

/** A tool that runs in a thread or process of its own. */
export class HostedExecution<T> implements Execution<T> {
  readonly id: number;
  readonly toolId: string;
  readonly kind: IsolationKind;
  readonly result: Promise<T>;
  startedAtMs = 0;
  bookedCpuMs = 0;
  place = -1;
  readonly #start: HostedStart;
  readonly #pool: HostPool;
  readonly #host: Host;
  #meter: HostMeter | undefined;
  #peak: ResourceUsage = noUsage();
  #leaks: readonly Leak[] = [];
  #killed: { readonly reason: unknown } | undefined;
  #stopped: { readonly reason: unknown } | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(pool: HostPool, task: ModuleTask, start: HostedStart) {
    this.id = start.id;
    this.toolId = start.toolId;
    this.kind = start.kind;
    this.#start = start;
    this.#pool = pool;
    this.#host = pool.take();
    this.result = this.#run(task);
  }

  usage(): ResourceUsage {
    if (this.#ended || this.#meter === undefined) return this.#peak;
    const now = this.#meter.usage();
    this.#peak = peakUsage(this.#peak, now);
    return now;
  }

  get isStarting(): boolean {
    return !this.#ended && this.#meter === undefined;
  }

  hostBytes(): number {
    return this.#host.hostBytes();
  }

  stop(reason: unknown): void {
    if (this.#ended || this.#stopped !== undefined) return;
    this.#stopped = { reason };
    if (this.#meter !== undefined) this.#sendAbort(reason);
    this.#graceTimer = setTimeout(() => void this.kill(reason), this.#start.graceMs);
  }

  async kill(reason: unknown): Promise<void> {
    if (this.#ended) return;
    this.usage();
    this.#killed ??= { reason };
    await this.#host.end(this.#start.graceMs);
  }

  yieldCpu(): void {
    if (!this.#ended) this.#host.yieldCpu?.();
  }

  leaks(): readonly Leak[] {
    return this.#leaks;
  }

  async #run(task: ModuleTask): Promise<T> {
    const { signal } = this.#start;
    const onAbort = (): void => this.stop(signal?.reason);
    try {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', onAbort, { once: true });
      const outcome = await this.#outcome(task);
      if (outcome.kind === 'failed') throw restoreError(outcome.error);
      return outcome.value as T;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(this.#graceTimer);
      this.#ended = true;
      this.#meter?.close?.();
      this.#pool.giveBack(this.#host);
    }
  }

  async #outcome(task: ModuleTask): Promise<Extract<FromHost, { kind: 'done' | 'failed' }>> {
    const outcome = await new Promise<Extract<FromHost, { kind: 'done' | 'failed' }>>(
      (resolve, reject) => {
        this.#host.listen({
          message: (message) => {
            if (message.kind === 'progress') this.#start.onProgress?.(message.value);
            else if (message.kind === 'usage') this.#meter?.told(message.usage);
            else if (message.kind !== 'ready') resolve(message);
          },
          ended: (end) => reject(this.#endedEarly(end)),
        });
        void this.#host.ready.then(() => this.#send(task)).catch(reject);
      },
    );
    await this.#settle(outcome.report);
    return outcome;
  }

  #send(task: ModuleTask): void {
    this.#meter = this.#host.meter();
    if (this.#start.walls !== undefined) this.#host.surround?.(this.#start.walls);
    const { export: name, args, transfer } = task;
    this.#host.send(
      {
        kind: 'run',
        toolId: this.toolId,
        task: {
          module: moduleUrl(task.module),
          ...(name !== undefined && { export: name }),
          ...(args !== undefined && { args }),
        },
      },
      transfer ?? [],
    );
    if (this.#stopped !== undefined) this.#sendAbort(this.#stopped.reason);
  }

  #sendAbort(reason: unknown): void {
    if (this.#host.isAlive) this.#host.send({ kind: 'abort', reason: carryError(reason) }, []);
  }

  /** Takes the last figures, and ends a host in which something was left. */
  async #settle(report: HostReport): Promise<void> {
    if (this.#meter !== undefined) {
      this.#peak = peakUsage(this.#peak, await this.#meter.final(report));
    }
    const orphans = this.#host
      .descendants()
      .filter((pid) => !report.leaks.some(({ id, kind }) => kind === 'process' && id === pid));
    const leaks: readonly Leak[] = [
      ...report.leaks,
      ...orphans.map((id): Leak => ({ kind: 'process', id, closed: false })),
    ];
    if (leaks.length === 0 && !report.isSpoilt) return;
    await this.#pool.retire(this.#host);
    // What a thread leaves behind is closed with it, except what belongs to the whole process.
    const remains = new Set(this.#host.descendants());
    this.#leaks = leaks.map((leak) => ({
      ...leak,
      closed:
        leak.closed ||
        (leak.kind === 'process'
          ? this.kind === 'process' && !remains.has(leak.id)
          : this.kind === 'process' || leak.kind !== 'descriptor'),
    }));
  }

  #endedEarly({ code, signal, error }: HostEnd): unknown {
    if (this.#killed !== undefined) return this.#killed.reason;
    if (error !== undefined) return error;
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    return new GranaryError(
      'ERR_GRANARY_ABORTED',
      `the ${this.kind} of tool ${JSON.stringify(this.toolId)} ended ${how} before the tool had answered`,
      { data: { toolId: this.toolId, isolation: this.kind, exitCode: code, signal } },
    );
  }
}
