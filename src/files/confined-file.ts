import { constants, type Stats } from 'node:fs';
import { open, readlink, realpath, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

/** A regular file that is open for reading and lies below its root. */
export interface ConfinedFile {
  readonly handle: FileHandle;
  readonly stats: Stats;
  /** Where it lies, without links. */
  readonly realPath: string;
}

/** Whether a path without links lies below a root without links; a common prefix is not enough. */
export function isBelow(root: string, realPath: string): boolean {
  return realPath.startsWith(root.endsWith(path.sep) ? root : root + path.sep);
}

/** A FIFO or a terminal that took the place of a file a moment ago must not hold up the open. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Where the system does not say what was opened, a file that keeps being replaced is given up. */
const ATTEMPTS = 10;

const LOST_NAME = ' (deleted)';

/**
 * Opens a file, and says where what was opened lies: looking at the path before or after would leave
 * a moment for a link to take its place.
 *
 * @param root a path without links
 * @returns `undefined` where there is no regular file, or a link leads out of the root: whoever asks
 * is not to learn which
 * @throws (rejects with) what the system says, such as `EMFILE`, unless it means one of these
 */
export async function openConfined(root: string, file: string): Promise<ConfinedFile | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const opened = await openRegular(file);
    if (opened === undefined) return undefined;
    try {
      const realPath = await locate(opened.handle, file);
      if (realPath !== undefined) {
        if (await isConfined(root, file, realPath)) return { ...opened, realPath };
        await opened.handle.close();
        return undefined;
      }
    } catch (error) {
      await opened.handle.close();
      if (meansAbsent(error)) return undefined;
      throw error;
    }
    await opened.handle.close();
  }
  return undefined;
}

/**
 * What was opened lies below the root, and so does every folder on the way: a path that leads out and
 * back in would tell how folders outside are called.
 */
async function isConfined(root: string, file: string, realPath: string): Promise<boolean> {
  if (!isBelow(root, realPath)) return false;
  if (realPath === file) return true;
  for (let folder = path.dirname(file); isBelow(root, folder); folder = path.dirname(folder)) {
    const realFolder = await realpath(folder);
    if (realFolder !== root && !isBelow(root, realFolder)) return false;
  }
  return true;
}

async function openRegular(
  file: string,
): Promise<{ handle: FileHandle; stats: Stats } | undefined> {
  try {
    // Looked at before: to open a FIFO or a device has effects of its own.
    if (!(await stat(file)).isFile()) return undefined;
    const handle = await open(file, OPEN_FLAGS);
    const stats = await handle.stat().catch(() => undefined);
    if (stats?.isFile()) return { handle, stats };
    await handle.close();
    return undefined;
  } catch (error) {
    if (meansAbsent(error)) return undefined;
    throw error;
  }
}

/** @returns where an open file lies, `undefined` where that changed just now. */
async function locate(handle: FileHandle, file: string): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const known = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => undefined);
    if (known !== undefined) {
      // proc(5) marks so what has lost its name since; a name may also just end so. Either way it
      // lay there when it was opened.
      const isGone = known.endsWith(LOST_NAME) && !(await isAt(handle, known));
      return isGone ? known.slice(0, -LOST_NAME.length) : known;
    }
  }
  const realPath = await realpath(file);
  return (await isAt(handle, realPath)) ? realPath : undefined;
}

async function isAt(handle: FileHandle, file: string): Promise<boolean> {
  const opened = await handle.stat({ bigint: true });
  const there = await stat(file, { bigint: true }).catch(() => undefined);
  return there !== undefined && there.ino === opened.ino && there.dev === opened.dev;
}

const ABSENT = new Set([
  'EACCES',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENODEV',
  'ENOENT',
  'ENOTDIR',
  'ENXIO',
  'EPERM',
]);

/** A target that may not be looked at is as good as none: the difference would tell that it exists. */
function meansAbsent(error: unknown): boolean {
  return ABSENT.has((error as NodeJS.ErrnoException).code ?? '');
}
