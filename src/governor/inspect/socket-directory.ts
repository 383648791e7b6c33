import { lstatSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GranaryError } from '../../errors.ts';

/**
 * Where the sockets of a user's processes lie: below `$XDG_RUNTIME_DIR` where that is a directory of this user's, as
 * the XDG Base Directory Specification demands, else below the directory for temporary files.
 */
export function socketDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = env['XDG_RUNTIME_DIR'];
  // `sudo` and `su` leave another user's there.
  if (runtime !== undefined && path.isAbsolute(runtime) && isOwnDirectory(runtime)) {
    return path.join(runtime, 'granary');
  }
  return path.join(tmpdir(), `granary-${ownUid()}`);
}

/** Makes a directory, unless there is one, and checks that nobody else can get at what lies in it. */
export function openSocketDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(directory, cause);
  }
  checkSocketDirectory(directory);
}

/**
 * @returns whether there is such a directory
 * @throws `ERR_GRANARY_BAD_OPTION` where somebody else could have made, or could change, what lies in it
 */
export function checkSocketDirectory(directory: string): boolean {
  let stats: Stats;
  try {
    stats = lstatSync(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unusable(directory, cause);
  }
  const fault = faultOf(stats);
  if (fault === undefined) return true;
  throw new GranaryError(
    'ERR_GRANARY_BAD_OPTION',
    `the socket directory must be a directory of this user's that nobody else may enter (mode 0700): ${directory} ${fault}`,
    { data: { option: 'path', value: directory, allowed: 'a directory of one’s own, mode 0700' } },
  );
}

function faultOf(stats: Stats): string | undefined {
  if (stats.isSymbolicLink()) return 'is a symbolic link';
  if (!stats.isDirectory()) return 'is no directory';
  if (stats.uid !== ownUid()) return `belongs to the user ${stats.uid}, not to ${ownUid()}`;
  const mode = stats.mode & 0o777;
  if ((mode & 0o077) !== 0) return `has mode 0${mode.toString(8)}`;
  return undefined;
}

function unusable(directory: string, cause: unknown): GranaryError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new GranaryError(
    'ERR_GRANARY_BAD_OPTION',
    `the socket directory must be one that can be made and read (${code ?? message}): ${directory}`,
    { cause, data: { option: 'path', value: directory, allowed: 'a directory' } },
  );
}

function isOwnDirectory(directory: string): boolean {
  try {
    const stats = statSync(directory);
    return stats.isDirectory() && stats.uid === ownUid();
  } catch {
    return false;
  }
}

/** Of whom files are that this process makes. */
function ownUid(): number {
  return process.geteuid?.() ?? 0;
}
