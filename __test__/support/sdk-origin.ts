import {
  McpServer as McpServer1,
  ResourceTemplate as Template1,
} from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  McpServer as McpServer2,
  ResourceTemplate as Template2,
  type ServerOptions,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

import type { AnyMcpServer, Setting } from './sdk-wires.ts';

type Hints = ServerOptions['cacheHints'];

/** What handlers of servers of either generation answer from: it numbers its calls. */
export class SdkOrigin {
  calls = 0;
  /** What an answer waits for. */
  gate: Promise<unknown> = Promise.resolve();
  readonly servers: AnyMcpServer[] = [];
  readonly #generation: Setting['generation'];
  readonly #hints: Hints;

  constructor({ generation }: Pick<Setting, 'generation'>, hints?: Hints) {
    this.#generation = generation;
    this.#hints = hints;
  }

  /** An McpServer with `own://{x}` and `docs://{x}`, tools and a prompt, as its author would write it. */
  server(): AnyMcpServer {
    // What is called here takes the same in both.
    const server =
      this.#generation === 1
        ? (new McpServer1({ name: 'origin', version: '1.0.0' }) as unknown as McpServer2)
        : new McpServer2(
            { name: 'origin', version: '1.0.0' },
            this.#hints === undefined ? {} : { cacheHints: this.#hints },
          );
    server.server.registerCapabilities({ resources: { subscribe: true, listChanged: true } });
    for (const scheme of ['own', 'docs']) this.#registerTemplate(server, scheme);
    this.#registerTool(server, 'look', { readOnlyHint: true, idempotentHint: true });
    this.#registerTool(server, 'read-only', { readOnlyHint: true });
    this.#registerTool(server, 'change', {});
    server.registerPrompt('greet', {}, () => ({ messages: [] }));
    this.servers.push(server);
    return server;
  }

  #registerTemplate(server: McpServer2, scheme: string): void {
    const Template = this.#generation === 1 ? Template1 : Template2;
    const template = new Template(`${scheme}://{x}`, { list: undefined });
    server.registerResource(scheme, template as never, {}, (async (
      { href }: URL,
      _: unknown,
      context: Context,
    ) => ({ contents: [{ uri: href, text: await this.#answer(href, context) }] })) as never);
  }

  #registerTool(server: McpServer2, name: string, annotations: object): void {
    const config = { annotations, inputSchema: z.object({ of: z.string() }).loose() };
    server.registerTool(
      name,
      config as never,
      (async ({ of, fails }: { of: string; fails?: boolean }, context: Context) => ({
        content: [{ type: 'text', text: await this.#answer(`${name} ${of}`, context) }],
        ...(fails && { isError: true }),
      })) as never,
    );
  }

  async #answer(about: string, context: Context): Promise<string> {
    const call = ++this.calls;
    await this.gate;
    const { authInfo } = context.http ?? context;
    return `${call}: ${about} for ${authInfo?.extra?.user ?? 'nobody'}`;
  }
}

/** What handlers of either generation are told of their caller. */
interface Context {
  readonly authInfo?: { readonly extra?: { readonly user?: string } };
  readonly http?: Pick<Context, 'authInfo'>;
}
