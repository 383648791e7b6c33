/** What a client of Streamable HTTP posts with. */
export const POST_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

/** The body that begins a session. */
export function initializeBody(protocolVersion = '2025-11-25'): string {
  const clientInfo = { name: 'raw', version: '1' };
  const params = { protocolVersion, capabilities: {}, clientInfo };
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
}
