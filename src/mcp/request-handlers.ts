import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type * as SdkTypes from '@modelcontextprotocol/sdk/types.js';
import type { ServerResult } from '@modelcontextprotocol/sdk/types.js';

import { describeValue } from '../describe-value.ts';
import { INVALID_PARAMS, JsonRpcError } from './json-rpc-error.ts';
import type { RequestContext } from './request-context.ts';
import type { ResourceServer } from './resource-server.ts';

/** The methods that a server of resources answers, completion apart. */
export const RESOURCE_METHODS = [
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
] as const;

export type Params = Readonly<Record<string, unknown>>;

/**
 * Makes the server answer requests about resources.
 *
 * The SDK answers params that its schemas refuse with -32603 and all that zod has to say. So it gets
 * schemas that take any params, and the params are checked here: -32602.
 *
 * @param completes whether `completion/complete` is ours too
 */
export function installHandlers(
  // oxlint-disable-next-line typescript/no-deprecated -- McpServer has no request handlers; Server is the SDK's way to them
  server: Server,
  types: typeof SdkTypes,
  resources: ResourceServer,
  completes: boolean,
): void {
  function answer(
    schema: { readonly shape: { readonly method: MethodSchema } },
    handler: (params: Params, context: RequestContext) => ServerResult | Promise<ServerResult>,
  ): void {
    const lenient = types.RequestSchema.extend({ method: schema.shape.method });
    server.setRequestHandler(lenient, ({ params = {} }, context) => handler(params, context));
  }

  answer(types.ListResourcesRequestSchema, (params, context) =>
    resources.list(cursorOf(params), context),
  );
  answer(types.ListResourceTemplatesRequestSchema, (params) =>
    resources.listTemplates(cursorOf(params)),
  );
  answer(types.ReadResourceRequestSchema, (params, context) =>
    resources.read(uriOf(params), context),
  );
  answer(types.SubscribeRequestSchema, async (params, context) => {
    await resources.subscribe(uriOf(params), context);
    return {};
  });
  answer(types.UnsubscribeRequestSchema, (params) => {
    resources.unsubscribe(uriOf(params));
    return {};
  });
  if (!completes) return;
  answer(types.CompleteRequestSchema, (params, context) => {
    const { data, error } = types.CompleteRequestSchema.shape.params.safeParse(params);
    if (data !== undefined) return resources.complete(data, context);
    const [issue] = error.issues;
    throw invalidParams(`${issue?.path.map(String).join('.')}: ${issue?.message}`);
  });
}

type MethodSchema = (
  | typeof SdkTypes.ListResourcesRequestSchema
  | typeof SdkTypes.ListResourceTemplatesRequestSchema
  | typeof SdkTypes.ReadResourceRequestSchema
  | typeof SdkTypes.SubscribeRequestSchema
  | typeof SdkTypes.UnsubscribeRequestSchema
  | typeof SdkTypes.CompleteRequestSchema
)['shape']['method'];

export function uriOf({ uri }: Params): string {
  if (typeof uri === 'string' && uri !== '') return uri;
  throw invalidParams(`uri must be a non-empty string, got ${describeValue(uri)}`);
}

export function cursorOf({ cursor }: Params): string | undefined {
  if (cursor === undefined || typeof cursor === 'string') return cursor;
  throw invalidParams(`cursor must be a string, got ${describeValue(cursor)}`);
}

function invalidParams(why: string): JsonRpcError {
  return new JsonRpcError(INVALID_PARAMS, `Invalid params: ${why}`);
}
