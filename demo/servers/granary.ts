/** The same server with granary: the same origin, behind a manager that the SDK's server serves. */
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { ResourceManager } from 'mcp-granary';
import { serveResources } from 'mcp-granary/mcp';

import { DOCUMENT_TEMPLATE } from '../documents.ts';
import { registerCounters } from './counters.ts';
import { Origin } from './origin.ts';
import { readServerArguments } from './server-arguments.ts';

// ^C in a terminal reaches this process too; the demo ends it by the end of its input.
process.on('SIGINT', () => {});

const { root, delayMs, maxEntries, maxBytes } = readServerArguments();
const origin = new Origin(root, delayMs);

const manager = new ResourceManager({ maxEntries, maxBytes });
manager.register(DOCUMENT_TEMPLATE, (_uri, { path = '' }) => origin.read(path), {
  mimeType: 'text/plain',
  public: true,
});
let peakSize = 0;
let peakMemoryBytes = 0;
manager.on('loaded', () => {
  const { size, memoryBytes } = manager.stats();
  peakSize = Math.max(peakSize, size);
  peakMemoryBytes = Math.max(peakMemoryBytes, memoryBytes);
});

const server = new McpServer({ name: 'documents', version: '1.0.0' });
await serveResources(server, manager);
registerCounters(server, () => {
  const { hits, misses, loads, coalescedLoads, evictions, size, memoryBytes } = manager.stats();
  return {
    originLoads: origin.loads,
    cache: {
      hits,
      misses,
      loads,
      coalescedLoads,
      evictions,
      size,
      memoryBytes,
      peakSize,
      peakMemoryBytes,
    },
  };
});
await server.connect(new StdioServerTransport());
