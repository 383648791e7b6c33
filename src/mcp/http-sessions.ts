import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

import type { Logger } from '../logger.ts';
import { respond } from './http-refusal.ts';
import { IdleSessions, type Use } from './idle-sessions.ts';
import { importSdkHttp } from './sdk-peer.ts';

/** How sessions are made and when they end. */
export interface HttpSessionsOptions {
  /** Makes the server of a new session, not connected yet. */
  readonly createServer: () => Promise<McpServer>;
  /** A session without an open request or stream ends after this time. */
  readonly idleSessionMs: number;
  readonly maxSessions: number;
  readonly logger: Logger;
}

interface Session {
  readonly server: McpServer;
  readonly transport: StreamableHTTPServerTransport;
  readonly use: Use;
}

/** The sessions of clients over Streamable HTTP, each with a server and a transport of its own. */
export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #idle: IdleSessions;
  /** Sessions whose client has not been given an id yet. */
  #starting = 0;

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
    this.#idle = new IdleSessions(options.idleSessionMs, options.logger);
  }

  get size(): number {
    return this.#sessions.size;
  }

  servers(): McpServer[] {
    return Array.from(this.#sessions.values(), ({ server }) => server);
  }

  /** Answers a request of a session, or one that may begin a session. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = request.headers['mcp-session-id'];
    if (id === undefined && request.method === 'POST') {
      await this.#begin(request, response);
      return;
    }
    const session = typeof id === 'string' ? this.#sessions.get(id) : undefined;
    if (session !== undefined) await this.#serve(session, request, response);
    else if (id === undefined) respond(response, 400, -32_000, 'Mcp-Session-Id header is required');
    else respond(response, 404, -32_001, 'Session not found');
  }

  async close(): Promise<void> {
    await Promise.all(this.servers().map((server) => server.close()));
  }

  async #begin(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { createServer, maxSessions } = this.#options;
    // Clients that left without a word must not keep others out; who comes back begins anew.
    const isFull = (): boolean => this.#sessions.size + this.#starting >= maxSessions;
    // Once more where another has taken the room that was made.
    while (isFull() && (await this.#idle.endLongest()));
    if (isFull()) {
      respond(response, 503, -32_000, `There are ${maxSessions} sessions already`);
      return;
    }
    this.#starting++;
    try {
      const { StreamableHTTPServerTransport } = await importSdkHttp();
      const server = await createServer();
      // Who has left meanwhile gets no session: no later event of the response would end it.
      if (response.closed) return;
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => {
          this.#sessions.set(id, session);
          // Its client may have left before it was told the id, so that only the idle time can end it.
          session.use.begin();
          session.use.end();
        },
      });
      const use = this.#idle.add(
        () => this.#sessions.get(transport.sessionId ?? '') === session,
        () => {
          this.#forget(session);
          return server.close();
        },
      );
      const session: Session = { server, transport, use };
      transport.onclose = () => this.#forget(session);
      await server.connect(transport);
      await this.#serve(session, request, response);
      // Anything but an initialization is refused by the transport and begins no session.
      if (transport.sessionId === undefined) await server.close();
    } finally {
      this.#starting--;
    }
  }

  async #serve(
    session: Session,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    session.use.during(response);
    await session.transport.handleRequest(request, response);
  }

  #forget({ transport, use }: Session): void {
    use.stop();
    if (transport.sessionId !== undefined) this.#sessions.delete(transport.sessionId);
  }
}
