import type { Result } from '@modelcontextprotocol/sdk/types.js';

import { completionParams } from './completion-params.ts';
import { cursorOf, uriOf, type Params, type RESOURCE_METHODS } from './request-handlers.ts';
import type { RequestContext } from './request-context.ts';
import type { ResourceServer } from './resource-server.ts';
import { contextOf, type ContextOfVersion2 } from './sdk-context.ts';
import type { ProtocolServer } from './sdk-server.ts';

type Handler = (
  params: Params,
  context: RequestContext,
) => Result | Promise<Result> | Promise<void> | void;

/** Takes any params (Standard Schema, version 1): they are checked here, as on version 1 of the SDK. */
const ANY_PARAMS = {
  params: {
    '~standard': {
      version: 1,
      vendor: 'mcp-granary',
      validate: (value: unknown) => ({ value }),
    },
  },
} as const;

/** As much of a server of version 2 as is used here. */
interface HandlingServer {
  setRequestHandler(
    method: string,
    schemas: typeof ANY_PARAMS,
    handler: (params: Params, context: ContextOfVersion2) => Promise<Result>,
  ): void;
}

/** As `installHandlers`, on version 2 of the SDK. */
export function installHandlersV2(
  protocol: ProtocolServer,
  resources: ResourceServer,
  completes: boolean,
): void {
  const server = protocol as unknown as HandlingServer;
  const handlers: Readonly<Record<(typeof RESOURCE_METHODS)[number], Handler>> = {
    'resources/list': (params, context) => resources.list(cursorOf(params), context),
    'resources/templates/list': (params) => resources.listTemplates(cursorOf(params)),
    'resources/read': (params, context) => resources.read(uriOf(params), context),
    'resources/subscribe': (params, context) => resources.subscribe(uriOf(params), context),
    'resources/unsubscribe': (params) => resources.unsubscribe(uriOf(params)),
  };
  const complete: Handler = (params, context) =>
    resources.complete(completionParams(params), context);
  const all = Object.entries(
    completes ? { ...handlers, 'completion/complete': complete } : handlers,
  );
  for (const [method, handler] of all) {
    server.setRequestHandler(
      method,
      ANY_PARAMS,
      async (params, context) => (await handler(params, contextOf(context))) ?? {},
    );
  }
}
