import { isIP, isIPv4 } from 'node:net';

import { describeValue } from '../describe-value.ts';
import type { AllowedNames } from '../mcp/request-guard.ts';
import type { CommandLine } from './command-line.ts';
import type { ProxyConfig } from './proxy-config.ts';
import { UsageError } from './usage-error.ts';

/** Where HTTP is offered, and who may be named by requests. */
export interface HttpAddress {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  readonly allowed: AllowedNames;
}

const USUAL_HOST = '127.0.0.1';

/**
 * @returns `undefined` where nothing is offered over HTTP
 * @throws UsageError naming the option, the value and what is allowed
 */
export function httpAddressOf(line: CommandLine, config: ProxyConfig): HttpAddress | undefined {
  const given = line.options.get('http') ?? config.http;
  const asked = line.options.get('host') ?? config.host;
  const hosts = namesOf(line, 'allowed-hosts', config.allowedHosts).map(hostOf);
  const origins = namesOf(line, 'allowed-origins', config.allowedOrigins).map(originOf);
  if (given === undefined) {
    if (asked === undefined && hosts.length + origins.length === 0) return undefined;
    throw new UsageError('--host, --allowed-hosts and --allowed-origins need --http');
  }
  const { host: named, port } = placeOf(given);
  if (asked !== undefined && named !== undefined) {
    throw new UsageError(`either --http may name a host or --host, got ${named} and ${asked}`);
  }
  const host = asked === undefined ? (named ?? USUAL_HOST) : addressOf(asked);
  const isLoopback = isThisMachine(host);
  if (!isLoopback && hosts.length === 0) {
    throw new UsageError(
      `--host ${host} is no loopback address: --allowed-hosts must say by which names clients reach ` +
        'it, and --allowed-origins whose web pages may use it, if any',
    );
  }
  return { host, port, allowed: { hosts, origins, isLoopback } };
}

function placeOf(given: string): { host: string | undefined; port: number } {
  const [, host, port = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(given) ?? [];
  const isHere = ['127.0.0.1', 'localhost', '[::1]', undefined].includes(host?.toLowerCase());
  if (!isHere || port === '' || Number(port) > 65_535) {
    throw new UsageError(
      '--http must be [HOST:]PORT with a port from 0 to 65535 and 127.0.0.1, localhost or [::1] as ' +
        `the host (--host takes others), got ${describeValue(given)}`,
    );
  }
  return { host: host === undefined ? undefined : withoutBrackets(host), port: Number(port) };
}

function addressOf(given: string): string {
  const host = withoutBrackets(given).toLowerCase();
  if (isIP(host) === 0 && host !== 'localhost') {
    throw new UsageError(
      `--host must be an IP address of this machine, or localhost, got ${describeValue(given)}`,
    );
  }
  return host;
}

function isThisMachine(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || isLoopbackV4(host);
}

/** 127.0.0.0/8. */
function isLoopbackV4(host: string): boolean {
  return isIPv4(host) && host.startsWith('127.');
}

function withoutBrackets(host: string): string {
  return host.replaceAll(/^\[|\]$/g, '');
}

function namesOf(
  { lists }: CommandLine,
  option: string,
  configured: readonly string[] = [],
): string[] {
  const given = (lists.get(option) ?? []).flatMap((list) => list.split(','));
  return [...given, ...configured].map((name) => name.trim());
}

/** Every port will do. */
function hostOf(name: string): string {
  const url = `http://${name}`;
  const hostname = URL.canParse(url) ? new URL(url).hostname : undefined;
  // What `URL` takes for anything but a name, such as a port or a path, is not what was meant.
  if (hostname === undefined || hostname !== name.toLowerCase() || hostname.includes('*')) {
    throw new UsageError(
      `--allowed-hosts must be names or IP addresses (IPv6 in brackets) without a port, got ${describeValue(name)}`,
    );
  }
  return hostname;
}

function originOf(name: string): string {
  const isOrigin = /^https?:/i.test(name) && URL.canParse(name);
  if (!isOrigin || new URL(name).href !== `${new URL(name).origin}/` || name.includes('*')) {
    throw new UsageError(
      `--allowed-origins must be like https://app.example.org, got ${describeValue(name)}`,
    );
  }
  return new URL(name).origin;
}
