import { describeValue } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { isNotFound } from '../manager/not-found.ts';

/**
 * "Resource not found" of MCP up to 2025-11-25; 2026-07-28 has -32602 in its place, which version 2 of
 * the SDK sends on every revision.
 */
export const RESOURCE_NOT_FOUND = -32_002;
/** JSON-RPC 2.0, section 5.1. */
export const INVALID_REQUEST = -32_600;
export const INVALID_PARAMS = -32_602;
export const INTERNAL_ERROR = -32_603;

/**
 * A failure as the client gets to see it.
 *
 * The SDK sends `code`, `message` and `data` of whatever a handler throws; its own `McpError` would
 * put its code into the message.
 */
export class JsonRpcError extends Error {
  readonly code: number;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(code: number, message: string, data?: Readonly<Record<string, unknown>>) {
    super(message);
    this.name = 'JsonRpcError';
    this.code = code;
    this.data = data;
  }
}

/** The answer to a request for a resource that does not exist, or that the client may not see. */
export function notFoundError(uri: string): JsonRpcError {
  return new JsonRpcError(RESOURCE_NOT_FOUND, `Resource not found: ${describeUri(uri)}`, { uri });
}

/**
 * What a client is told of a failed read. What the loader threw stays with the server: it may name
 * files, hosts and secrets.
 */
export function readError(error: unknown, uri: string): JsonRpcError {
  if (error instanceof JsonRpcError) return error;
  if (isNotFound(error, uri)) return notFoundError(uri);
  if (error instanceof GranaryError && error.code === 'ERR_GRANARY_BAD_URI') {
    return new JsonRpcError(INVALID_PARAMS, error.message);
  }
  const reason = error instanceof GranaryError ? error.code : 'ERR_GRANARY_INTERNAL';
  // A refusal of this very resource, made for its reader; a limit inside the loader names no such URI.
  if (
    error instanceof GranaryError &&
    error.code === 'ERR_GRANARY_LIMIT_EXCEEDED' &&
    error.data['uri'] === uri
  ) {
    return new JsonRpcError(INTERNAL_ERROR, error.message, { ...error.data, reason });
  }
  return new JsonRpcError(INTERNAL_ERROR, `Reading the resource failed: ${describeUri(uri)}`, {
    uri,
    reason,
  });
}

/** Messages stay short, whatever was sent; `data` has all of it. */
function describeUri(uri: string): string {
  return uri.length > 200 ? describeValue(uri) : uri;
}
