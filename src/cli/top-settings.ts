import { describeValue } from '../describe-value.ts';
import { MAX_INTERVAL_MS, MIN_INTERVAL_MS } from '../governor/inspect/watcher.ts';
import { parseCommandLine, type CommandLine, type OptionKinds } from './command-line.ts';
import { integerOption } from './integer-option.ts';
import { UsageError } from './usage-error.ts';

/** What `granary top` was asked to show. */
export interface TopSettings {
  /** Name or pid; `undefined` = the only one there is. */
  readonly server: string | undefined;
  /** Of a server that is not where servers are looked for. */
  readonly socketPath: string | undefined;
  /** `undefined` where it was left to the command. */
  readonly intervalMs: number | undefined;
  readonly isOnce: boolean;
  readonly isJson: boolean;
  readonly isList: boolean;
}

const KINDS = {
  socket: 'value',
  interval: 'value',
  once: 'flag',
  json: 'flag',
  list: 'flag',
  help: 'flag',
  version: 'flag',
} satisfies OptionKinds;

export const TOP_HELP = `Usage: granary top [NAME|PID] [options]

Shows the tools and caches of a running server: what they use of their limits, how they
stand, and what they used in the last minute. It sees servers of the same user: those of
granary serve, and those that call inspect() of mcp-granary/governor.

  NAME|PID             which server; may be left out where only one runs
  --socket PATH        the server that listens there
  --interval MS        look this often, 100 to 60000  (default 1000)
  --once               look once, then end
  --json               a snapshot as JSON on each line
  --list               list the servers instead: name, pid, socket
  --help, --version

On a terminal it draws until q or Ctrl-C: m and c choose the history of memory or of CPU
time, the arrow keys scroll. Elsewhere it writes plain text, once unless --interval is
given. Colours obey NO_COLOR.

Exit code 0, also where the server ends meanwhile; 1 where there is none; 2 where the
command was called wrongly or several servers could be meant.
`;

/**
 * @returns the settings, or which of `help` and `version` was asked for instead
 * @throws UsageError naming the option, the value and what is allowed
 */
export function readTopSettings(args: readonly string[]): TopSettings | 'help' | 'version' {
  const line = parseCommandLine(args, KINDS);
  const { options } = line;
  if (options.has('help')) return 'help';
  if (options.has('version')) return 'version';
  const server = serverOf(line);
  const socketPath = options.get('socket');
  if (socketPath === '') throw new UsageError('--socket must be the path of a socket, got ""');
  if (socketPath !== undefined && server !== undefined) {
    throw new UsageError(`--socket names the server already, got ${describeValue(server)} too`);
  }
  const range = { min: MIN_INTERVAL_MS, max: MAX_INTERVAL_MS, unit: 'ms' };
  return {
    server,
    socketPath,
    intervalMs: integerOption(line, 'interval', range, undefined),
    isOnce: options.has('once'),
    isJson: options.has('json'),
    isList: options.has('list'),
  };
}

function serverOf({ operands }: CommandLine): string | undefined {
  const [server, ...rest] = operands;
  if (rest.length > 0) {
    throw new UsageError(
      `one server is shown, got ${operands.length}: ${operands.map(describeValue).join(' ')}`,
    );
  }
  if (server === '') throw new UsageError('the server must be a name or a pid, got ""');
  return server;
}
