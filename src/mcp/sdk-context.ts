import type { Notification } from '@modelcontextprotocol/sdk/types.js';

import type { RequestContext, RequestIdentity } from './request-context.ts';
import type { HttpRequestInfo, VerifiedAuth } from './sdk-types.ts';

/** What a transport of either generation tells of a message besides the message. */
export interface MessageOrigin {
  readonly authInfo?: VerifiedAuth | undefined;
  /** Version 1. */
  readonly requestInfo?: HttpRequestInfo | undefined;
  /** Version 2. */
  readonly request?: Request | undefined;
}

/** As much of what a handler of version 2 is given as is used here (`ServerContext`). */
export interface ContextOfVersion2 {
  readonly sessionId?: string | undefined;
  readonly mcpReq: {
    readonly id: string | number;
    readonly _meta?: Readonly<Record<string, unknown>> | undefined;
    readonly signal: AbortSignal;
    readonly notify: (notification: Notification) => Promise<void>;
  };
  readonly http?:
    | { readonly authInfo?: VerifiedAuth | undefined; readonly req?: Request | undefined }
    | undefined;
}

const infos = new WeakMap<Request, HttpRequestInfo>();

/** @returns what identifies the sender of a message, apart from the session of its transport */
export function originOf(
  origin: MessageOrigin | undefined,
): Pick<RequestIdentity, 'authInfo' | 'requestInfo'> {
  const { authInfo, requestInfo, request } = origin ?? {};
  const info = requestInfo ?? (request && infoOf(request));
  return {
    ...(authInfo === undefined ? {} : { authInfo }),
    ...(info === undefined ? {} : { requestInfo: info }),
  };
}

/** @returns the context that handlers of version 1 are given, of one of version 2 */
export function contextOf({ sessionId, mcpReq, http }: ContextOfVersion2): RequestContext {
  const { id, signal, _meta: meta } = mcpReq;
  return {
    ...originOf({ authInfo: http?.authInfo, request: http?.req }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(meta === undefined ? {} : { _meta: meta }),
    signal,
    requestId: id,
  };
}

/** Headers and URL are read when somebody asks. */
function infoOf(request: Request): HttpRequestInfo {
  const known = infos.get(request);
  if (known !== undefined) return known;
  const info: HttpRequestInfo = {
    get headers() {
      return Object.fromEntries(request.headers);
    },
    get url() {
      return new URL(request.url);
    },
  };
  infos.set(request, info);
  return info;
}
