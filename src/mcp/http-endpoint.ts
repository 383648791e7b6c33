import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Logger } from '../logger.ts';
import { badOption } from '../options.ts';
import { atMost, DRAIN_MS, type Endpoint } from './endpoint.ts';
import { HttpSessions, respond, type HttpSessionsOptions } from './http-sessions.ts';
import { refusalOf } from './loopback-guard.ts';
import { announceListChange } from './served-server.ts';

const HOST = '127.0.0.1';
/** How long a client may take to read what was left of its streams when they ended. */
const CLOSE_MS = 500;

/** As many requests may be answered at once: what they hold is bounded, whatever clients send. */
const MAX_ANSWERING = 128;
/** How often it is looked who takes nothing of an answer. */
const LOOK_MS = 1_000;

/** Where the endpoint listens and what it says of itself. */
export interface HttpEndpointOptions extends HttpSessionsOptions {
  /** 0 = any that is free. */
  readonly port: number;
  /** What `/healthz` tells besides the number of sessions. */
  readonly health: () => Readonly<Record<string, unknown>>;
  /** How long a client may take to send a request, or to take some of its answer; default 30,000. */
  readonly patienceMs?: number;
}

/** Streamable HTTP on this machine: `/mcp`, and `/healthz` for whoever watches over the process. */
export class HttpEndpoint implements Endpoint {
  /** HTTP goes on until it is told to end. */
  readonly ended: Promise<void> = new Promise(() => {});
  readonly #options: HttpEndpointOptions;
  readonly #logger: Logger;
  readonly #sessions: HttpSessions;
  readonly #http: Server;
  /** Responses to posts: each will end by itself, which a stream of notifications does not. */
  readonly #answering = new Set<ServerResponse>();
  readonly #patienceMs: number;
  #draining = false;
  #onAnswered: () => void = () => {};

  /** @throws (rejects with) `ERR_GRANARY_BAD_OPTION` where the port cannot be had */
  static async open(options: HttpEndpointOptions): Promise<HttpEndpoint> {
    const endpoint = new HttpEndpoint(options);
    endpoint.#http.listen(options.port, HOST);
    try {
      await once(endpoint.#http, 'listening');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      badOption('port', options.port, `a port that is free and may be used (${code ?? message})`);
    }
    return endpoint;
  }

  private constructor(options: HttpEndpointOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#sessions = new HttpSessions(options);
    const { maxSessions, patienceMs = 30_000 } = options;
    this.#patienceMs = patienceMs;
    const timeouts = {
      headersTimeout: Math.min(patienceMs, 10_000),
      requestTimeout: patienceMs,
      connectionsCheckingInterval: Math.min(patienceMs, LOOK_MS),
    };
    this.#http = createServer(timeouts, (request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        this.#logger.error('a request failed', { error: String(error) });
        if (response.headersSent) response.destroy();
        else respond(response, 500, -32_603, 'Internal error');
      });
    });
    // A stream and a request for each session, and those who come anew.
    this.#http.maxConnections = 2 * maxSessions + MAX_ANSWERING;
  }

  get url(): string {
    const { port } = this.#http.address() as AddressInfo;
    return `http://${HOST}:${port}/mcp`;
  }

  announceListChange(): void {
    for (const server of this.#sessions.servers()) announceListChange(server);
  }

  async drain(): Promise<void> {
    this.#draining = true;
    const closed = new Promise((resolve) => this.#http.close(resolve));
    if (this.#answering.size > 0) {
      await atMost(
        DRAIN_MS,
        new Promise<void>((resolve) => {
          this.#onAnswered = resolve;
        }),
      );
    }
    await this.#sessions.close();
    this.#http.closeIdleConnections();
    await atMost(CLOSE_MS, closed);
    this.#http.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refusalOf(request.headers);
    if (refusal !== undefined) {
      this.#logger.warn('a request was refused', { reason: refusal });
      respond(response, 403, -32_000, `Forbidden: ${refusal}`);
      return;
    }
    if (this.#draining) {
      response.setHeader('connection', 'close');
      respond(response, 503, -32_000, 'The server is about to end');
      return;
    }
    const [path = ''] = (request.url ?? '').split('?', 1);
    switch (path) {
      case '/mcp':
        if (request.method === 'POST') {
          if (this.#answering.size >= MAX_ANSWERING) {
            response.setHeader('retry-after', '1').setHeader('connection', 'close');
            return respond(response, 503, -32_000, `${MAX_ANSWERING} requests are under way`);
          }
          this.#noteAnswering(response);
        }
        return this.#sessions.handle(request, response);
      case '/healthz':
        return this.#tellHealth(request, response);
      default:
        return respond(response, 404, -32_000, 'Not found: MCP is at /mcp');
    }
  }

  #noteAnswering(response: ServerResponse): void {
    this.#answering.add(response);
    const look = this.#endWhenStalled(response);
    response.once('close', () => {
      clearInterval(look);
      this.#answering.delete(response);
      if (this.#answering.size === 0) this.#onAnswered();
    });
  }

  /** Whoever takes nothing of an answer for long does not keep it. */
  #endWhenStalled(response: ServerResponse): NodeJS.Timeout {
    let written = 0;
    let since = performance.now();
    return setInterval(
      () => {
        const { socket, writableNeedDrain } = response;
        const now = performance.now();
        if (!writableNeedDrain || socket === null || socket.bytesWritten !== written) {
          written = socket?.bytesWritten ?? 0;
          since = now;
        } else if (now - since > this.#patienceMs) {
          this.#logger.warn('a client does not read its answer', { patienceMs: this.#patienceMs });
          response.destroy();
        }
      },
      Math.min(this.#patienceMs / 4, LOOK_MS),
    ).unref();
  }

  #tellHealth({ method }: IncomingMessage, response: ServerResponse): void {
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const health = { status: 'ok', ...this.#options.health(), sessions: this.#sessions.size };
    response
      .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(method === 'HEAD' ? undefined : JSON.stringify(health));
  }
}
