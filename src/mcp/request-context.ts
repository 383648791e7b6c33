import { hash } from 'node:crypto';

import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';

import type { Reader } from '../manager/partition.ts';
import { badOption } from '../options.ts';

/** What the SDK tells of a request: authorization, session, signal, HTTP headers. */
export type RequestContext = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** As much of it as is known before the SDK has taken the request up. */
export type RequestIdentity = Pick<
  RequestContext,
  'authInfo' | 'requestInfo' | 'sessionId' | 'signal'
>;

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

/**
 * Whether the requests that come by a connection are of one user. A stateless HTTP request is not:
 * nothing tells its user from the next one, whatever cookies and headers say. A transport of HTTP is
 * known by its `handleRequest`, since not every one tells of the request that a message came by.
 */
export function hasSession(
  transport: Transport,
  { requestInfo, sessionId }: Omit<RequestIdentity, 'signal'>,
): boolean {
  if (sessionId !== undefined) return true;
  return requestInfo === undefined && !('handleRequest' in transport);
}

function tokenHash({ authInfo }: RequestIdentity): string | undefined {
  return authInfo?.token ? hash('sha256', authInfo.token) : undefined;
}
