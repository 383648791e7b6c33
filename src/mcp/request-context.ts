import { hash } from 'node:crypto';

import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';

import type { Reader } from '../manager/partition.ts';

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
 * Principal is the hash of the verified access token. Without one the session counts: that of the
 * transport, or, where requests come by no HTTP, the connection. A stateless HTTP request without
 * verified authorization has neither: nothing tells its user from the next one, whatever cookies and
 * headers say.
 *
 * @param connection id of the connection that the request came by
 * @param partition names the principal in place of the token
 */
export function readerOfRequest<Context extends RequestIdentity>(
  context: Context,
  connection: string,
  partition: ((context: Context) => string | undefined) | undefined,
): Reader {
  const principal = partition === undefined ? tokenHash(context) : partition(context);
  if (principal !== undefined) return { principal };
  if (context.sessionId !== undefined) return { session: context.sessionId };
  return context.requestInfo === undefined ? { session: connection } : {};
}

function tokenHash({ authInfo }: RequestIdentity): string | undefined {
  return authInfo?.token ? hash('sha256', authInfo.token) : undefined;
}
