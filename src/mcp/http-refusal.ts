import type { ServerResponse } from 'node:http';

/** A refusal, as the transport of the SDK makes it. */
export function respond(
  response: ServerResponse,
  status: number,
  code: number,
  message: string,
): void {
  const body = JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null });
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
