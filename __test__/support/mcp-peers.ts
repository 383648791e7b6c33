import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { Server, type ServerOptions } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

import type { ResourceManager } from '../../src/manager/resource-manager.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';
import type { ServeResourcesOptions } from '../../src/mcp/serve-options.ts';

/** A client of the SDK, and the notifications that it was sent. */
export class Peer {
  readonly client = new Client({ name: 'test', version: '1.0.0' });
  /** URIs of `resources/updated`, in the order of arrival. */
  readonly updated: string[] = [];
  listChanges = 0;

  constructor() {
    this.client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      this.updated.push(params.uri);
    });
    this.client.setNotificationHandler(ResourceListChangedNotificationSchema, () => {
      this.listChanges++;
    });
  }

  /** The text of the first part. */
  async text(uri: string): Promise<string> {
    const { contents } = await this.client.readResource({ uri });
    const [part] = contents;
    if (part === undefined || !('text' in part)) throw new Error(`${uri} has no text`);
    return part.text;
  }
}

/** @returns a server that is not connected yet. */
export function newServer(): McpServer {
  return new McpServer({ name: 'served', version: '1.0.0' });
}

/** The SDK's server below `McpServer`, which has request handlers instead of registrations. */
export type LowLevelServer = McpServer['server'];

/** @returns a server that is not connected yet. */
export function newLowLevelServer(options?: ServerOptions): LowLevelServer {
  return new Server({ name: 'low', version: '1.0.0' }, options);
}

/** Serves a manager to a new client within this process. */
export async function connectInMemory(
  manager: ResourceManager,
  options?: ServeResourcesOptions,
  server: McpServer | LowLevelServer = newServer(),
): Promise<Peer> {
  await serveResources(server, manager, options);
  return linkInMemory(server);
}

/** The users that the test's bearer check knows, by token. */
export const USERS: Readonly<Record<string, string>> = {
  'token-of-ann': 'ann',
  'other-token-of-ann': 'ann',
  'token-of-bob': 'bob',
};

/** Streamable HTTP on 127.0.0.1, as the SDK's documentation sets it up, with a bearer check. */
export class HttpFixture implements AsyncDisposable {
  readonly #sessions = new Map<string, StreamableHTTPServerTransport>();
  readonly #peers: Peer[] = [];
  readonly #streams: ServerResponse[] = [];
  readonly #http = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  readonly #makeServer: () => Promise<McpServer | LowLevelServer>;
  readonly #stateless: boolean;
  readonly #enableJsonResponse: boolean;

  private constructor(
    makeServer: () => Promise<McpServer | LowLevelServer>,
    stateless: boolean,
    enableJsonResponse: boolean,
  ) {
    this.#makeServer = makeServer;
    this.#stateless = stateless;
    this.#enableJsonResponse = enableJsonResponse;
  }

  static start(
    manager: ResourceManager,
    { stateless = false, options }: { stateless?: boolean; options?: ServeResourcesOptions } = {},
  ): Promise<HttpFixture> {
    const makeServer = async (): Promise<McpServer> => {
      const server = newServer();
      await serveResources(server, manager, options);
      return server;
    };
    return HttpFixture.serving(makeServer, { stateless });
  }

  /** @param makeServer called for each session or, where there are none, for each request. */
  static async serving(
    makeServer: () => Promise<McpServer | LowLevelServer>,
    {
      stateless = false,
      enableJsonResponse = false,
    }: { stateless?: boolean; enableJsonResponse?: boolean } = {},
  ): Promise<HttpFixture> {
    const fixture = new HttpFixture(makeServer, stateless, enableJsonResponse);
    fixture.#http.listen(0, '127.0.0.1');
    await once(fixture.#http, 'listening');
    return fixture;
  }

  /** Sessions whose transport is open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Streams that are open for notifications; what is sent to a client before its stream is lost. */
  get streams(): number {
    return this.#streams.filter(({ headersSent, closed }) => headersSent && !closed).length;
  }

  get url(): URL {
    const { port } = this.#http.address() as AddressInfo;
    return new URL(`http://127.0.0.1:${port}/mcp`);
  }

  /** Ids of the sessions whose transport is open. */
  get sessionIds(): string[] {
    return [...this.#sessions.keys()];
  }

  /**
   * A new client, with a session of its own where there are sessions.
   *
   * @param sessionId has it join that session, as a second user of its transport
   */
  async connect(headers: Readonly<Record<string, string>> = {}, sessionId?: string): Promise<Peer> {
    const peer = new Peer();
    const transport = new StreamableHTTPClientTransport(this.url, {
      requestInit: { headers },
      ...(sessionId === undefined ? {} : { sessionId }),
    });
    await peer.client.connect(transport);
    this.#peers.push(peer);
    return peer;
  }

  connectAs(token: string, sessionId?: string): Promise<Peer> {
    return this.connect({ authorization: `Bearer ${token}` }, sessionId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#peers) await client.close();
    for (const transport of this.#sessions.values()) await transport.close();
    this.#http.closeAllConnections();
    this.#http.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      const token = authorization.replace('Bearer ', '');
      const user = USERS[token];
      if (user === undefined) {
        response.writeHead(401).end();
        return;
      }
      const auth: AuthInfo = { token, clientId: 'test', scopes: [], extra: { user } };
      Object.assign(request, { auth });
    }
    if (request.method === 'GET') this.#streams.push(response);
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? this.#sessions.get(id) : undefined;
    await (known ?? (await this.#open(response))).handleRequest(request, response);
  }

  async #open(response: ServerResponse): Promise<StreamableHTTPServerTransport> {
    const server = await this.#makeServer();
    const transport = new StreamableHTTPServerTransport(
      this.#stateless
        ? { enableJsonResponse: this.#enableJsonResponse }
        : {
            enableJsonResponse: this.#enableJsonResponse,
            sessionIdGenerator: randomUUID,
            onsessioninitialized: (id) => void this.#sessions.set(id, transport),
            onsessionclosed: (id) => void this.#sessions.delete(id),
          },
    );
    if (this.#stateless) response.once('close', () => void server.close());
    await server.connect(transport);
    return transport;
  }
}

/** Connects a new client to a server within this process. */
export async function linkInMemory(server: McpServer | LowLevelServer): Promise<Peer> {
  const peer = new Peer();
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  await peer.client.connect(near);
  return peer;
}
