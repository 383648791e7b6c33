import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type * as SdkTypes from '@modelcontextprotocol/sdk/types.js';
import type { ServerResult } from '@modelcontextprotocol/sdk/types.js';

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

/** The part of a zod schema that is used here. */
interface ParamsSchema<Params> {
  safeParse(request: unknown): {
    data?: { params?: Params | undefined } | undefined;
    error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } | undefined;
  };
}

/**
 * Makes the server answer requests about resources.
 *
 * The SDK answers params that its schema refuses with -32603 and all that zod has to say. So it gets
 * a schema that takes any params, and the real one is applied here: -32602.
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
  function answer<Params>(
    schema: ParamsSchema<Params> & { readonly shape: { readonly method: LiteralSchema } },
    handler: (params: Params, context: RequestContext) => ServerResult | Promise<ServerResult>,
  ): void {
    const lenient = types.RequestSchema.extend({ method: schema.shape.method });
    server.setRequestHandler(lenient, (request, context) => {
      const { data, error } = schema.safeParse(request);
      if (error !== undefined) throw invalidParams(error.issues);
      return handler((data?.params ?? {}) as Params, context);
    });
  }

  answer(types.ListResourcesRequestSchema, ({ cursor }, context) =>
    resources.list(cursor, context),
  );
  answer(types.ListResourceTemplatesRequestSchema, ({ cursor }) => resources.listTemplates(cursor));
  answer(types.ReadResourceRequestSchema, ({ uri }, context) => resources.read(uri, context));
  answer(types.SubscribeRequestSchema, async ({ uri }, context) => {
    await resources.subscribe(uri, context);
    return {};
  });
  answer(types.UnsubscribeRequestSchema, ({ uri }) => {
    resources.unsubscribe(uri);
    return {};
  });
  if (completes) {
    answer(types.CompleteRequestSchema, (params, context) => resources.complete(params, context));
  }
}

type LiteralSchema = (
  | typeof SdkTypes.ListResourcesRequestSchema
  | typeof SdkTypes.ListResourceTemplatesRequestSchema
  | typeof SdkTypes.ReadResourceRequestSchema
  | typeof SdkTypes.SubscribeRequestSchema
  | typeof SdkTypes.UnsubscribeRequestSchema
  | typeof SdkTypes.CompleteRequestSchema
)['shape']['method'];

function invalidParams(
  issues: readonly { path: readonly PropertyKey[]; message: string }[],
): JsonRpcError {
  const [issue] = issues;
  const where = issue === undefined ? 'params' : issue.path.map(String).join('.');
  return new JsonRpcError(
    INVALID_PARAMS,
    `Invalid params: ${where}: ${issue?.message ?? 'not valid'}`,
  );
}
