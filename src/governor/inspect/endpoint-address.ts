import { readdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { badOption } from '../../options.ts';
import { checkSocketDirectory, socketDirectory } from './socket-directory.ts';

/** Where an inspection endpoint listens: a socket, on Windows a named pipe. */
export interface EndpointAddress {
  readonly name: string;
  readonly pid: number;
  readonly path: string;
}

/** A digit first would be a pid to `granary top`. */
const NAME = /^[A-Za-z][\w.-]{0,63}$/;
const FILE = /^([A-Za-z][\w.-]{0,63})-(\d{1,10})\.sock$/;
const PIPES = '\\\\.\\pipe\\';
/** `sun_path`, without the end of the string. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

export const IS_WINDOWS = process.platform === 'win32';

/** @returns `value`, when an endpoint can be named so. */
export function checkEndpointName(value: unknown): string {
  if (typeof value !== 'string' || !NAME.test(value)) {
    badOption('name', value, 'a letter and at most 63 of A-Z, a-z, 0-9, ".", "_", "-"');
  }
  return value;
}

/** What this process is called where nobody has named it: its program, as far as a name can hold it. */
export function defaultEndpointName(program: string = process.argv[1] ?? ''): string {
  const name = path
    .parse(program)
    .name.replaceAll(/[^\w.-]+/g, '-')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, 64);
  return name === '' ? 'node' : name;
}

/** Where this process listens under a name. */
export function endpointPath(name: string): string {
  const file = `${name}-${process.pid}.sock`;
  return IS_WINDOWS ? `${PIPES}${pipePrefix()}${file}` : path.join(socketDirectory(), file);
}

/** @returns `value`, when a socket can lie there; a longer path would be cut, or refused with EINVAL. */
export function checkEndpointPath(value: unknown): string {
  const isPath = typeof value === 'string' && value !== '' && !value.includes('\0');
  const allowed = `the path of a socket, at most ${MAX_PATH_BYTES} bytes`;
  if (!isPath) badOption('path', value, allowed);
  if (IS_WINDOWS) return value;
  const absolute = path.resolve(value);
  if (Buffer.byteLength(absolute) > MAX_PATH_BYTES) badOption('path', absolute, allowed);
  return absolute;
}

/**
 * @returns every endpoint of this user's that there is a socket of, whether or not anybody still listens
 * @throws `ERR_GRANARY_BAD_OPTION` where the directory of sockets may be another's
 */
export function listEndpoints(): readonly EndpointAddress[] {
  if (IS_WINDOWS) {
    const prefix = pipePrefix();
    return readdirSync(PIPES)
      .filter((file) => file.startsWith(prefix))
      .flatMap((file) => addressOf(file.slice(prefix.length), `${PIPES}${file}`));
  }
  const directory = socketDirectory();
  return checkSocketDirectory(directory) ? listDirectory(directory) : [];
}

/** @returns the endpoints whose sockets lie in a directory. */
export function listDirectory(directory: string): readonly EndpointAddress[] {
  return readdirSync(directory).flatMap((file) => addressOf(file, path.join(directory, file)));
}

function addressOf(file: string, where: string): EndpointAddress[] {
  const [, name, pid] = FILE.exec(file) ?? [];
  return name === undefined ? [] : [{ name, pid: Number(pid), path: where }];
}

function pipePrefix(): string {
  return `granary-${userInfo().username}-`;
}
