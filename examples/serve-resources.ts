// An MCP server on stdio whose resources come from a cache: lists, reads, completion, subscriptions.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { GranaryError, ResourceManager } from 'mcp-granary';
import { serveResources } from 'mcp-granary/mcp';

const notes = new Map([
  ['today', 'Water the plants'],
  ['tomorrow', 'Rest'],
]);
function loadNote(_uri: string, { id = '' }: Readonly<Record<string, string>>): string {
  const note = notes.get(id);
  if (note === undefined) throw new GranaryError('ERR_GRANARY_NO_MATCH', `no note "${id}"`);
  return note;
}

const manager = new ResourceManager({ ttlMs: 60_000 });
manager.register('note://{id}', loadNote, {
  public: true,
  list: () => [...notes.keys()].map((id) => ({ uri: `note://${id}` })),
  complete: { id: (typed) => [...notes.keys()].filter((id) => id.startsWith(typed)) },
});

const server = new McpServer({ name: 'notes', version: '1.0.0' });
await serveResources(server, manager);
await server.connect(new StdioServerTransport());
