import { fstatSync, readdirSync } from 'node:fs';

/** What a descriptor leads to, as far as who pays for it depends on that. */
export type DescriptorKind = 'file' | 'socket' | 'internal';

const FOLDERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: '/proc/self/fd',
  darwin: '/dev/fd',
};

/**
 * Numbers of the descriptors that this process has open; none where the platform does not list them.
 *
 * Costs two system calls for each that is open.
 */
export function listDescriptors(): readonly number[] {
  const folder = FOLDERS[process.platform];
  if (folder === undefined) return [];
  // The list holds the descriptor that read it, closed by now.
  return readdirSync(folder)
    .map(Number)
    .filter((fd) => descriptorKind(fd) !== undefined);
}

/** @returns what a descriptor is; `undefined` if it is closed. */
export function descriptorKind(fd: number): DescriptorKind | undefined {
  try {
    const stat = fstatSync(fd);
    if (stat.isSocket()) return 'socket';
    // epoll, eventfd and their kin have no type: a runtime opens them, not a tool.
    const named =
      stat.isFile() ||
      stat.isDirectory() ||
      stat.isFIFO() ||
      stat.isCharacterDevice() ||
      stat.isBlockDevice();
    return named ? 'file' : 'internal';
  } catch {
    return undefined;
  }
}
