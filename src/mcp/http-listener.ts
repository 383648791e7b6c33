import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describeError } from '../describe-value.ts';
import type { Logger } from '../logger.ts';
import { badOption } from '../options.ts';
import { atMost, DRAIN_MS } from './endpoint.ts';
import { respond } from './http-refusal.ts';
import { refusalOf, type AllowedNames } from './request-guard.ts';

/** How long a client may take to read what was left of its streams when they ended. */
const CLOSE_MS = 500;
/** How often it is looked who takes nothing of an answer. */
const LOOK_MS = 1_000;
const MAX_HEADERS_MS = 10_000;

export interface HttpListenerOptions {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  /** Whom requests may name besides this machine; default nobody. */
  readonly allowed?: AllowedNames | undefined;
  /** Each may have a stream and a request open at the same time. */
  readonly maxSessions: number;
  /** Requests that are answered at once: what they hold is bounded, whatever clients send. */
  readonly maxAnswering: number;
  /** How long a client may take to send a request, or to take some of its answer; default 30,000. */
  readonly patienceMs?: number | undefined;
  /** What `/healthz` tells besides its status. */
  readonly health: () => Readonly<Record<string, unknown>>;
  /** Answers a request to `/mcp`. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
  readonly logger: Logger;
}

/**
 * HTTP, on this machine alone unless others are allowed: `/mcp` for clients, and `/healthz` for whoever watches over the process.
 * Whoever sends slowly, does not read, or is one too many holds up nobody else.
 */
export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #patienceMs: number;
  readonly #http: Server;
  /** Responses to posts: most end by themselves, which a stream of notifications does not. */
  readonly #answering = new Set<ServerResponse>();
  #isDraining = false;
  #onAnswered: () => void = () => {};

  /** @throws (rejects with) `ERR_GRANARY_BAD_OPTION` where the port or the host cannot be had */
  static async open(options: HttpListenerOptions): Promise<HttpListener> {
    const { host, port } = options;
    const listener = new HttpListener(options);
    listener.#http.listen(port, host);
    try {
      await once(listener.#http, 'listening');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
        badOption('host', host, `an address of this machine (${code})`);
      }
      badOption('port', port, `a port that is free and may be used (${code ?? message})`);
    }
    return listener;
  }

  private constructor(options: HttpListenerOptions) {
    const { maxSessions, maxAnswering, patienceMs = 30_000, logger } = options;
    this.#options = options;
    this.#patienceMs = patienceMs;
    const timeouts = {
      headersTimeout: Math.min(patienceMs, MAX_HEADERS_MS),
      requestTimeout: patienceMs,
      connectionsCheckingInterval: Math.min(patienceMs, LOOK_MS),
    };
    this.#http = createServer(timeouts, (request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        logger.error('a request failed', { error: describeError(error) });
        if (response.headersSent) response.destroy();
        else respond(response, 500, -32_603, 'Internal error');
      });
    });
    // Those of each session, and those of who comes anew.
    this.#http.maxConnections = 2 * maxSessions + maxAnswering;
  }

  get url(): string {
    const { address, family, port } = this.#http.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/mcp`;
  }

  /** Resolves when every post that has arrived is answered. */
  async answered(): Promise<void> {
    if (this.#answering.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onAnswered = resolve;
    });
  }

  /**
   * Takes no more requests, and closes.
   *
   * @param idle resolves when those that have arrived are answered; waited for 5 s at most
   * @param close ends what keeps connections open
   */
  async drain(idle: () => Promise<void>, close: () => Promise<unknown>): Promise<void> {
    this.#isDraining = true;
    const closed = new Promise((resolve) => this.#http.close(resolve));
    await atMost(DRAIN_MS, idle());
    await close();
    this.#http.closeIdleConnections();
    await atMost(CLOSE_MS, closed);
    this.#http.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { logger, handle, maxAnswering, allowed } = this.#options;
    const refusal = refusalOf(request.headers, allowed);
    if (refusal !== undefined) {
      logger.warn('a request was refused', { reason: refusal });
      respond(response, 403, -32_000, `Forbidden: ${refusal}`);
      return;
    }
    if (this.#isDraining) {
      response.setHeader('connection', 'close');
      respond(response, 503, -32_000, 'The server is about to end');
      return;
    }
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (path === '/healthz') return this.#tellHealth(request, response);
    if (path !== '/mcp') return respond(response, 404, -32_000, 'Not found: MCP is at /mcp');
    if (request.method === 'POST') {
      if (this.#answering.size >= maxAnswering) {
        response.setHeader('retry-after', '1').setHeader('connection', 'close');
        return respond(response, 503, -32_000, `${maxAnswering} requests are under way`);
      }
      this.#noteAnswering(response);
    }
    const look = this.#endWhenStalled(response);
    response.once('close', () => clearInterval(look));
    await handle(request, response);
  }

  #noteAnswering(response: ServerResponse): void {
    this.#answering.add(response);
    response.once('close', () => {
      this.#answering.delete(response);
      if (this.#answering.size === 0) this.#onAnswered();
    });
  }

  /** Whoever takes nothing of an answer or a stream for long does not keep it. */
  #endWhenStalled(response: ServerResponse): NodeJS.Timeout {
    const patienceMs = this.#patienceMs;
    let written = 0;
    let since = performance.now();
    return setInterval(
      () => {
        const { socket } = response;
        const now = performance.now();
        // What has been ended whole waits in the socket.
        const isWaiting = response.writableNeedDrain || (socket?.writableLength ?? 0) > 0;
        if (!isWaiting || socket === null || socket.bytesWritten !== written) {
          written = socket?.bytesWritten ?? 0;
          since = now;
        } else if (now - since > patienceMs) {
          this.#options.logger.warn('a client does not read its answer', { patienceMs });
          response.destroy();
        }
      },
      Math.min(patienceMs / 4, LOOK_MS),
    ).unref();
  }

  #tellHealth({ method }: IncomingMessage, response: ServerResponse): void {
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const health = { status: 'ok', ...this.#options.health() };
    response
      .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(method === 'HEAD' ? undefined : JSON.stringify(health));
  }
}
