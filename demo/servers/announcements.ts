import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';

/** The tool by which the demo has a server tell that a document has changed. */
export const ANNOUNCE_TOOL = 'announce';

export function registerAnnouncements(server: McpServer): void {
  const given = {
    description: 'Tells that a resource was updated',
    inputSchema: { uri: z.string() },
  };
  server.registerTool(ANNOUNCE_TOOL, given, async ({ uri }) => {
    await server.server.sendResourceUpdated({ uri });
    return { content: [] };
  });
}
