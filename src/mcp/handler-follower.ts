import type { Notification } from '@modelcontextprotocol/sdk/types.js';

import { overrideMethod } from './method-override.ts';
import type { ContextOfVersion2 } from './sdk-context.ts';
import { generationOf, type ProtocolServer } from './sdk-server.ts';

/** Who is told of what request handlers do. */
export interface HandlerFollower {
  /** A handler is about to send. */
  sends(notification: Notification): void;
  /** A handler has said that its result is stale at once. */
  isStale(requestId: string | number): void;
  /** Another handler answers a method from now on, or none; `undefined`: of which, is not known. */
  changed(method: string | undefined): void;
}

type AnyHandler = (request: unknown, context: never) => unknown;
type SetRequestHandler = (method: unknown, ...rest: unknown[]) => void;

/** As much of what a handler of version 1 is given as is used here. */
interface ContextOfVersion1 {
  readonly requestId: string | number;
  sendNotification(notification: Notification): Promise<void>;
}

/**
 * Follows what the handlers of a server do that are set from now on.
 *
 * @returns what undoes it
 */
export function followHandlers(
  protocol: ProtocolServer,
  follower: HandlerFollower,
): (() => void)[] {
  const followed = generationOf(protocol) === 1 ? followedBy1 : followedBy2;
  const methods = protocol as unknown as {
    setRequestHandler: SetRequestHandler;
    removeRequestHandler(method: string): void;
  };
  return [
    overrideMethod(methods, 'setRequestHandler', (setRequestHandler) => (method, ...rest) => {
      // Of version 2: a method, schemas where it is not one of the specification, a handler.
      const handler = rest.at(-1);
      const others = rest.slice(0, -1);
      const isHandler = typeof handler === 'function';
      setRequestHandler(
        method,
        ...others,
        isHandler ? followed(handler as AnyHandler, follower) : handler,
      );
      follower.changed(methodOf(method));
    }),
    overrideMethod(methods, 'removeRequestHandler', (removeRequestHandler) => (method) => {
      removeRequestHandler(method);
      follower.changed(method);
    }),
  ];
}

function followedBy1(handler: AnyHandler, follower: HandlerFollower): AnyHandler {
  return (request, context: ContextOfVersion1) => {
    const { requestId } = context;
    const told = {
      ...context,
      sendNotification: (sent: Notification) => {
        follower.sends(sent);
        return context.sendNotification(sent);
      },
    };
    return judged(handler(request, told as never), requestId, follower);
  };
}

function followedBy2(handler: AnyHandler, follower: HandlerFollower): AnyHandler {
  return (request, context: ContextOfVersion2) => {
    const { mcpReq } = context;
    const notify = (...sent: [Notification]): Promise<void> => {
      follower.sends(sent[0]);
      return mcpReq.notify(...sent);
    };
    const told = { ...context, mcpReq: { ...mcpReq, notify } };
    return judged(handler(request, told as never), mcpReq.id, follower);
  };
}

/** A `ttlMs: 0` of the handler's own, which on the wire looks like one that the SDK fills in. */
function judged(returned: unknown, requestId: string | number, follower: HandlerFollower): unknown {
  if (returned instanceof Promise) {
    return returned.then((result: unknown) => judged(result, requestId, follower));
  }
  if (typeof returned === 'object' && returned !== null && 'ttlMs' in returned) {
    if (returned.ttlMs === 0) follower.isStale(requestId);
  }
  return returned;
}

/** @returns the method itself, or what a schema of zod is for; other flavours of zod hold it elsewhere. */
function methodOf(method: unknown): string | undefined {
  if (typeof method === 'string') return method;
  const { shape } = method as { shape?: { method?: { value?: unknown } } };
  const value = shape?.method?.value;
  return typeof value === 'string' ? value : undefined;
}
