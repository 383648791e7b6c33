import { describeValue } from '../describe-value.ts';
import type { CachingRule } from '../proxy/caching-rules.ts';
import type { UpstreamTarget } from '../proxy/proxy.ts';
import type { ToolTargets } from '../proxy/tool-changes.ts';
import { parseCommandLine, type CommandLine, type OptionKinds } from './command-line.ts';
import { httpAddressOf, type HttpAddress } from './http-address.ts';
import { integerOption } from './integer-option.ts';
import { isHttpUrl, readProxyConfig, type ProxyConfig } from './proxy-config.ts';
import { PROXY_NUMBERS, type ProxyNumberName } from './proxy-numbers.ts';
import type { LogFormat } from './stderr-logger.ts';
import { UsageError } from './usage-error.ts';

type ProxyNumbers = {
  readonly [Name in ProxyNumberName]: (typeof PROXY_NUMBERS)[Name]['usual'] extends number
    ? number
    : number | undefined;
};

/** What `granary proxy` was asked to do. */
export interface ProxySettings extends ProxyNumbers {
  readonly target: UpstreamTarget;
  /** `undefined` = stdio. */
  readonly http: HttpAddress | undefined;
  /** Headers of a client's requests that go on to the upstream; in lower case. */
  readonly forwardedHeaders: readonly string[];
  readonly rules: readonly CachingRule[];
  readonly cachedTools: readonly string[];
  readonly mutates: ToolTargets;
  readonly log: LogFormat;
  /** Whether `granary top` can see it. */
  readonly isInspected: boolean;
  /** The URI whose caching is to be explained, instead of serving. */
  readonly explain: string | undefined;
  readonly isJson: boolean;
}

const KINDS = {
  url: 'value',
  http: 'value',
  host: 'value',
  'allowed-hosts': 'values',
  'allowed-origins': 'values',
  config: 'value',
  header: 'values',
  'forward-authorization': 'flag',
  'forward-header': 'values',
  public: 'values',
  'no-cache': 'values',
  'cache-tool': 'values',
  mutates: 'values',
  ...(Object.fromEntries(Object.values(PROXY_NUMBERS).map(({ flag }) => [flag, 'value'])) as Record<
    string,
    'value'
  >),
  log: 'value',
  'no-inspect': 'flag',
  explain: 'value',
  json: 'flag',
  help: 'flag',
  version: 'flag',
} satisfies OptionKinds;

export const PROXY_HELP = `Usage: granary proxy [options] -- COMMAND [ARG …]
       granary proxy [options] --url URL

Stands in front of an MCP server, which it runs over stdio or reaches over Streamable HTTP, and
offers all that the server offers. Reads of resources and lists are answered from a cache, until
the server tells of a change or their time to live is over. A server that ends is started again,
and told what its client had told it.

  --http [HOST:]PORT       offer Streamable HTTP on http://HOST:PORT/mcp instead of stdio, with
                           /healthz beside it; HOST is this machine (default 127.0.0.1),
                           port 0 = any free one, told on stderr
  --host ADDRESS           offer it on this IP address, so to other machines too (0.0.0.0 = all).
                           There is no authorization: put a proxy that authorizes in front
  --allowed-hosts NAMES    names by which clients reach it, needed for such an address; requests
                           that name another as their Host are refused; separated by commas
  --allowed-origins URLS   sites whose web pages may use it, such as https://app.example.org
  --config FILE            read settings from a JSON file (mcp-granary/proxy.schema.json);
                           options given here win

Caching
  --ttl MS                 keep an answer for this long (default 60000; 0 = until the server
                           tells of a change); hints of the server shorten it
  --public TEMPLATE        give all clients the same copy of these URIs; several times
  --no-cache TEMPLATE      never keep these URIs; several times
  --cache-tool NAME        keep the results of this tool too; several times
  --mutates TOOL=WHAT      a call of TOOL that succeeds changes WHAT: an exact URI, a prefix with a
                           trailing *, a URI template whose variables the arguments of the call
                           fill in, resources/list (templates/, tools/, prompts/) or tools/call,
                           the results that --cache-tool keeps; dropped, and told to those who
                           have subscribed; several times
  --fail-safe MS           while the server is away, answer reads and lists with what has expired
                           up to this long ago, marked in _meta (default 0 = do not)
  --max-entries N          (default 10000)
  --max-bytes BYTES        (default 104857600, 100 MiB)
  --explain URI            say whether, why and how long URI would be cached, and end;
                           asks the server; --json for machines

The server
  --max-memory BYTES, --max-cpu MS, --max-files N, --max-sockets N
                           what it may use with all that it starts; beyond that it is ended
                           and started again; CPU time is that of one life of it
  --restart-delay MS, --restart-longest MS
                           it is started again after this delay, doubled each time up to the
                           longest (default 100 and 30000), anew once it ran for 10 seconds
  --hold MS                how long requests wait for it meanwhile (default 10000)
  --header 'NAME: VALUE'   send this to --url with every request; several times
  --forward-authorization  send the Authorization of HTTP clients to --url; never sent otherwise
  --forward-header NAME    send this header of HTTP clients to --url; several times

  --max-message-bytes BYTES  refuse larger messages of both sides (default 16777216, 16 MiB)
  --max-sessions N         upstreams of HTTP clients at the same time (default 100)
  --session-idle MS        end an HTTP session that is not used for this long (default 1800000)
  --resume-bytes BYTES     keep this much of what an HTTP session was sent, for a client that comes
                           back with Last-Event-ID (default 1048576, 1 MiB; 0 = nothing)
  --log text|json          how to log on stderr (default text)
  --no-inspect             open no socket for granary top, run by the same user
  --help, --version

End of input, SIGTERM and SIGINT end it: what was asked is answered first; a second signal ends it
at once. Exit code 0, or 2 where it was called wrongly, or 1.
`;

/**
 * @returns the settings, or which of `help` and `version` was asked for instead
 * @throws UsageError naming the option or key, the value and what is allowed
 */
export function readProxySettings(args: readonly string[]): ProxySettings | 'help' | 'version' {
  const end = args.indexOf('--');
  const own = end === -1 ? args : args.slice(0, end);
  const command = end === -1 ? undefined : args.slice(end + 1);
  const line = parseCommandLine(own, KINDS);
  if (line.options.has('help')) return 'help';
  if (line.options.has('version')) return 'version';
  const [operand] = line.operands;
  if (operand !== undefined) {
    throw new UsageError(`the COMMAND comes after --, got ${describeValue(operand)} before it`);
  }
  const file = line.options.get('config');
  const config = file === undefined ? {} : readProxyConfig(file);
  const explain = line.options.get('explain');
  if (explain === '') throw new UsageError('--explain must be a URI, got ""');
  const numbers = numbersOf(line, config);
  if (numbers.restartDelayMs > numbers.longestRestartDelayMs) {
    const { restartDelayMs, longestRestartDelayMs } = numbers;
    throw new UsageError(
      `--restart-delay must be at most --restart-longest, ${longestRestartDelayMs}, got ${restartDelayMs}`,
    );
  }
  const cachedTools = [...(line.lists.get('cache-tool') ?? []), ...(config.cachedTools ?? [])];
  const mutates = mutatesOf(line, config);
  const both = cachedTools.find((tool) => Object.hasOwn(mutates, tool));
  if (both !== undefined) {
    throw new UsageError(`a tool is either cached or mutates, got both for ${describeValue(both)}`);
  }
  return {
    ...numbers,
    target: targetOf(line, config, command),
    http: httpAddressOf(line, config),
    forwardedHeaders: forwardedHeadersOf(line, config),
    rules: [
      ...(line.lists.get('no-cache') ?? []).map((uris) => ({ uris, cache: false })),
      ...(line.lists.get('public') ?? []).map((uris) => ({ uris, public: true })),
      ...(config.rules ?? []),
    ],
    cachedTools,
    mutates,
    log: logFormat(line, config),
    isInspected: !line.options.has('no-inspect') && (config.inspect ?? true),
    explain,
    isJson: line.options.has('json'),
  };
}

function numbersOf(line: CommandLine, config: ProxyConfig): ProxyNumbers {
  const entries = Object.entries(PROXY_NUMBERS).map(([name, range]) => {
    const usual = config[name as ProxyNumberName] ?? range.usual;
    return [name, integerOption(line, range.flag, range, usual)];
  });
  return Object.fromEntries(entries) as ProxyNumbers;
}

function targetOf(
  { options, lists }: CommandLine,
  config: ProxyConfig,
  command: readonly string[] | undefined,
): UpstreamTarget {
  const givenUrl = options.get('url');
  if (givenUrl !== undefined && command !== undefined) {
    throw new UsageError('either --url or a COMMAND after -- is needed, got both');
  }
  const isGiven = givenUrl !== undefined || command !== undefined;
  if (!isGiven && config.url !== undefined && config.command !== undefined) {
    throw new UsageError('either url or command may be in the config file, got both');
  }
  const url = isGiven ? givenUrl : config.url;
  if (url !== undefined) {
    if (!isHttpUrl(url)) {
      throw new UsageError(`--url must be an http or https URL, got ${describeValue(url)}`);
    }
    const headers = { ...config.headers, ...headersOf(lists.get('header') ?? []) };
    return { url: new URL(url), headers };
  }
  const [program, ...args] = (isGiven ? command : config.command) ?? [];
  if (program === undefined || program === '') {
    throw new UsageError('the server is missing: give a COMMAND after --, or --url URL');
  }
  return { command: program, args };
}

function headersOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((header) => {
      const [, name = '', value = ''] = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*(\S.*)$/.exec(header) ?? [];
      // Its value may be a secret.
      if (name === '') throw new UsageError("--header must be 'NAME: VALUE'");
      return [name.toLowerCase(), value];
    }),
  );
}

function forwardedHeadersOf({ options, lists }: CommandLine, config: ProxyConfig): string[] {
  const isForwarded = options.has('forward-authorization') || config.forwardAuthorization === true;
  const names = [...(lists.get('forward-header') ?? []), ...(config.forwardHeaders ?? [])];
  const all = [...(isForwarded ? ['authorization'] : []), ...names];
  return all.map((name) => name.toLowerCase());
}

function mutatesOf({ lists }: CommandLine, { mutates = {} }: ProxyConfig): ToolTargets {
  const given = (lists.get('mutates') ?? []).map((one): [string, readonly string[]] => {
    const [, tool = '', target = ''] = /^([^=]+)=(.+)$/s.exec(one) ?? [];
    if (tool === '') {
      throw new UsageError(`--mutates must be TOOL=WHAT, got ${describeValue(one)}`);
    }
    return [tool, [target]];
  });
  const all = new Map<string, readonly string[]>();
  for (const [tool, targets] of [...given, ...Object.entries(mutates)]) {
    all.set(tool, [...(all.get(tool) ?? []), ...targets]);
  }
  return Object.fromEntries(all);
}

function logFormat({ options }: CommandLine, config: ProxyConfig): LogFormat {
  const format = options.get('log') ?? config.log ?? 'text';
  if (format !== 'text' && format !== 'json') {
    throw new UsageError(`--log must be text or json, got ${describeValue(format)}`);
  }
  return format;
}
