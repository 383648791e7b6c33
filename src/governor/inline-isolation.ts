import { setTimeout as sleep } from 'node:timers/promises';
import { AsyncWatch } from './async-watch.ts';
import { CpuSegments } from './cpu-segments.ts';
import type { Execution, Isolation, StartOptions, ToolTask } from './execution.ts';
import { nextExecutionId } from './execution-id.ts';
import { GranaryError } from '../errors.ts';
import { type AccountOptions, InlineAccount } from './inline-account.ts';
import { InlineExecution, type InlineParts, type InlineStart } from './inline-execution.ts';
import { checkLeakOptions, type LeakOptions } from './leak-options.ts';
import { badOption } from '../options.ts';
import { SharedLedger } from './shared-ledger.ts';
import { SocketWatch } from './socket-watch.ts';
import { checkModuleTask } from './task-module.ts';
import { threadClock } from './thread-clock.ts';

/** How inline tools are watched. */
export interface InlineIsolationOptions extends LeakOptions {
  /**
   * Whether descriptors that did not tell of their opening (`openSync`, streams) are reported as leaks of who ran when
   * they were new; true where not given. Such descriptors are never closed.
   */
  readonly guessedLeaks?: boolean;
}

/** Code that does not listen to its signal would keep an isolation from closing for ever. */
const CLOSE_GRACE_MS = 1_000;

/**
 * Runs tools on this thread, side by side, and tells them apart: who by AsyncLocalStorage, CPU by the segments between
 * callbacks, sockets as Node announces them, descriptors and memory by what changes in the process.
 *
 * Costs an async hook for the whole thread while it is open. A tool can be asked to stop, not ended.
 *
 * @example
 * ```ts
 * const isolation = new InlineIsolation({ leaks: 'close' });
 * const execution = isolation.start('search', ({ signal }) => fetch('https://example.org', { signal }), {});
 * await execution.result;
 * console.log(execution.usage().cpuTimeMs.value, execution.leaks());
 * await isolation.close();
 * ```
 */
export class InlineIsolation implements Isolation {
  readonly kind = 'inline';
  readonly #accountOptions: AccountOptions;
  readonly #parts: InlineParts;
  readonly #sockets: SocketWatch;
  #closed = false;

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  constructor(options: InlineIsolationOptions = {}) {
    const { keepStacks, policy } = checkLeakOptions(options);
    const { guessedLeaks = true } = options;
    if (typeof guessedLeaks !== 'boolean') badOption('guessedLeaks', guessedLeaks, 'true or false');
    this.#accountOptions = { keepStacks, guessedLeaks };
    const segments = new CpuSegments(threadClock());
    const watch = new AsyncWatch(segments);
    this.#parts = {
      watch,
      segments,
      ledger: new SharedLedger(),
      leakPolicy: policy,
    };
    this.#sockets = new SocketWatch(
      (socket, pooled) => watch.account?.addSocket(socket, pooled),
      () => watch.inContext(),
    );
  }

  start<T>(toolId: string, task: ToolTask<T>, options: InlineStart & StartOptions): Execution<T> {
    if (this.#closed) throw new GranaryError('ERR_GRANARY_CLOSED', 'this isolation is closed');
    if (typeof toolId !== 'string' || toolId === '') {
      badOption('toolId', toolId, 'a non-empty string');
    }
    if (typeof task !== 'function') checkModuleTask(task);
    const account = new InlineAccount(this.#accountOptions);
    return new InlineExecution<T>(this.#parts, account, nextExecutionId(), toolId, task, options);
  }

  /** Asks what runs to stop, waits a second at most until it has, and takes the hooks away. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const running = this.#parts.ledger.participants();
    const reason = new GranaryError('ERR_GRANARY_CLOSED', 'this isolation was closed');
    for (const execution of running) execution.stop(reason);
    const ended = Promise.allSettled(running.map(({ result }) => result));
    await Promise.race([ended, sleep(CLOSE_GRACE_MS, undefined, { ref: false })]);
    this.#sockets.close();
    this.#parts.watch.close();
  }
}
