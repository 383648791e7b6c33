import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import type { McpHttpHandler } from '@modelcontextprotocol/server';

/** A handler of version 2 on 127.0.0.1, and clients of the SDK on revision 2026-07-28. */
export class ServedHandler implements AsyncDisposable {
  readonly #handler: McpHttpHandler;
  readonly #http;
  readonly #clients: Client[] = [];

  private constructor(handler: McpHttpHandler) {
    this.#handler = handler;
    const answer = toNodeHandler(handler);
    // Of requests to a server, Node's types leave open whether they have a method.
    this.#http = createServer((request, response) => void answer(request as never, response));
  }

  static async start(handler: McpHttpHandler): Promise<ServedHandler> {
    const served = new ServedHandler(handler);
    served.#http.listen(0, '127.0.0.1');
    await once(served.#http, 'listening');
    return served;
  }

  async connect(): Promise<Client> {
    const { port } = this.#http.address() as AddressInfo;
    const client = new Client(
      { name: 'reader', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/`)));
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.#handler.close();
    this.#http.closeAllConnections();
    this.#http.close();
  }
}
