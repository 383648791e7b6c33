import { accessSync, constants, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../describe-value.ts';
import { type ControlGroup, readText } from './control-group.ts';

/** What a process tool cannot get beyond, by the kernel. */
export interface Walls {
  /** Of the process and all that it starts, in bytes. */
  readonly memoryBytes: number;
  /** How many processes and threads. */
  readonly pids: number;
}

/** The walls around one process. */
export interface Wall {
  set(walls: Walls): void;
  /** Takes the group away, once nothing runs in it any more. */
  remove(): Promise<void>;
}

const NEEDED = ['memory', 'pids'];
/** Pauses between attempts to remove a group whose last process the kernel has not let go of yet, in ms. */
const REMOVE_AFTER_MS = [0, 5, 20, 100, 500];

/**
 * Control groups for tools, within the group of this process, if that was given to it to divide (systemd: `Delegate=yes`;
 * containers: a cgroup namespace of its own that may be written to).
 *
 * A group that has groups within may have no processes (the kernel's rule): this process moves to one beside them.
 *
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export class ToolWalls {
  readonly #folder: string;
  #count = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Takes hold of a group.
   *
   * @returns the reason where that cannot be done
   */
  static open(group: ControlGroup | undefined): ToolWalls | string {
    if (process.platform !== 'linux') return 'control groups are a feature of Linux';
    if (group === undefined) return 'there is no control group of version 2';
    const missing = NEEDED.filter((controller) => !group.controllers.includes(controller));
    if (missing.length > 0) return `the control group has no controller for ${missing.join(', ')}`;
    const { folder } = group;
    try {
      for (const name of ['', '/cgroup.procs', '/cgroup.subtree_control']) {
        accessSync(`${folder}${name}`, constants.W_OK);
      }
    } catch {
      return `the control group was not delegated to this process: ${folder} cannot be written`;
    }
    const others = (readText(`${folder}/cgroup.procs`) ?? '')
      .split('\n')
      .filter((pid) => pid !== '' && Number(pid) !== process.pid);
    if (others.length > 0) return `${others.length} other processes are in the control group`;
    const own = `${folder}/granary-${process.pid}`;
    try {
      mkdirSync(own, { recursive: true });
      writeFileSync(`${own}/cgroup.procs`, `${process.pid}`);
      writeFileSync(`${folder}/cgroup.subtree_control`, NEEDED.map((name) => `+${name}`).join(' '));
    } catch (error) {
      return `the control group cannot be divided: ${describeError(error)}`;
    }
    return new ToolWalls(folder);
  }

  /** Puts a process, with all that it starts from now on, within walls of its own. */
  surround(pid: number): Wall {
    this.#count++;
    const folder = `${this.#folder}/granary-${process.pid}-tool-${this.#count}`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/cgroup.procs`, `${pid}`);
    return {
      set: ({ memoryBytes, pids }) => {
        writeFileSync(`${folder}/memory.max`, limit(memoryBytes));
        writeFileSync(`${folder}/pids.max`, limit(pids));
      },
      remove: async () => {
        for (const pauseMs of REMOVE_AFTER_MS) {
          await sleep(pauseMs);
          try {
            return rmdirSync(folder);
          } catch {
            // Something in it is still on its way out.
          }
        }
      },
    };
  }
}

function limit(value: number): string {
  return Number.isFinite(value) ? String(Math.ceil(value)) : 'max';
}
