import { randomUUID } from 'node:crypto';
import type { Execution, Isolation, StartOptions, ToolTask } from './execution.ts';
import { checkHostOptions, type HostOptions } from './host-options.ts';
import type { HostCount, SpareHosts } from './host-pool.ts';
import { HostRunner } from './host-runner.ts';
import { ProcessGuard } from './process-guard.ts';
import { badOption } from '../options.ts';
import { PROCESS_BYTES, ProcessHost } from './process-host.ts';
import { ToolWalls } from './tool-walls.ts';

/** How processes of tools are kept. */
export interface ProcessIsolationOptions extends HostOptions {
  /** Where memory and processes are limited by the kernel too. */
  readonly walls?: ToolWalls;
}

/**
 * Runs each tool in a process of its own: all that it uses, with its descendants, is counted by the kernel, and all of
 * it can be ended.
 *
 * Costs about 150 ms and 42 MB for a new process; processes are used again unless something was left in them.
 *
 * @example
 * ```ts
 * const isolation = new ProcessIsolation();
 * const execution = isolation.start('convert', { module: '/srv/tools/convert.js', args: ['in.svg'] }, {});
 * await execution.result;
 * console.log(execution.usage().memoryBytes); // { value: …, confidence: 'exact' }
 * await isolation.close();
 * ```
 */
export class ProcessIsolation implements Isolation {
  readonly kind = 'process';
  readonly #runner: HostRunner;
  readonly #guard: ProcessGuard;
  readonly #hosts = new Set<ProcessHost>();

  readonly #walls: ToolWalls | undefined;

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  constructor(options: ProcessIsolationOptions = {}) {
    const { walls } = options;
    if (walls !== undefined && !(walls instanceof ToolWalls)) {
      badOption('walls', walls, 'what ToolWalls.open returns');
    }
    this.#walls = walls;
    const { settings, wornBytes, ...kept } = checkHostOptions(options);
    const mark = `GRANARY_TOOL_HOST=${randomUUID()}`;
    this.#guard = new ProcessGuard(mark);
    const create = () =>
      this.#create(
        new ProcessHost({
          settings,
          wornBytes,
          guard: this.#guard,
          walls: this.#walls,
          mark: `${mark}.${randomUUID()}`,
        }),
      );
    this.#runner = new HostRunner('process', create, kept);
    process.on('exit', this.#killAll);
  }

  /** How many processes there are. */
  get hosts(): HostCount {
    return this.#runner.hosts;
  }

  /** Ends the processes that wait for the next execution. */
  trim(): void {
    this.#runner.trim();
  }

  start<T>(toolId: string, task: ToolTask<T>, options: StartOptions): Execution<T> {
    return this.#runner.start(toolId, task, options);
  }

  hostBytes(): number {
    return this.#runner.hostBytes(PROCESS_BYTES);
  }

  spare(): SpareHosts {
    return this.#runner.spare();
  }

  /** Ends every process, first by asking. */
  async close(): Promise<void> {
    await this.#runner.close();
    await this.#guard.close();
    process.removeListener('exit', this.#killAll);
  }

  #create(host: ProcessHost): ProcessHost {
    for (const other of this.#hosts) if (!other.isAlive) this.#hosts.delete(other);
    this.#hosts.add(host);
    return host;
  }

  readonly #killAll = (): void => {
    for (const host of this.#hosts) host.killNow();
  };
}
