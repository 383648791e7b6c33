import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { badOption } from '../options.ts';
import type { Execution, Leak } from './execution.ts';
import { nextExecutionId } from './execution-id.ts';
import { ProcessMeter } from './process-meter.ts';
import { readDescendants, readProcess } from './process-tree.ts';
import type { ResourceUsage } from './resource-usage.ts';

/** How a process that somebody else has started is governed. */
export interface GovernProcessOptions {
  /** Its name among the tools; `process PID` by default. */
  readonly toolId?: string;
  /** Time between asking and ending, in ms; 1,000 by default. */
  readonly graceMs?: number;
  /** As of any tool. */
  readonly priority?: number;
}

/** A process that is governed. */
export interface GovernedProcess {
  /** Its name among the tools. */
  readonly toolId: string;
  readonly pid: number;
  /** Resolves when it has ended or was let go. */
  readonly ended: Promise<void>;
  /** Lets go of it: it runs on without limits. */
  release(): void;
}

/** How late the end of a process is noticed that is no child of this one, in ms. */
const LOOK_EVERY_MS = 100;

/** A process that somebody else has started: measured and ended as if it were an execution. */
export class AdoptedProcess implements Execution<void> {
  readonly id = nextExecutionId();
  readonly toolId: string;
  readonly kind = 'process';
  /** Settles when the process has ended. */
  readonly result: Promise<void>;
  readonly pid: number;
  startedAtMs = 0;
  bookedCpuMs = 0;
  place = -1;
  readonly #graceMs: number;
  readonly #meter: ProcessMeter;
  /** Another process that has the number later has another. */
  readonly #startedAt: number;
  readonly #child: ChildProcess | undefined;
  #peak: ResourceUsage;
  #graceTimer: NodeJS.Timeout | undefined;
  #killing: Promise<void> | undefined;
  #release: () => void = () => undefined;

  /** @throws `ERR_GRANARY_BAD_OPTION` where there is no such process */
  constructor(toolId: string, target: number | ChildProcess, graceMs: number) {
    this.toolId = toolId;
    this.#graceMs = graceMs;
    this.#child = typeof target === 'number' ? undefined : target;
    const pid = typeof target === 'number' ? target : target?.pid;
    const allowed = 'the number of a process that is running, or a ChildProcess';
    if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 1) {
      badOption('target', target, allowed);
    }
    if (pid === process.pid) badOption('target', pid, 'another process than this one');
    const startedAt = readProcess(pid)?.startedAt;
    if (startedAt === undefined || !this.#isRunning(pid)) badOption('target', target, allowed);
    this.pid = pid;
    this.#startedAt = startedAt;
    this.#meter = new ProcessMeter(pid, { residentBytes: 0 }, 'since it began');
    this.#peak = this.#meter.usage();
    this.result = this.#ended();
  }

  usage(): ResourceUsage {
    if (this.#isAlive()) this.#peak = this.#meter.usage();
    return this.#peak;
  }

  stop(_reason: unknown): void {
    if (this.#graceTimer !== undefined || !this.#isAlive()) return;
    this.#signal('SIGTERM', this.pid);
    this.#graceTimer = setTimeout(() => void this.kill(), this.#graceMs);
  }

  async kill(): Promise<void> {
    this.#killing ??= this.#kill();
    await this.#killing;
  }

  leaks(): readonly Leak[] {
    return [];
  }

  /** Leaves the process alone from now on. */
  release(): void {
    this.#release();
  }

  async #kill(): Promise<void> {
    // What it starts while it is being ended is found at the next look.
    for (let look = 0; look < 50 && this.#isAlive(); look++) {
      const descendants = readDescendants(this.pid);
      for (const pid of [this.pid, ...descendants]) this.#signal('SIGKILL', pid);
      await sleep(10);
    }
  }

  #ended(): Promise<void> {
    return new Promise((resolve) => {
      // Whoever is no parent of it is not told: he has to look.
      const timer = setInterval(() => {
        if (!this.#isAlive()) this.#release();
      }, LOOK_EVERY_MS).unref();
      const onExit = (): void => this.#release();
      this.#child?.once('exit', onExit);
      this.#release = () => {
        clearInterval(timer);
        clearTimeout(this.#graceTimer);
        this.#meter.close();
        this.#child?.removeListener('exit', onExit);
        resolve();
      };
    });
  }

  #isAlive(): boolean {
    return this.#isRunning(this.pid) && readProcess(this.pid)?.startedAt === this.#startedAt;
  }

  #isRunning(pid: number): boolean {
    return readProcess(pid)?.isZombie === false;
  }

  #signal(name: NodeJS.Signals, pid: number): void {
    try {
      process.kill(pid, name);
    } catch {
      // It is gone, or not ours to end: the next look tells.
    }
  }
}
