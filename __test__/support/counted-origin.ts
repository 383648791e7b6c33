import { ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';

import { newLowLevelServer, newServer, type LowLevelServer } from './mcp-peers.ts';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** What handlers of many servers answer from: it numbers its calls and says whom each was for. */
export class CountedOrigin {
  calls = 0;
  /** What an answer waits for. */
  gate: Promise<unknown> = Promise.resolve();
  /** What the handlers were told, by call. */
  readonly extras: Extra[] = [];

  async answer(about: string, extra: Extra): Promise<string> {
    const call = ++this.calls;
    this.extras.push(extra);
    await this.gate;
    const user = extra.authInfo?.extra?.['user'] as string | undefined;
    return `${call}: ${about} for ${user ?? 'nobody'}`;
  }

  /** An McpServer with `own://{x}` and `docs://{x}`, as its author would write it. */
  mcpServer(): McpServer {
    const server = newServer();
    for (const scheme of ['own', 'docs']) {
      server.registerResource(
        scheme,
        new ResourceTemplate(`${scheme}://{x}`, { list: undefined }),
        {},
        async (uri, _, extra) => ({
          contents: [{ uri: uri.href, text: await this.answer(uri.href, extra) }],
        }),
      );
    }
    return server;
  }

  /** A low-level server that answers all cached methods, lists in pages of one item. */
  lowLevelServer(): LowLevelServer {
    const server = newLowLevelServer({
      capabilities: {
        resources: { listChanged: true, subscribe: true },
        tools: { listChanged: true },
        prompts: { listChanged: true },
      },
    });
    server.setRequestHandler(ReadResourceRequestSchema, async ({ params }, extra) => ({
      contents: [{ uri: params.uri, text: await this.answer(params.uri, extra) }],
    }));
    server.setRequestHandler(ListResourcesRequestSchema, async ({ params }, extra) => ({
      resources: [{ uri: 'a://1', name: await this.answer(`page ${params?.cursor}`, extra) }],
      nextCursor: `${params?.cursor ?? ''}+`,
    }));
    server.setRequestHandler(ListResourceTemplatesRequestSchema, async (_, extra) => ({
      resourceTemplates: [{ uriTemplate: 'a://{x}', name: await this.answer('templates', extra) }],
    }));
    server.setRequestHandler(ListToolsRequestSchema, async (_, extra) => ({
      tools: [{ name: await this.answer('tools', extra), inputSchema: { type: 'object' } }],
    }));
    server.setRequestHandler(ListPromptsRequestSchema, async (_, extra) => ({
      prompts: [{ name: await this.answer('prompts', extra) }],
    }));
    return server;
  }
}
