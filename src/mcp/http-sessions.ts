import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

import type { Logger } from '../logger.ts';
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
  openResponses: number;
  idleTimer: NodeJS.Timeout | undefined;
}

/** The sessions of clients over Streamable HTTP, each with a server and a transport of its own. */
export class HttpSessions {
  readonly #options: HttpSessionsOptions;
  readonly #sessions = new Map<string, Session>();
  /** Those without an open response, the one that has been so the longest first. */
  readonly #idle = new Set<Session>();
  /** Sessions whose client has not been given an id yet. */
  #starting = 0;

  constructor(options: HttpSessionsOptions) {
    this.#options = options;
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
    if (this.#sessions.size + this.#starting >= maxSessions) await this.#closeLongestIdle();
    if (this.#sessions.size + this.#starting >= maxSessions) {
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
          // Its client left before it was told the id, so that only the idle time can end it.
          if (session.openResponses === 0) this.#beginIdleTime(session);
        },
      });
      const session: Session = { server, transport, openResponses: 0, idleTimer: undefined };
      transport.onclose = () => this.#forget(session);
      await server.connect(transport);
      await this.#serve(session, request, response);
      // Anything but an initialization is refused by the transport and begins no session.
      if (transport.sessionId === undefined) await server.close();
    } finally {
      this.#starting--;
    }
  }

  /** Clients that left without a word must not keep others out; who comes back begins anew. */
  async #closeLongestIdle(): Promise<void> {
    const [idle] = this.#idle;
    if (idle === undefined) return;
    this.#options.logger.info('an idle session made room', { sessions: this.#sessions.size });
    this.#forget(idle);
    await idle.server.close();
  }

  async #serve(
    session: Session,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    clearTimeout(session.idleTimer);
    this.#idle.delete(session);
    session.openResponses++;
    response.once('close', () => {
      session.openResponses--;
      if (session.openResponses === 0) this.#beginIdleTime(session);
    });
    await session.transport.handleRequest(request, response);
  }

  #beginIdleTime(session: Session): void {
    const { sessionId } = session.transport;
    if (sessionId === undefined || !this.#sessions.has(sessionId)) return;
    const { idleSessionMs, logger } = this.#options;
    this.#idle.add(session);
    session.idleTimer = setTimeout(() => {
      logger.info('an idle session was closed', { idleSessionMs });
      void session.server.close();
    }, idleSessionMs).unref();
  }

  #forget(session: Session): void {
    const { transport, idleTimer } = session;
    clearTimeout(idleTimer);
    this.#idle.delete(session);
    if (transport.sessionId !== undefined) this.#sessions.delete(transport.sessionId);
  }
}

/** A refusal, as the transport itself makes it. */
export function respond(
  response: ServerResponse,
  status: number,
  code: number,
  message: string,
): void {
  const body = JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null });
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
