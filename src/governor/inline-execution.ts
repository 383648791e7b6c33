import type { AsyncWatch } from './async-watch.ts';
import type { CpuSegments } from './cpu-segments.ts';
import type { Execution, Leak, TaskContext, ToolTask } from './execution.ts';
import type { InlineAccount } from './inline-account.ts';
import { cleanUp, type LeakPolicy } from './leak-cleanup.ts';
import type { ResourceUsage } from './resource-usage.ts';
import type { Participant, SharedLedger } from './shared-ledger.ts';
import { runModuleTask } from './task-module.ts';

/** What all inline executions of one isolation share. */
export interface InlineParts {
  readonly watch: AsyncWatch;
  readonly segments: CpuSegments;
  readonly ledger: SharedLedger;
  readonly leakPolicy: LeakPolicy;
}

/** How an execution that has failed did so. */
export interface Failure {
  readonly error: unknown;
}

/** An execution whose account is closed. */
export type EndedInline = Execution & { readonly account: InlineAccount };

/** What starts an execution, besides its task. */
export interface InlineStart {
  readonly signal?: AbortSignal;
  readonly onProgress?: (value: unknown) => void;
  /** Told what of the result the code wants moved, where there is a thread to move it to. */
  readonly onTransfer?: (list: readonly unknown[]) => void;
  /**
   * Told when all is cleaned up, before `result` settles; returns how it fails. Spares whoever follows many executions
   * a promise for each.
   */
  readonly onSettled?: (
    execution: EndedInline,
    failure: Failure | undefined,
  ) => Failure | undefined;
}

/**
 * A tool that runs on this thread; it can be measured and asked to stop, not ended.
 *
 * Thousands may run at once: what an execution seldom needs is made when it is needed.
 */
export class InlineExecution<T> implements Execution<T>, Participant {
  readonly id: number;
  readonly toolId: string;
  readonly result: Promise<T>;
  readonly account: InlineAccount;
  startedAtMs = 0;
  bookedCpuMs = 0;
  place = -1;
  readonly #parts: InlineParts;
  readonly #start: InlineStart;
  #controller: AbortController | undefined;
  #onCallerAbort: (() => void) | undefined;
  #stopped: Failure | undefined;
  #leaks = NO_LEAKS;
  #resolve!: (value: T) => void;
  #reject!: (error: unknown) => void;
  #value: T | undefined;
  #failure: Failure | undefined;

  constructor(
    parts: InlineParts,
    account: InlineAccount,
    id: number,
    toolId: string,
    task: ToolTask<T>,
    start: InlineStart,
  ) {
    this.id = id;
    this.toolId = toolId;
    this.account = account;
    this.#parts = parts;
    this.#start = start;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    parts.ledger.join(this);
    this.#run(task);
  }

  get kind(): 'inline' {
    return 'inline';
  }

  usage(): ResourceUsage {
    if (!this.account.ended) {
      this.#parts.segments.settle();
      this.#parts.ledger.refresh();
    }
    return this.account.usage();
  }

  stop(reason: unknown): void {
    if (this.#stopped !== undefined || this.account.ended) return;
    this.#stopped = { error: reason };
    this.#controller?.abort(reason);
  }

  async kill(_reason: unknown): Promise<void> {
    // Nothing can end code on the thread that would have to end it.
  }

  leaks(): readonly Leak[] {
    return this.#leaks;
  }

  #run(task: ToolTask<T>): void {
    const { signal } = this.#start;
    if (signal?.aborted === true) return this.#codeFailed(signal.reason);
    try {
      const returned = this.#parts.watch.run(this.account, this, task);
      if (isThenable(returned)) {
        returned.then(
          (value) => this.#codeReturned(value),
          (error: unknown) => this.#codeFailed(error),
        );
      } else this.#codeReturned(returned);
    } catch (error) {
      this.#codeFailed(error);
    }
  }

  /** Calls the code of the tool. */
  call(task: ToolTask<T>): T | Promise<T> {
    const context = new InlineContext(this, this.#start);
    if (typeof task === 'function') return task(context);
    return runModuleTask(task, context) as Promise<T>;
  }

  /** Made when the code asks for it: a controller costs more than all else here. */
  signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      const { signal } = this.#start;
      if (this.#stopped !== undefined) this.#controller.abort(this.#stopped.error);
      else if (signal?.aborted === true) this.#controller.abort(signal.reason);
      else if (signal !== undefined) {
        this.#onCallerAbort = () => this.stop(signal.reason);
        signal.addEventListener('abort', this.#onCallerAbort, { once: true });
      }
    }
    return this.#controller.signal;
  }

  #codeReturned(value: T): void {
    this.#value = value;
    this.#parts.ledger.leave(this);
  }

  #codeFailed(error: unknown): void {
    this.#failure = { error };
    this.#parts.ledger.leave(this);
  }

  /** The ledger has looked for the last time on its behalf. */
  left(): void {
    this.#parts.segments.settle();
    if (this.#onCallerAbort !== undefined) {
      this.#start.signal?.removeEventListener('abort', this.#onCallerAbort);
    }
    this.account.ended = true;
    if (!this.account.hasHandles) return this.#settle();
    const open = [...this.account.openHandles()];
    if (open.length === 0) return this.#settle();
    void cleanUp(open, this.#parts.leakPolicy).then((leaks) => {
      this.#leaks = leaks;
      this.#settle();
    });
  }

  #settle(): void {
    const { onSettled } = this.#start;
    const failure = onSettled === undefined ? this.#failure : onSettled(this, this.#failure);
    if (failure === undefined) return this.#resolve(this.#value as T);
    // Whoever does not wait for it has not asked to be ended by it either.
    this.result.catch(ignore);
    this.#reject(failure.error);
  }
}

/** Its members may be taken apart: each works on its own. */
class InlineContext implements TaskContext {
  readonly #execution: { signal(): AbortSignal };
  readonly #start: InlineStart;

  constructor(execution: { signal(): AbortSignal }, start: InlineStart) {
    this.#execution = execution;
    this.#start = start;
  }

  get signal(): AbortSignal {
    return this.#execution.signal();
  }

  get progress(): TaskContext['progress'] {
    const { onProgress } = this.#start;
    return (value) => onProgress?.(value);
  }

  get transfer(): TaskContext['transfer'] {
    const { onTransfer } = this.#start;
    return (result, list) => {
      onTransfer?.(list);
      return result;
    };
  }
}

const NO_LEAKS: readonly Leak[] = [];

function ignore(): void {}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
