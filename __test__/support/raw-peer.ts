import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

import type { LowLevelServer } from './mcp-peers.ts';
import { settled } from './process-signals.ts';

/** A peer that writes messages by hand: ids are its own choice. */
export class RawPeer {
  readonly received: JSONRPCMessage[] = [];
  readonly #near: InMemoryTransport;

  private constructor(near: InMemoryTransport) {
    this.#near = near;
  }

  /** @param onMessage gets what the server sends; default: it is collected in `received`. */
  static async link(
    server: McpServer | LowLevelServer,
    onMessage?: (message: JSONRPCMessage) => void,
  ): Promise<RawPeer> {
    const [near, far] = InMemoryTransport.createLinkedPair();
    const peer = new RawPeer(near);
    near.onmessage = () => {};
    await server.connect(far);
    await peer.write({
      id: 'init',
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'raw', version: '1' },
      },
    });
    await peer.write({ method: 'notifications/initialized' });
    await settled();
    near.onmessage = onMessage ?? ((message) => void peer.received.push(message));
    return peer;
  }

  write(message: Record<string, unknown>): Promise<void> {
    return this.#near.send({ jsonrpc: '2.0', ...message } as JSONRPCMessage);
  }

  close(): Promise<void> {
    return this.#near.close();
  }

  /** Texts of reads answered, by id, in the order of arrival. */
  get texts(): [unknown, unknown][] {
    return this.received.map((message) => {
      const { id, result } = message as {
        id: unknown;
        result?: { contents: { text: string }[] };
      };
      return [id, result?.contents[0]?.text];
    });
  }
}
