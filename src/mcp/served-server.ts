import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

import type { ResourceManager } from '../manager/resource-manager.ts';
import { importSdkMcp } from './sdk-peer.ts';
import type { ServeResourcesOptions } from './serve-options.ts';
import { serveResources } from './serve-resources.ts';

/** How a server introduces itself to its clients. */
export interface ServerIdentity {
  readonly name: string;
  readonly version: string;
}

/**
 * Makes an MCP server for one client over a manager that all of them share: a server that two
 * clients shared would give one the answers of the other (CVE-2026-25536).
 *
 * @throws (rejects with) `ERR_GRANARY_MISSING_PEER` where the SDK is not installed
 */
export async function createServer(
  identity: ServerIdentity,
  manager: ResourceManager,
  options: ServeResourcesOptions,
): Promise<McpServer> {
  const sdk = await importSdkMcp();
  const server = new sdk.McpServer(identity);
  await serveResources(server, manager, options);
  // Whatever a client sends, the SDK answers or ignores it; the operator may want to know.
  server.server.onerror = (error) => {
    options.logger?.warn('a message was ignored', { error: error.message.slice(0, 200) });
  };
  return server;
}

/** Tells the client of a server that the list has changed, if it has introduced itself. */
export function announceListChange(server: McpServer): void {
  const { server: protocol } = server;
  if (protocol.transport === undefined || protocol.getClientCapabilities() === undefined) return;
  protocol.sendResourceListChanged().catch((error: Error) => protocol.onerror?.(error));
}
