import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

import type { Answer } from './answer.ts';
import type { Question } from './question.ts';

/** A server whose list has no end is asked no further. */
const MOST_PAGES = 100;

/** What is asked about a listed tool (MCP, `ToolAnnotations`). */
interface ListedTool {
  readonly name?: unknown;
  readonly annotations?: { readonly readOnlyHint?: unknown; readonly idempotentHint?: unknown };
}

/**
 * Whether a tool says of itself that it changes nothing and that another call would do the same as the
 * first (`readOnlyHint` and `idempotentHint`), in the list as whoever calls it would see it.
 *
 * @param call whose sender asks
 * @param list answers a question about one page
 */
export async function isRepeatable(
  tool: string,
  call: JSONRPCRequest,
  revision: string | undefined,
  list: (page: Question, request: JSONRPCRequest) => Promise<Answer>,
): Promise<boolean> {
  const method = 'tools/list';
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const params = { ...(cursor !== undefined && { cursor }), ...envelopeOf(call) };
    const answer = await list(
      { method, subject: cursor, ...(revision !== undefined && { revision }) },
      { jsonrpc: '2.0', id: call.id, method, params },
    );
    if ('error' in answer) return false;
    const { tools, nextCursor } = answer.result;
    const listed = Array.isArray(tools) ? (tools as readonly ListedTool[]) : [];
    const found = listed.find((one) => one?.name === tool);
    if (found !== undefined) {
      const { readOnlyHint, idempotentHint } = found.annotations ?? {};
      return readOnlyHint === true && idempotentHint === true;
    }
    if (typeof nextCursor !== 'string') return false;
    cursor = nextCursor;
  }
  return false;
}

/** Progress of the call is none of the list. */
function envelopeOf({ params = {} }: JSONRPCRequest): { _meta?: Record<string, unknown> } {
  const { _meta: given = {} } = params;
  const { progressToken: _, ...meta } = given;
  return Object.keys(meta).length === 0 ? {} : { _meta: meta };
}
