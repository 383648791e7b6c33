import { Client, type ClientOptions, InMemoryTransport } from '@modelcontextprotocol/client';
import { McpServer, ResourceTemplate, type ServerOptions } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { onTestFinished } from 'vitest';

type Hint = Exclude<ServerOptions['cacheHints'], undefined>['resources/read'];

export interface HintedServerOptions {
  readonly name?: string;
  readonly hint?: Hint;
  /** What a document says; default its version. */
  readonly textOf?: (uri: string) => string | Promise<string>;
}

/** A server of SDK 2 that hands out cache hints, and counts what reaches it. */
export class HintedServer {
  /** URIs of reads and methods of lists, in the order of their requests. */
  readonly requests: string[] = [];
  /** Requests that clients have withdrawn. */
  cancelled = 0;
  version = 1;
  readonly #options: HintedServerOptions;
  readonly #servers: McpServer[] = [];

  constructor(options: HintedServerOptions = {}) {
    this.#options = options;
  }

  /** A client on a connection of its own, on revision 2026-07-28, which hears of every change. */
  async connect(options: ClientOptions): Promise<Client> {
    const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
    const handle = serveStdio(() => this.#make(), { transport: serverSide });
    const receive = serverSide.onmessage!;
    serverSide.onmessage = (message, extra) => {
      if ('method' in message && message.method.endsWith('/list')) {
        this.requests.push(message.method);
      }
      if ('method' in message && message.method === 'notifications/cancelled') this.cancelled++;
      receive(message, extra);
    };
    const client = new Client(
      { name: 'reader', version: '1.0.0' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } }, ...options },
    );
    await client.connect(clientSide);
    await client.listen({
      resourceSubscriptions: ['docs://1', 'docs://2'],
      resourcesListChanged: true,
      toolsListChanged: true,
    });
    onTestFinished(async () => {
      await client.close();
      await handle.close();
    });
    return client;
  }

  async sendUpdated(uri: string): Promise<void> {
    for (const { server } of this.#servers) await server.sendResourceUpdated({ uri });
  }

  sendToolListChanged(): void {
    for (const server of this.#servers) server.sendToolListChanged();
  }

  #make(): McpServer {
    const { name = 'documents', hint = {} } = this.#options;
    const server = new McpServer(
      { name, version: '1.0.0' },
      {
        cacheHints: { 'resources/read': hint, 'resources/list': hint, 'tools/list': hint },
        capabilities: { resources: { subscribe: true, listChanged: true } },
      },
    );
    const template = new ResourceTemplate('docs://{id}', { list: undefined });
    server.registerResource('document', template, {}, async ({ href }) => {
      this.requests.push(href);
      const { textOf = () => `version ${this.version}` } = this.#options;
      return { contents: [{ uri: href, text: await textOf(href) }] };
    });
    server.registerTool('count', {}, async () => ({ content: [] }));
    server.registerPrompt('greet', {}, async () => ({ messages: [] }));
    this.#servers.push(server);
    return server;
  }
}

/** The text of a read's only part. */
export function textOf({ contents }: Awaited<ReturnType<Client['readResource']>>): unknown {
  const [part] = contents;
  return part !== undefined && 'text' in part ? part.text : undefined;
}
