import type { IncomingHttpHeaders } from 'node:http';

/** As `URL` writes them. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * Why a request to a server on this machine is refused: a page of another site that had its name
 * point here (DNS rebinding, CVE-2025-66414) still sends its own name as Host and as Origin.
 *
 * Any port will do, since a tunnel may have another; no Origin will do, since only browsers send it.
 *
 * @returns `undefined` for a request that may pass
 */
export function refusalOf({ host, origin }: IncomingHttpHeaders): string | undefined {
  if (host === undefined || !isLoopback(`http://${host}`)) return 'the Host is not this machine';
  if (origin !== undefined && !isLoopback(origin)) return 'the Origin is not this machine';
  return undefined;
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && LOOPBACK_NAMES.has(new URL(url).hostname);
}
