import type { EndpointAddress } from '../governor/inspect/endpoint-address.ts';
import { CommandError } from './command-error.ts';
import { escapeControls, printable } from './printable.ts';
import type { StandardOutput } from './standard-output.ts';
import type { Termination } from './termination.ts';
import type { TopSettings } from './top-settings.ts';
import { LiveView } from './top/live-view.ts';
import { chooseServer, listServers, runningServers } from './top/running-servers.ts';
import { snapshotLines } from './top/snapshot-view.ts';
import { type SeenSnapshot, snapshots } from './top/snapshot-stream.ts';
import { lineText } from './top/text-line.ts';

const DEFAULT_INTERVAL_MS = 1_000;

/**
 * Shows a running server until it ends, a signal comes, or nobody reads any more.
 *
 * @throws (rejects with) CommandError where there is no such server, several, or one that cannot be seen
 */
export async function top(
  settings: TopSettings,
  termination: Termination,
  output: StandardOutput,
): Promise<void> {
  if (settings.isList) return list(settings, output);
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  void termination.requested.then(stop);
  output.closed.addEventListener('abort', stop);

  const path = settings.socketPath ?? (await chooseServer(settings.server)).path;
  const { stdin, stdout } = process;
  const intervalMs = settings.intervalMs ?? DEFAULT_INTERVAL_MS;
  const isOnce = settings.isOnce || (!stdout.isTTY && settings.intervalMs === undefined);
  const watched = new WatchedServer(snapshots(path, intervalMs, enough.signal));
  if (stdout.isTTY && !isOnce && !settings.isJson && process.env['TERM'] !== 'dumb') {
    const terminal = { output: stdout, input: stdin.isTTY ? stdin : undefined };
    await new LiveView(terminal, intervalMs, stop).show(watched);
  } else {
    await print(watched, settings.isJson, isOnce, output);
    if (isOnce) return;
  }
  if (enough.signal.aborted) return;
  const hasEnded = `server ${watched.title} has ended\n`;
  if (settings.isJson) process.stderr.write(`granary: ${hasEnded}`);
  else await output.write(hasEnded);
}

/** Snapshots on their way, and of whom the last was. */
class WatchedServer implements AsyncIterable<SeenSnapshot> {
  readonly #seen: AsyncIterable<SeenSnapshot>;
  title = '';

  constructor(seen: AsyncIterable<SeenSnapshot>) {
    this.#seen = seen;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<SeenSnapshot> {
    for await (const seen of this.#seen) {
      checkShowable(seen);
      this.title = `${printable(seen.snapshot.name)} (pid ${seen.snapshot.pid})`;
      yield seen;
    }
  }
}

/** @throws CommandError for what is a snapshot by its version, and not inside */
function checkShowable(seen: SeenSnapshot): void {
  try {
    plainText(seen, undefined);
  } catch (cause) {
    throw new CommandError('the server tells a snapshot that is not whole', 1, { cause });
  }
}

async function print(
  watched: WatchedServer,
  isJson: boolean,
  isOnce: boolean,
  output: StandardOutput,
): Promise<void> {
  let previous: SeenSnapshot | undefined;
  for await (const seen of watched) {
    if (isJson) await output.write(`${escapeControls(seen.line)}\n`);
    else await output.write(`${previous === undefined ? '' : '\n'}${plainText(seen, previous)}`);
    if (isOnce) return;
    previous = seen;
  }
}

function plainText(seen: SeenSnapshot, previous: SeenSnapshot | undefined): string {
  const lines = snapshotLines(seen.snapshot, {
    width: Infinity,
    metric: 'memory',
    previous: previous?.snapshot,
  });
  return lines.map((line) => `${lineText(line, Infinity, false)}\n`).join('');
}

async function list(
  { isJson, socketPath, server }: TopSettings,
  output: StandardOutput,
): Promise<void> {
  if (socketPath !== undefined || server !== undefined) {
    throw new CommandError('--list lists all servers: it takes no server', 2);
  }
  const servers = await runningServers();
  if (isJson) await output.write(servers.map(jsonLine).join(''));
  else if (servers.length > 0) await output.write(`${listServers(servers)}\n`);
  else process.stderr.write('granary: no server of this user’s runs that could be seen\n');
}

function jsonLine({ name, pid, path }: EndpointAddress): string {
  return `${JSON.stringify({ name, pid, path })}\n`;
}
