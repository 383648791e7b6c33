import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { listDirectory } from './endpoint-address.ts';

/** Whoever listens takes a connection at once; who is stopped has it queued by the system. */
const PATIENCE_MS = 1_000;

/** @returns whether anybody listens on a socket. */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PATIENCE_MS, () => settle(true));
    socket.once('connect', () => settle(true));
    // A full queue of connections (EAGAIN) is somebody's too.
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      settle(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    );
  });
}

/** Removes a socket on which nobody listens. @returns whether it did */
export async function removeIfStale(path: string): Promise<boolean> {
  if (await isListening(path)) return false;
  rmSync(path, { force: true });
  return true;
}

/** Removes the sockets that processes have left which were killed. */
export async function removeStaleSockets(directory: string): Promise<void> {
  const abandoned = listDirectory(directory).filter(({ pid }) => !isAlive(pid));
  // Containers that share a directory do not share their processes: only the socket itself can tell.
  await Promise.all(abandoned.map(({ path }) => removeIfStale(path)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
