import type { SpareHosts } from './host-pool.ts';
import type { Walls } from './tool-walls.ts';
import type { ResourceUsage } from './resource-usage.js';

/** Where a tool's code runs. */
export type IsolationKind = 'inline' | 'worker' | 'process';

/** A tool that another thread or process can load. */
export interface ModuleTask {
  /** URL or absolute path of an ES module. */
  readonly module: string | URL;
  /** Name of the exported function; `default` where not given. */
  readonly export?: string;
  /** Structured-cloneable arguments. */
  readonly args?: readonly unknown[];
  /** Transferred instead of copied. */
  readonly transfer?: readonly unknown[];
}

/** What the code of a tool is given while it runs. */
export interface TaskContext {
  /** Aborts when the caller aborts, a timeout passes, or a limit ends the execution. */
  readonly signal: AbortSignal;
  /** Tells the caller how far it is. */
  progress(value: unknown): void;
  /**
   * Names what of the result is moved to the caller instead of copied (a worker), and returns the result; changes
   * nothing elsewhere.
   */
  transfer<T>(result: T, list: readonly unknown[]): T;
}

/** A function runs inline; a module task in any isolation. */
export type ToolTask<T> = ((context: TaskContext) => T | Promise<T>) | ModuleTask;

/** What an execution left open when it ended. */
export interface Leak {
  readonly kind: 'descriptor' | 'socket' | 'process' | 'timer';
  /** Descriptor, inode or pid. */
  readonly id: number;
  /** Where it was opened, if stacks are kept. */
  readonly stack?: string;
  /** Whether clean-up has closed it; what it has not remains open. */
  readonly closed: boolean;
}

/** What whoever follows an execution writes down of it: on itself, as there may be many thousands. */
export interface Booked {
  /** In ms of the clock of who follows it; 0 while nobody does. */
  startedAtMs: number;
  /** CPU time that is in the books already, in ms. */
  bookedCpuMs: number;
  /** Where it stands among those that run; -1 where it does not. */
  place: number;
}

/** One run of a tool, from the start of its code to the end of its clean-up. */
export interface Execution<T = unknown> extends Booked {
  readonly id: number;
  readonly toolId: string;
  readonly kind: IsolationKind;
  /** Settles when the code has ended and what could be cleaned up is. */
  readonly result: Promise<T>;
  /** What it uses now, or, once ended, what it had used at its peak; never waits. */
  usage(): ResourceUsage;
  /** Whether the thread or process that it is to run in is not ready yet. */
  readonly isStarting?: boolean;
  /** What its thread or process takes for itself, where this process does not hold that, in bytes. */
  hostBytes?(): number;
  /** Asks the code to stop (its signal aborts with `reason`); inline code can only be asked. */
  stop(reason: unknown): void;
  /** Ends it without asking: terminates the worker, SIGTERM then SIGKILL to the whole tree; nothing for inline. */
  kill(reason: unknown): Promise<void>;
  /** Leaves the CPU to other tools while they want it; where the system cannot have it do so, nothing. */
  yieldCpu?(): void;
  /** What it left open; known once `result` has settled. */
  leaks(): readonly Leak[];
}

/** What starts an execution, besides its tool and task. */
export interface StartOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (value: unknown) => void;
  /** Set around a process where the kernel has been given to divide; nothing elsewhere. */
  readonly walls?: Walls;
}

/** One way to run tools. */
export interface Isolation {
  readonly kind: IsolationKind;
  start<T>(toolId: string, task: ToolTask<T>, options: StartOptions): Execution<T>;
  /** Ends what is kept for later: memory is short. */
  trim?(): void;
  /** What the next execution takes for a thread or process of its own, in bytes; nothing where one waits. */
  hostBytes?(): number;
  /** What threads or processes hold in which nothing runs. */
  spare?(): SpareHosts;
  /** Ends what runs, and whatever was kept for later. */
  close(): Promise<void>;
}
