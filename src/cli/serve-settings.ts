import { describeValue } from '../describe-value.ts';
import { MAX_DURATION_MS } from '../options.ts';
import { parseCommandLine, type CommandLine, type OptionKinds } from './command-line.ts';
import { integerOption, type IntegerRange } from './integer-option.ts';
import type { LogFormat } from './stderr-logger.ts';
import { UsageError } from './usage-error.ts';

/** What `granary serve` was asked to do. */
export interface ServeSettings {
  readonly folder: string;
  /** `undefined` = stdio. */
  readonly httpPort: number | undefined;
  readonly maxFileBytes: number;
  readonly ttlMs: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly pageSize: number;
  readonly idleSessionMs: number;
  /** Where the cache survives a restart; `undefined` = nowhere. */
  readonly stateFile: string | undefined;
  readonly log: LogFormat;
  /** Whether `granary top` can see it. */
  readonly isInspected: boolean;
}

const KINDS = {
  http: 'value',
  'max-file': 'value',
  ttl: 'value',
  'max-entries': 'value',
  'max-bytes': 'value',
  'page-size': 'value',
  'session-idle': 'value',
  state: 'value',
  log: 'value',
  'no-inspect': 'flag',
  help: 'flag',
  version: 'flag',
} satisfies OptionKinds;

/**
 * An answer is one string, of which V8 makes none of 2²⁹ characters, and JSON writes a control
 * character as six. What cannot be written would leave the client without an answer.
 */
const MAX_FILE_BYTES = 80 * 1024 * 1024;
/** Node fires a timer with a longer delay at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const RANGES = {
  http: { min: 0, max: 65_535, unit: 'port' },
  'max-file': { min: 0, max: MAX_FILE_BYTES, unit: 'bytes' },
  ttl: { min: 0, max: MAX_DURATION_MS, unit: 'ms' },
  'max-entries': { min: 1, max: 2 ** 24 - 1, unit: 'entries' },
  'max-bytes': { min: 1, max: Number.MAX_SAFE_INTEGER, unit: 'bytes' },
  'page-size': { min: 1, max: 10_000, unit: 'resources' },
  'session-idle': { min: 1, max: MAX_TIMER_MS, unit: 'ms' },
} satisfies Readonly<Record<string, IntegerRange>>;

export const SERVE_HELP = `Usage: granary serve DIR [options]

Serves the files below DIR as MCP resources, cached, over stdin and stdout. Changes are
noticed: subscribers are told, and the next read gives the new content. Links that lead
out of DIR are neither listed nor served. Hidden files are served like all others.

  --http PORT          serve Streamable HTTP on http://127.0.0.1:PORT/mcp instead, with
                       /healthz beside it; 0 = any free port, told on stderr
  --max-file BYTES     refuse larger files            (default 10485760, 10 MiB;
                       at most 83886080, 80 MiB)
  --ttl MS             cache a file for this long     (default 900000, 15 minutes;
                       0 = until it changes)
  --max-entries N      cache at most N files          (default 10000)
  --max-bytes BYTES    cache at most this much        (default 104857600, 100 MiB)
  --page-size N        files on a page of a list      (default 100)
  --session-idle MS    end an HTTP session that is not used for this long
                       (default 1800000, 30 minutes)
  --state FILE         start with what the last run had cached of files that have not
                       changed since; saved at the end and every 5 minutes
  --log text|json      how to log on stderr           (default text)
  --no-inspect         open no socket for granary top, run by the same user
  --help, --version

End of input, SIGTERM and SIGINT end it: what was asked is answered first; a second
signal ends it at once. Exit code 0, or 2 where it was called wrongly, or 1.
`;

/**
 * @returns the settings, or which of `help` and `version` was asked for instead
 * @throws UsageError naming the option, the value and what is allowed
 */
export function readServeSettings(args: readonly string[]): ServeSettings | 'help' | 'version' {
  const line = parseCommandLine(args, KINDS);
  if (line.options.has('help')) return 'help';
  if (line.options.has('version')) return 'version';
  return {
    folder: folderOf(line),
    httpPort: line.options.has('http') ? integerOption(line, 'http', RANGES.http, 0) : undefined,
    maxFileBytes: integerOption(line, 'max-file', RANGES['max-file'], 10_485_760),
    ttlMs: integerOption(line, 'ttl', RANGES.ttl, 900_000),
    maxEntries: integerOption(line, 'max-entries', RANGES['max-entries'], 10_000),
    maxBytes: integerOption(line, 'max-bytes', RANGES['max-bytes'], 104_857_600),
    pageSize: integerOption(line, 'page-size', RANGES['page-size'], 100),
    idleSessionMs: integerOption(line, 'session-idle', RANGES['session-idle'], 1_800_000),
    stateFile: stateFile(line),
    log: logFormat(line),
    isInspected: !line.options.has('no-inspect'),
  };
}

function stateFile({ options }: CommandLine): string | undefined {
  const file = options.get('state');
  if (file === '') throw new UsageError('--state must be the path of a file, got ""');
  return file;
}

function folderOf({ operands }: CommandLine): string {
  const [folder, ...rest] = operands;
  if (folder === undefined) throw new UsageError('DIR, the folder to serve, is missing');
  if (folder === '') throw new UsageError('DIR must be the path of a folder, got ""');
  if (rest.length > 0) {
    throw new UsageError(
      `one DIR is served, got ${operands.length}: ${operands.map(describeValue).join(' ')}`,
    );
  }
  return folder;
}

function logFormat({ options }: CommandLine): LogFormat {
  const format = options.get('log') ?? 'text';
  if (format !== 'text' && format !== 'json') {
    throw new UsageError(`--log must be text or json, got ${describeValue(format)}`);
  }
  return format;
}
