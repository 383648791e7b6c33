import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

import { badOption } from '../options.ts';

/** The SDK's server below `McpServer`, which has request handlers instead of registrations. */
// oxlint-disable-next-line typescript/no-deprecated -- the type of McpServer.server
export type ProtocolServer = Server;

/** What a user has: either of the SDK's servers. */
export type AnyServer = ProtocolServer | McpServer;

/** @returns the low-level server. @throws `ERR_GRANARY_BAD_OPTION` for anything but a server */
export function protocolOf(server: AnyServer): ProtocolServer {
  const given: unknown = server;
  if (typeof given === 'object' && given !== null) {
    const protocol: Partial<ProtocolServer> = 'server' in server ? server.server : server;
    if (typeof protocol?.setRequestHandler === 'function') {
      if (isVersion2(protocol)) {
        badOption(
          'server',
          given,
          'of @modelcontextprotocol/sdk, version 1; this one is of version 2',
        );
      }
      return protocol as ProtocolServer;
    }
  }
  return badOption('server', given, 'an McpServer or a Server of the MCP SDK, version 1');
}

/** Its handlers are set by the method's name, and told of a request by an object of another form. */
function isVersion2(protocol: object): boolean {
  return 'getNegotiatedProtocolVersion' in protocol && !('experimental' in protocol);
}
