import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { callNative, loadAddon } from '../native/addon.ts';
import type { Host, HostListener, HostMeter } from './host.ts';
import { HOST_ENTRY } from './host-entry.ts';
import type { FromHost, HostSettings, ToHost } from './host-message.ts';
import type { ProcessGuard } from './process-guard.ts';
import { ProcessMeter } from './process-meter.ts';
import type { ToolWalls, Wall, Walls } from './tool-walls.ts';
import { findDescendants, readDescendants, readProcess } from './process-tree.ts';

/** How a process is made. */
export interface ProcessHostOptions {
  readonly settings: HostSettings;
  /** A process that holds this much more than when it was new is not used again, in bytes. */
  readonly wornBytes: number;
  readonly guard: ProcessGuard;
  readonly walls: ToolWalls | undefined;
  /** `NAME=value` in the environment of the process, and so of all that it starts. */
  readonly mark: string;
}

/** Pauses between looks at whether what was killed is gone, in ms; a second in all. */
const GONE_AFTER_MS = [0, 1, 5, 10, 20, 50, 100, 200, 300, 300];

/** What Node runs of its own accord: the collector, the pool of libuv, the compiler. */
const HOST_THREADS = 32;

/** What a new process takes, in bytes. */
export const PROCESS_BYTES = 48 * 1_048_576;

/** A process for one tool at a time, with whatever the tool starts. */
export class ProcessHost implements Host {
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #options: ProcessHostOptions;
  #newBytes = 0;
  #listener: HostListener | undefined;
  #isAlive = true;
  #ending: Promise<void> | undefined;
  /** Faults of ended children at the last look that found no descendants. */
  #quietFaults: number | undefined = 0;
  readonly #wall: Wall | undefined;
  /** Nothing is left: its number may be another's. */
  #isGone = false;
  #isYielding = false;

  constructor(options: ProcessHostOptions) {
    this.#options = options;
    const [name = '', value = ''] = options.mark.split('=');
    this.#child = fork(fileURLToPath(HOST_ENTRY), [JSON.stringify(options.settings)], {
      serialization: 'advanced',
      // A group of its own, so that one signal reaches all of it.
      detached: process.platform !== 'win32',
      // The standard output of a stdio server belongs to the protocol.
      stdio: ['ignore', 2, 2, 'ipc'],
      env: { ...process.env, [name]: value },
      execArgv: process.execArgv.filter((flag) => !flag.startsWith('--inspect')),
    });
    if (this.#child.pid !== undefined) {
      options.guard.watch(this.#child.pid);
      this.#wall = options.walls?.surround(this.#child.pid);
    }
    this.ready = this.#whenReady();
    this.ready.catch(() => undefined);
  }

  get isAlive(): boolean {
    return this.#isAlive && this.#ending === undefined;
  }

  listen(listener: HostListener | undefined): void {
    this.#listener = listener;
    if (listener === undefined) {
      this.#child.unref();
      this.#child.channel?.unref();
    } else {
      this.#child.ref();
      this.#child.channel?.ref();
    }
  }

  send(message: ToHost, _transfer: readonly unknown[]): void {
    this.#child.send(message, () => {
      // A process that is gone tells so by its end.
    });
  }

  meter(): HostMeter {
    return new ProcessMeter(this.#pid, { residentBytes: this.#newBytes });
  }

  descendants(): readonly number[] {
    const faults = readProcess(this.#pid)?.childrenFaults;
    // What started nothing since the last look has no descendants: spares a look at all processes of the machine.
    const isQuiet = faults !== undefined && faults === this.#quietFaults;
    if (isQuiet && readDescendants(this.#pid).length === 0) return [];
    const found = findDescendants(this.#pid, this.#options.mark).map(({ pid }) => pid);
    this.#quietFaults = found.length === 0 ? faults : undefined;
    return found;
  }

  surround({ memoryBytes, pids }: Walls): void {
    // Before a tool runs the process itself takes room, and threads of its own.
    this.#wall?.set({ memoryBytes: this.#newBytes + memoryBytes, pids: HOST_THREADS + pids });
  }

  yieldCpu(): void {
    if (this.#isYielding || this.#isGone) return;
    this.#isYielding = true;
    if (callNative(() => loadAddon().lowerGroupPriority(this.#pid))) return;
    try {
      // Without groups, at least what the tool itself does.
      setPriority(this.#pid, constants.priority.PRIORITY_LOW);
    } catch {
      // It is gone.
    }
  }

  hostBytes(): number {
    return this.#newBytes > 0 ? this.#newBytes : PROCESS_BYTES;
  }

  residentBytes(): number {
    return (this.#isGone ? undefined : readProcess(this.#pid))?.residentBytes ?? 0;
  }

  isWorn(): boolean {
    // Without privileges there is no way back to an ordinary priority.
    if (this.#isYielding) return true;
    return this.residentBytes() - this.#newBytes > this.#options.wornBytes;
  }

  end(graceMs: number): Promise<void> {
    this.#ending ??= this.#end(graceMs);
    return this.#ending;
  }

  /** Kills the process and its group at once, as a process that ends can: without waiting. */
  killNow(): void {
    if (this.#isGone) return;
    signal(process.platform === 'win32' ? this.#pid : -this.#pid, 'SIGKILL');
  }

  get #pid(): number {
    return this.#child.pid ?? 0;
  }

  async #end(graceMs: number): Promise<void> {
    // Ended for good before all is gone: what was started in between would escape a single look.
    if (graceMs > 0 && this.#isAlive) {
      for (const pid of [this.#pid, ...this.descendants()]) signal(pid, 'SIGTERM');
      await Promise.race([this.#exited(), sleep(graceMs, undefined, { ref: false })]);
    }
    for (const pauseMs of GONE_AFTER_MS) {
      this.killNow();
      for (const pid of this.descendants()) signal(pid, 'SIGKILL');
      await sleep(pauseMs);
      if (!this.#isAlive && this.descendants().length === 0) break;
    }
    this.#isGone = true;
    this.#options.guard.forget(this.#pid);
    await this.#wall?.remove();
  }

  async #exited(): Promise<void> {
    if (this.#isAlive) await once(this.#child, 'exit');
  }

  async #whenReady(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#child.on('message', (message) => {
        const told = message as FromHost;
        if (told.kind !== 'ready') return this.#listener?.message(told);
        this.#newBytes = readProcess(this.#pid)?.residentBytes ?? 0;
        resolve();
      });
      this.#child.on('error', (error) => this.#gone({ code: null, signal: null, error }, reject));
      this.#child.on('exit', (code, signal) => this.#gone({ code, signal }, reject));
    });
  }

  #gone(
    end: { code: number | null; signal: NodeJS.Signals | null; error?: unknown },
    reject: (reason: unknown) => void,
  ): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    // Whatever it had started is without a parent now, and nobody else's to end.
    void this.end(0).then(() => {
      this.#listener?.ended(end);
      reject(new Error(`the process ended with code ${end.code} before it was ready`));
    });
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    if (pid !== 0) process.kill(pid, name);
  } catch {
    // It is gone.
  }
}
