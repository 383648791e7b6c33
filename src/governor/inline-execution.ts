import type { AsyncWatch } from './async-watch.ts';
import type { CpuSegments } from './cpu-segments.ts';
import type { Execution, Leak, TaskContext, ToolTask } from './execution.ts';
import type { InlineAccount } from './inline-account.ts';
import { cleanUp, type LeakPolicy } from './leak-cleanup.ts';
import type { ResourceUsage } from './resource-usage.ts';
import type { SharedLedger } from './shared-ledger.ts';
import { runModuleTask } from './task-module.ts';

/** What all inline executions of one isolation share. */
export interface InlineParts {
  readonly watch: AsyncWatch;
  readonly segments: CpuSegments;
  readonly ledger: SharedLedger;
  readonly leakPolicy: LeakPolicy;
}

/** What starts an execution, besides its task. */
export interface InlineStart {
  readonly id: number;
  readonly toolId: string;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((value: unknown) => void) | undefined;
  readonly onTransfer: ((list: readonly unknown[]) => void) | undefined;
}

/** A tool that runs on this thread; it can be measured and asked to stop, not ended. */
export class InlineExecution<T> implements Execution<T> {
  readonly id: number;
  readonly toolId: string;
  readonly kind = 'inline';
  readonly result: Promise<T>;
  readonly #parts: InlineParts;
  readonly #account: InlineAccount;
  readonly #callerSignal: AbortSignal | undefined;
  readonly #onProgress: ((value: unknown) => void) | undefined;
  readonly #onTransfer: ((list: readonly unknown[]) => void) | undefined;
  // Made when the code asks for its signal: a controller costs more than all else here.
  #controller: AbortController | undefined;
  #stopped: { readonly reason: unknown } | undefined;
  #leaks: readonly Leak[] = [];

  constructor(parts: InlineParts, account: InlineAccount, task: ToolTask<T>, start: InlineStart) {
    this.id = start.id;
    this.toolId = start.toolId;
    this.#parts = parts;
    this.#account = account;
    this.#callerSignal = start.signal;
    this.#onProgress = start.onProgress;
    this.#onTransfer = start.onTransfer;
    this.result = this.#run(task);
  }

  usage(): ResourceUsage {
    if (!this.#account.ended) {
      this.#parts.segments.settle();
      this.#parts.ledger.refresh();
    }
    return this.#account.usage();
  }

  stop(reason: unknown): void {
    if (this.#stopped !== undefined || this.#account.ended) return;
    this.#stopped = { reason };
    this.#controller?.abort(reason);
  }

  async kill(_reason: unknown): Promise<void> {
    // Nothing can end code on the thread that would have to end it.
  }

  leaks(): readonly Leak[] {
    return this.#leaks;
  }

  async #run(task: ToolTask<T>): Promise<T> {
    this.#callerSignal?.throwIfAborted();
    const { watch, ledger } = this.#parts;
    ledger.join(this.#account);
    try {
      return await watch.run(this.#account, () => this.#call(task));
    } finally {
      await this.#end();
    }
  }

  #call(task: ToolTask<T>): T | Promise<T> {
    const context = this.#context();
    if (typeof task === 'function') return task(context);
    return runModuleTask(task, context) as Promise<T>;
  }

  #context(): TaskContext {
    const signal = () => this.#signal();
    return {
      get signal() {
        return signal();
      },
      progress: (value) => this.#onProgress?.(value),
      transfer: (result, list) => {
        this.#onTransfer?.(list);
        return result;
      },
    };
  }

  #signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const caller = this.#callerSignal;
      if (this.#stopped !== undefined) this.#controller.abort(this.#stopped.reason);
      else if (caller?.aborted === true) this.#controller.abort(caller.reason);
      else caller?.addEventListener('abort', this.#onCallerAbort, { once: true });
    }
    return this.#controller.signal;
  }

  readonly #onCallerAbort = (): void => this.stop(this.#callerSignal?.reason);

  async #end(): Promise<void> {
    const { segments, ledger, leakPolicy } = this.#parts;
    segments.settle();
    await ledger.leave(this.#account);
    if (this.#controller !== undefined) {
      this.#callerSignal?.removeEventListener('abort', this.#onCallerAbort);
    }
    this.#account.ended = true;
    if (!this.#account.hasHandles) return;
    const open = [...this.#account.openHandles()];
    if (open.length > 0) this.#leaks = await cleanUp(open, leakPolicy);
  }
}
