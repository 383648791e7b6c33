import { connect, type Socket } from 'node:net';
import { BoundedLines } from '../../governor/inspect/bounded-lines.ts';
import {
  type InspectionSnapshot,
  SNAPSHOT_VERSION,
} from '../../governor/inspect/inspection-snapshot.ts';
import { CommandError } from '../command-error.ts';
import { printable } from '../printable.ts';

/** A snapshot as it came, and what it says. */
export interface SeenSnapshot {
  /** JSON. */
  readonly line: string;
  readonly snapshot: InspectionSnapshot;
}

/** Some ten thousand tools with a history. */
const MAX_SNAPSHOT_BYTES = 128 * 1_048_576;
/** A server that does not answer for this long is stopped, or its thread is blocked. */
const PATIENCE_MS = 10_000;

/**
 * The snapshots of a server until it ends or `signal` aborts.
 *
 * @throws CommandError where it cannot be reached, does not answer, or says something else
 */
export async function* snapshots(
  path: string,
  intervalMs: number,
  signal: AbortSignal,
): AsyncGenerator<SeenSnapshot, void> {
  const socket = connect(path);
  const hangUp = (): void => void socket.destroy();
  signal.addEventListener('abort', hangUp, { once: true });
  const timer = setTimeout(() => {
    const why = `the server has not answered within ${PATIENCE_MS / 1_000} s`;
    socket.destroy(new CommandError(why));
  }, PATIENCE_MS);
  let hasSeen = false;
  try {
    socket.write(`${JSON.stringify({ intervalMs })}\n`);
    for await (const line of linesOf(socket)) {
      const snapshot = read(line);
      clearTimeout(timer);
      hasSeen = true;
      yield { line, snapshot };
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof CommandError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    // It was killed with something on its way.
    const isEnd =
      code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
    if (isEnd && hasSeen) return;
    throw new CommandError(`the server cannot be seen (${code ?? message}): ${path}`, 1, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', hangUp);
    socket.destroy();
  }
  if (!hasSeen && !signal.aborted) throw new CommandError(`the server has ended: ${path}`);
}

async function* linesOf(socket: Socket): AsyncGenerator<string, void> {
  const lines = new BoundedLines(MAX_SNAPSHOT_BYTES);
  for await (const piece of socket as AsyncIterable<Buffer>) yield* lines.take(piece);
}

function read(line: string): InspectionSnapshot {
  let told: unknown;
  try {
    // Numbers without a bound are written as null.
    told = JSON.parse(line, (_, value: unknown) => (value === null ? Infinity : value));
  } catch (cause) {
    throw new CommandError('what listens there is no server of granary', 1, { cause });
  }
  const { error, version, name, pid, tools, caches } = told as Readonly<Record<string, unknown>>;
  if (typeof error === 'string') {
    throw new CommandError(`the server has refused: ${printable(error)}`);
  }
  const isNamed = typeof name === 'string' && typeof pid === 'number';
  const isWhole = isNamed && Array.isArray(tools) && Array.isArray(caches);
  if (version !== SNAPSHOT_VERSION || !isWhole) {
    throw new CommandError(
      `the server tells snapshots of version ${printable(String(version))}, this granary reads version ${SNAPSHOT_VERSION}`,
    );
  }
  return told as InspectionSnapshot;
}
