import { readFileSync } from 'node:fs';

/** The control group (cgroup v2) that this process is in. */
export interface ControlGroup {
  /** Its folder. */
  readonly folder: string;
  /** What can be limited in it: `memory`, `pids` and so on. */
  readonly controllers: readonly string[];
}

/** @returns the control group of this process; `undefined` where there is none of version 2. */
export function controlGroup(): ControlGroup | undefined {
  const path = line('/proc/self/cgroup', (one) => one.startsWith('0::'))?.slice('0::'.length);
  // A mount is described by: device, folder, type, options.
  const mount = line('/proc/self/mounts', (one) => one.split(' ')[2] === 'cgroup2')?.split(' ')[1];
  if (path === undefined || mount === undefined) return undefined;
  const folder = `${mount}${path}`.replace(/\/$/, '');
  const controllers = readText(`${folder}/cgroup.controllers`);
  if (controllers === undefined) return undefined;
  return { folder, controllers: controllers.split(/\s+/).filter(Boolean) };
}

/** @returns what a file of the kernel says; `undefined` where there is none, or it may not be read. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    // Another platform, another version of cgroup, or a kernel built without it.
    return undefined;
  }
}

function line(file: string, isMeant: (line: string) => boolean): string | undefined {
  return readText(file)?.split('\n').find(isMeant);
}
