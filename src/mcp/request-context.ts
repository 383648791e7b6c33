import { hash } from 'node:crypto';

import type { Reader } from '../manager/partition.ts';
import { badOption } from '../options.ts';
import type { HttpRequestInfo, VerifiedAuth } from './sdk-types.ts';

/** Who sends a request, and how: what is known before the SDK has taken it up. */
export interface RequestIdentity {
  /** What was verified of its sender; without authorization there is none. */
  readonly authInfo?: VerifiedAuth;
  /** The HTTP request by which it came, where it came by one and its transport tells. */
  readonly requestInfo?: HttpRequestInfo;
  readonly sessionId?: string;
  /** Fires when it is withdrawn. */
  readonly signal: AbortSignal;
}

/** What the SDK tells of a request, in the same form whichever its version. */
export interface RequestContext extends RequestIdentity {
  readonly requestId: string | number;
  /** As its client sent it, without the fields that 2026-07-28 reserves for the protocol. */
  readonly _meta?: Readonly<Record<string, unknown>>;
}

/**
 * On whose behalf a request reads.
 *
 * Principal is the hash of the verified access token. Without any authorization the session counts.
 * A request that was authorized by something else than a token has neither, unless `partition` says
 * who it is for: one session may carry several such users.
 *
 * @param session what nobody but the user of the request shares, where `hasSession` says so
 * @param partition names the principal in place of the token
 * @throws `ERR_GRANARY_BAD_OPTION` where `partition` returns anything but a string or `undefined`
 */
export function readerOfRequest<Context extends RequestIdentity>(
  context: Context,
  session: string | undefined,
  partition: ((context: Context) => string | undefined) | undefined,
): Reader {
  const principal: unknown = partition === undefined ? tokenHash(context) : partition(context);
  if (typeof principal === 'string') return { principal };
  if (principal !== undefined) {
    // Whatever an async function rejects with is not of interest, and must not end the process.
    if (principal instanceof Promise) principal.catch(() => {});
    badOption('partition', partition, RETURNED_AT_ONCE);
  }
  return context.authInfo === undefined ? { session } : {};
}

const RETURNED_AT_ONCE = 'a function that returns a string or undefined, not a Promise or other';

/** How the SDK's transports of HTTP take up a request; that of version 2 for one exchange differs. */
const HTTP_METHODS = ['handleRequest', 'handleMessage'] as const;

/** Whether a transport serves a single HTTP exchange, after which its server is no more. */
export function isPerRequest(transport: object): boolean {
  return 'handleMessage' in transport;
}

/**
 * Whether the requests that come by a connection are of one user. A stateless HTTP request is not:
 * nothing tells its user from the next one, whatever cookies and headers say. A transport of HTTP is
 * known by how it takes up requests, since not every one tells of the request that a message came by.
 */
export function hasSession(
  transport: object,
  { requestInfo, sessionId }: Omit<RequestIdentity, 'signal'>,
): boolean {
  if (sessionId !== undefined) return true;
  return requestInfo === undefined && !HTTP_METHODS.some((method) => method in transport);
}

function tokenHash({ authInfo }: RequestIdentity): string | undefined {
  return authInfo?.token ? hash('sha256', authInfo.token) : undefined;
}
