import type { Server } from '@modelcontextprotocol/sdk/server/index.js';

import { badOption } from '../options.ts';
import type { SdkServer } from './sdk-types.ts';

/**
 * The SDK's server below `McpServer`, which has request handlers instead of registrations.
 *
 * In the types of version 1: in what is used here version 2 differs by how handlers are set, what
 * they are given, and a few members more.
 */
// oxlint-disable-next-line typescript/no-deprecated -- the type of McpServer.server
export type ProtocolServer = Server;

/** Of which generation of the SDK a server is: `@modelcontextprotocol/sdk`, or `/server`. */
export type Generation = 1 | 2;

/** What version 2 has besides. */
interface Negotiating {
  getNegotiatedProtocolVersion(): string | undefined;
}

/** A server as whoever connects it sees it. */
export interface ConnectableServer {
  connect(transport: object): Promise<void>;
}

/** @returns the low-level server. @throws `ERR_GRANARY_BAD_OPTION` for anything but a server */
export function protocolOf(server: SdkServer): ProtocolServer {
  const given: unknown = server;
  if (typeof given === 'object' && given !== null) {
    const protocol = ('server' in given ? given.server : given) as Partial<ProtocolServer> | null;
    if (typeof protocol?.setRequestHandler === 'function') return protocol as ProtocolServer;
  }
  return badOption('server', given, 'an McpServer or a Server of the MCP SDK');
}

/**
 * By what a server can do, as it may be of another copy of the SDK: version 1 has tasks under
 * `experimental`, version 2 tells the protocol version.
 */
export function generationOf(protocol: object): Generation {
  return 'getNegotiatedProtocolVersion' in protocol && !('experimental' in protocol) ? 2 : 1;
}

/** @returns the version that a connection speaks, where its SDK tells */
export function negotiatedVersionOf(protocol: ProtocolServer): string | undefined {
  if (generationOf(protocol) === 1) return undefined;
  return (protocol as ProtocolServer & Negotiating).getNegotiatedProtocolVersion();
}

/** Whether a request of this method has a handler of its own. */
export function hasHandler(protocol: ProtocolServer, method: string): boolean {
  try {
    protocol.assertCanSetRequestHandler(method);
    return false;
  } catch {
    return true;
  }
}
