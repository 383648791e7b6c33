import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import {
  InMemoryTransport as InMemoryTransport2,
  type Transport,
} from '@modelcontextprotocol/server';

import type { LowLevelServer } from './mcp-peers.ts';
import { settled } from './process-signals.ts';

/** A peer that writes messages by hand: ids are its own choice. */
export class RawPeer {
  readonly received: JSONRPCMessage[] = [];
  readonly #near: InMemoryTransport;
  /** What each request carries from 2026-07-28 on. */
  readonly #envelope: object | undefined;

  private constructor(near: InMemoryTransport, envelope?: object) {
    this.#near = near;
    this.#envelope = envelope;
  }

  /**
   * On revision 2026-07-28.
   *
   * @param serve serves one connection
   */
  static async linkStateless(
    serve: (transport: Transport) => unknown,
    onMessage?: (message: JSONRPCMessage) => void,
  ): Promise<RawPeer> {
    const [near, far] = InMemoryTransport2.createLinkedPair() as unknown as InMemoryTransport[];
    const peer = new RawPeer(near!, {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    });
    near!.onmessage = () => {};
    serve(far as unknown as Transport);
    // Any other request than server/discover settles what the connection speaks.
    await peer.write({ id: 'opening', method: 'prompts/list' });
    await settled();
    near!.onmessage = onMessage ?? ((message) => void peer.received.push(message));
    return peer;
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
    const { params } = message as { params?: object };
    const enveloped =
      this.#envelope === undefined || !('id' in message)
        ? message
        : { ...message, params: { ...params, _meta: this.#envelope } };
    return this.#near.send({ jsonrpc: '2.0', ...enveloped } as JSONRPCMessage);
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
