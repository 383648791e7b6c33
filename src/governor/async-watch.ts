import { AsyncLocalStorage, createHook, type AsyncHook } from 'node:async_hooks';
import type { CpuSegments } from './cpu-segments.ts';
import type { InlineAccount } from './inline-account.ts';

interface FileHandleResource {
  readonly fd: number;
  close(): Promise<void>;
}

interface ProcessResource {
  readonly pid?: number;
}

interface TimerResource {
  hasRef(): boolean;
}

/**
 * Knows at each moment for whom this thread runs, and sees the handles that announce themselves: file handles of
 * fs.promises, child processes, timers. `fs.openSync` and streams announce nothing.
 */
export class AsyncWatch {
  readonly #storage = new AsyncLocalStorage<InlineAccount | undefined>();
  readonly #segments: CpuSegments;
  readonly #hook: AsyncHook;
  /** Opened, and not yet handed to whoever asked for them. */
  #newFileHandles: FileHandleResource[] = [];

  constructor(segments: CpuSegments) {
    this.#segments = segments;
    this.#hook = createHook({
      init: (asyncId, type, _triggerId, resource) => this.#init(asyncId, type, resource),
      before: () => this.#before(),
    });
    this.#hook.enable();
  }

  /** The execution whose code runs now, until it ends. */
  get account(): InlineAccount | undefined {
    const account = this.#storage.getStore();
    return account?.ended === true ? undefined : account;
  }

  /** Runs code, and whatever it causes later, for an account. */
  run<Task, T>(account: InlineAccount, runner: { call(task: Task): T }, task: Task): T {
    const outer = this.#segments.account;
    this.#segments.switchTo(account);
    try {
      return this.#storage.run(account, callRunner<Task, T>, runner, task);
    } finally {
      this.#segments.switchTo(outer);
    }
  }

  /** Keeps who runs now, and returns what runs a function for it. */
  inContext(): (code: () => void) => void {
    const account = this.#storage.getStore();
    return (code) => this.#storage.run(account, code);
  }

  close(): void {
    this.#hook.disable();
    this.#segments.switchTo(undefined);
  }

  #init(asyncId: number, type: string, resource: object): void {
    // By far the most frequent, and no handle.
    if (type === 'PROMISE' || type === 'TickObject') return;
    if (type === 'FILEHANDLE') this.#newFileHandles.push(resource as FileHandleResource);
    else if (type === 'Timeout') this.#timer(asyncId, resource as TimerResource);
    else if (type === 'PROCESSWRAP') this.#process(resource);
  }

  #before(): void {
    this.#segments.switchTo(this.#storage.getStore());
    if (this.#newFileHandles.length > 0) this.#takeFileHandles();
  }

  /**
   * A file handle is made outside of any context, and must not be touched then; the next code that runs is that
   * which waited for it.
   */
  #takeFileHandles(): void {
    const handles = this.#newFileHandles;
    this.#newFileHandles = [];
    const { account } = this;
    if (account === undefined) return;
    for (const handle of handles) {
      const { fd } = handle;
      account.track({
        kind: 'descriptor',
        id: fd,
        stack: undefined,
        isOpen: () => handle.fd === fd,
        close: () => void handle.close().catch(() => undefined),
      });
    }
  }

  #timer(asyncId: number, resource: TimerResource): void {
    const { account } = this;
    account?.track({
      kind: 'timer',
      id: asyncId,
      stack: account.openingStack(),
      // Timers that hold nothing alive belong to pools and caches of libraries, who would miss them.
      isOpen: () => resource.hasRef() && Reflect.get(resource, '_destroyed') !== true,
      close: () => clearTimeout(resource as unknown as NodeJS.Timeout),
    });
  }

  #process(resource: ProcessResource): void {
    const { account } = this;
    account?.track({
      kind: 'process',
      // There is none before the process is started, which is after its handle is made.
      get id() {
        return resource.pid ?? 0;
      },
      stack: account.openingStack(),
      isOpen: () => isAlive(resource.pid),
      close: () => signal(resource.pid, 'SIGTERM'),
      force: () => signal(resource.pid, 'SIGKILL'),
    });
  }
}

function callRunner<Task, T>(runner: { call(task: Task): T }, task: Task): T {
  return runner.call(task);
}

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid !== undefined && pid > 0) process.kill(pid, name);
}
