import type { IncomingHttpHeaders } from 'node:http';

/** As `URL` writes them. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Who else may be named by requests than this machine; as `URL` writes them. */
export interface AllowedNames {
  /** Names without ports, under which a server is reached. */
  readonly hosts: readonly string[];
  /** Sites whose pages may send requests. */
  readonly origins: readonly string[];
  /** Whether pages of sites on this machine may, too: not where others can reach the server. */
  readonly isLoopback: boolean;
}

const NONE: AllowedNames = { hosts: [], origins: [], isLoopback: true };

/**
 * Why a request is refused: a page of another site that had its name point to a server (DNS rebinding,
 * CVE-2025-66414) still sends its own name as Host and as Origin.
 *
 * Any port will do, since a tunnel may have another; no Origin will do, since only browsers send it.
 *
 * @returns `undefined` for a request that may pass
 */
export function refusalOf(
  { host, origin }: IncomingHttpHeaders,
  { hosts, origins, isLoopback }: AllowedNames = NONE,
): string | undefined {
  const name = host === undefined ? undefined : hostnameOf(`http://${host}`);
  if (name === undefined || !(LOOPBACK_NAMES.has(name) || hosts.includes(name))) {
    return `the Host is not this machine${hosts.length > 0 ? ', nor allowed' : ''}`;
  }
  if (origin === undefined || (URL.canParse(origin) && origins.includes(new URL(origin).origin))) {
    return undefined;
  }
  if (isLoopback && LOOPBACK_NAMES.has(hostnameOf(origin) ?? '')) return undefined;
  return isLoopback && origins.length === 0
    ? 'the Origin is not this machine'
    : 'the Origin is not allowed';
}

function hostnameOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
