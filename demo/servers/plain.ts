/**
 * The server without granary: the SDK's own, which reads the file at every read of a resource. On
 * request it has the one line that makes it answer from a cache.
 */
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';

import { cacheServer } from 'mcp-granary/mcp';

import { DOCUMENT_TEMPLATE } from '../documents.ts';
import { registerAnnouncements } from './announcements.ts';
import { registerCounters } from './counters.ts';
import { Origin } from './origin.ts';
import { readServerArguments } from './server-arguments.ts';

// ^C in a terminal reaches this process too; the demo ends it by the end of its input.
process.on('SIGINT', () => {});

const { root, delayMs, oneLine } = readServerArguments();
const origin = new Origin(root, delayMs);

const server = new McpServer({ name: 'documents', version: '1.0.0' });
server.registerResource(
  'documents',
  new ResourceTemplate(DOCUMENT_TEMPLATE, { list: undefined }),
  { mimeType: 'text/plain' },
  async ({ href: uri }, { path }) => {
    const text = await origin.read(decodeURIComponent(String(path)));
    return { contents: [{ uri, mimeType: 'text/plain', text }] };
  },
);
registerCounters(server, () => ({ originLoads: origin.loads }));
registerAnnouncements(server);
if (oneLine) cacheServer(server);
await server.connect(new StdioServerTransport());
