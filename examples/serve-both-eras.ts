// Version 2 of the SDK over stdio: one factory serves clients of every revision.
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { ResourceManager } from 'mcp-granary';
import { serveResources } from 'mcp-granary/mcp';

const notes = new Map([
  ['today', 'Water the plants'],
  ['tomorrow', 'Water them again'],
]);

const manager = new ResourceManager({ ttlMs: 60_000 });
manager.register('note://{id}', (_uri, { id = '' }) => notes.get(id) ?? '', {
  public: true,
  list: () => [...notes.keys()].map((id) => ({ uri: `note://${id}` })),
});

serveStdio(async () => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  server.registerTool('write', {}, () => {
    notes.set('today', 'Done');
    manager.invalidate('note://today'); // and tells who subscribed
    return { content: [] };
  });
  await serveResources(server, manager);
  return server;
});
