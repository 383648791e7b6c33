import { McpServer, requireScopes, ResourceTemplate } from '@modelcontextprotocol/server';

/** The revision whose requests carry an envelope, and the ones before. */
export type Era = 'modern' | 'legacy';
export const ERAS = ['modern', 'legacy'] as const satisfies readonly Era[];

export const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Makes servers of version 2, as a program does that has one for each request, and counts what they do. */
export class Documents {
  servers = 0;
  calls = 0;
  text: string | undefined;

  readonly make = (): McpServer => {
    this.servers++;
    const server = new McpServer({ name: 'documents', version: '1.0.0' });
    const read = async ({ href }: URL): Promise<{ contents: { uri: string; text: string }[] }> => {
      const text = this.text ?? `${++this.calls}: ä "quoted" \u2028`;
      return { contents: [{ uri: href, text }] };
    };
    for (const scheme of ['own', 'docs']) {
      const template = new ResourceTemplate(`${scheme}://{+id}`, { list: undefined });
      server.registerResource(scheme, template, {}, read);
    }
    const template = new ResourceTemplate('guarded://{id}', { list: undefined });
    const scopeChallenge = requireScopes('docs:read');
    server.registerResource('guarded', template, { scopeChallenge }, read);
    server.registerTool('count', {}, async () => ({ content: [] }));
    return server;
  };
}

/** The body of a request of an era. */
export function bodyOf(era: Era, id: unknown, method: string, params: object = {}): string {
  const meta = era === 'modern' ? { _meta: ENVELOPE } : {};
  return JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, ...meta } });
}

/** The headers that its client sends besides. */
export function headersOf(era: Era, method: string, name?: string): Record<string, string> {
  if (era === 'legacy') return { 'mcp-protocol-version': '2025-11-25' };
  return {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(name === undefined ? {} : { 'mcp-name': name }),
  };
}

/** The message in a body, of JSON or of one event. */
export function messageIn(body: string): Record<string, unknown> {
  return JSON.parse(body.replace(/^event: message\ndata: /, '')) as Record<string, unknown>;
}

/** @returns a message without the hints that pass */
export function lasting({ result, ...others }: Record<string, unknown>): unknown {
  if (result === undefined) return others;
  const { ttlMs: _ttl, cacheScope: _scope, ...rest } = result as Record<string, unknown>;
  return { ...others, result: rest };
}
