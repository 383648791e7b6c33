// A server of the SDK over stdio, cached in one line; what it is asked for is there in every size.
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

import { cacheServer } from '../../dist/mcp/index.js';

const server = new McpServer({ name: 'cached', version: '1.0.0' });
const template = new ResourceTemplate('size://{bytes}', { list: undefined });
server.registerResource('size', template, {}, ({ href }, { bytes }) => ({
  contents: [{ uri: href, text: 'x'.repeat(Number(bytes)) }],
}));
server.registerTool('echo', {}, () => ({ content: [] }));
cacheServer(server, { ttlMs: 60_000 });
process.stdin.once('end', () => process.exit());
await server.connect(new StdioServerTransport());
