import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  ResourceUpdatedNotificationSchema,
  type ReadResourceResult,
} from '@modelcontextprotocol/sdk/types.js';

import { ANNOUNCE_TOOL } from './servers/announcements.ts';
import { COUNTERS_TOOL, type Counters } from './servers/counters.ts';

const LAST_WORDS = 2_000;

/** What a tool has answered. */
export interface ToolAnswer {
  readonly text: string;
  readonly isError: boolean;
}

/** A server in a process of its own, with the SDK's client connected to it over stdio. */
export class ServerProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #client: Client;
  readonly #signal: AbortSignal;
  #said = '';
  readonly #onAbort = (): void => void this.close();

  /**
   * @param name for whoever reads that it failed
   * @param args of Node: a program and what it is told
   * @param signal ends the process; whatever is under way rejects then
   */
  static async start(
    name: string,
    args: readonly string[],
    signal: AbortSignal,
  ): Promise<ServerProcess> {
    signal.throwIfAborted();
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [...args],
      stderr: 'pipe',
    });
    const client = new Client({ name: 'granary-demo', version: '1.0.0' });
    const server = new ServerProcess(name, client, signal);
    transport.stderr?.on('data', (chunk: Buffer) => {
      server.#said = (server.#said + chunk.toString()).slice(-LAST_WORDS);
    });
    try {
      await client.connect(transport);
    } catch (cause) {
      await server.close();
      throw server.failure(cause);
    }
    return server;
  }

  private constructor(name: string, client: Client, signal: AbortSignal) {
    this.#name = name;
    this.#client = client;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  read(uri: string): Promise<ReadResourceResult> {
    return this.#client.readResource({ uri });
  }

  async uris(): Promise<string[]> {
    const { resources } = await this.#client.listResources();
    return resources.map(({ uri }) => uri);
  }

  async toolCount(): Promise<number> {
    return (await this.#client.listTools()).tools.length;
  }

  /** The last of what it has said on stderr. */
  get said(): string {
    return this.#said;
  }

  async subscribe(uri: string, onUpdated: () => void): Promise<void> {
    this.#client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      if (params.uri === uri) onUpdated();
    });
    await this.#client.subscribeResource({ uri });
  }

  /** Has the server tell that a document has changed. */
  async announce(uri: string): Promise<void> {
    await this.#client.callTool({ name: ANNOUNCE_TOOL, arguments: { uri } });
  }

  async counters(): Promise<Counters> {
    const { content } = await this.#client.callTool({ name: COUNTERS_TOOL });
    const [first] = content as readonly { readonly text: string }[];
    return JSON.parse(first?.text ?? '') as Counters;
  }

  /** Calls a tool and returns the first text of its answer. */
  async callTool(name: string, args: Record<string, unknown> = {}): Promise<ToolAnswer> {
    const { content, isError } = await this.#client.callTool({ name, arguments: args });
    const [first] = content as readonly { readonly text?: string }[];
    return { text: first?.text ?? '', isError: isError === true };
  }

  /** An error that tells which server failed, and what it last said. */
  failure(cause: unknown): Error {
    const said = this.#said === '' ? '' : `; it said:\n${this.#said}`;
    return new Error(`${this.#name} failed: ${String(cause)}${said}`, { cause });
  }

  /** Ends its input, and by signals what does not end by that. */
  async close(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    await this.#client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
