import { describeError } from '../../describe-value.ts';
import {
  type EndpointAddress,
  IS_WINDOWS,
  listEndpoints,
} from '../../governor/inspect/endpoint-address.ts';
import { socketDirectory } from '../../governor/inspect/socket-directory.ts';
import { isListening } from '../../governor/inspect/stale-sockets.ts';
import { CommandError } from '../command-error.ts';
import { printable } from '../printable.ts';

/**
 * @returns the servers of this user's that listen, by name and pid
 * @throws (rejects with) CommandError where the directory of sockets may be another's
 */
export async function runningServers(): Promise<readonly EndpointAddress[]> {
  const endpoints = knownEndpoints();
  const answers = await Promise.all(endpoints.map(({ path }) => isListening(path)));
  return endpoints
    .filter((_, index) => answers[index])
    .toSorted((a, b) => (a.name === b.name ? a.pid - b.pid : a.name < b.name ? -1 : 1));
}

function knownEndpoints(): readonly EndpointAddress[] {
  try {
    return listEndpoints();
  } catch (cause) {
    throw new CommandError(`${describeError(cause)}; --socket PATH looks elsewhere`, 1, { cause });
  }
}

/** @returns the server that a name or pid means; the only one where neither is given */
export async function chooseServer(wanted: string | undefined): Promise<EndpointAddress> {
  const all = await runningServers();
  const meant = all.filter(
    ({ name, pid }) => wanted === undefined || name === wanted || String(pid) === wanted,
  );
  const [server] = meant;
  if (server === undefined) throw new CommandError(noneSays(wanted, all));
  if (meant.length === 1) return server;
  throw new CommandError(
    `${meant.length} servers run, name one of them: granary top PID\n${listServers(meant)}`,
    2,
  );
}

/** @returns a line for each server */
export function listServers(servers: readonly EndpointAddress[]): string {
  const nameWidth = Math.max(...servers.map(({ name }) => name.length));
  return servers
    .map(({ name, pid, path }) => `${name.padEnd(nameWidth)}  ${pid}  ${printable(path)}`)
    .join('\n');
}

function noneSays(wanted: string | undefined, all: readonly EndpointAddress[]): string {
  if (wanted !== undefined && all.length > 0) {
    return `no server ${JSON.stringify(printable(wanted))} runs, there are\n${listServers(all)}`;
  }
  const which = wanted === undefined ? 'no server' : `no server ${JSON.stringify(wanted)}`;
  const where = IS_WINDOWS ? '' : ` (looked in ${printable(socketDirectory())})`;
  return `${which} of this user's runs that could be seen${where}: those of granary serve can, and those that call inspect()`;
}
