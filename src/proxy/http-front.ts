import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Logger } from '../logger.ts';
import { atMost, DRAIN_MS } from '../mcp/endpoint.ts';
import { respond } from '../mcp/http-sessions.ts';
import { refusalOf } from '../mcp/loopback-guard.ts';
import { badOption } from '../options.ts';
import type { Front } from './front.ts';
import { HttpClients, type HttpClientsOptions } from './http-clients.ts';
import { INVALID_REQUEST, PARSE_ERROR, parseMessages, type Message } from './message.ts';

/** How long a client may take to read what was left of its streams when they ended. */
const CLOSE_MS = 500;

export interface HttpFrontOptions extends HttpClientsOptions {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  readonly maxMessageBytes: number;
  /** What `/healthz` tells besides the number of sessions. */
  readonly health: () => Readonly<Record<string, unknown>>;
  readonly logger: Logger;
}

/** Clients over Streamable HTTP on this machine: `/mcp`, and `/healthz` for whoever watches. */
export class HttpFront implements Front {
  /** HTTP goes on until it is told to end. */
  readonly ended: Promise<string> = new Promise(() => {});
  readonly failed = false;
  readonly #options: HttpFrontOptions;
  readonly #clients: HttpClients;
  readonly #http: Server;
  #isDraining = false;

  /** @throws (rejects with) `ERR_GRANARY_BAD_OPTION` where the port cannot be had */
  static async open(options: HttpFrontOptions): Promise<HttpFront> {
    const front = new HttpFront(options);
    front.#http.listen(options.port, options.host);
    try {
      await once(front.#http, 'listening');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      badOption('port', options.port, `a port that is free and may be used (${code ?? message})`);
    }
    return front;
  }

  private constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.#clients = new HttpClients(options);
    this.#http = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        options.logger.error('a request failed', { error: String(error) });
        if (response.headersSent) response.destroy();
        else respond(response, 500, -32_603, 'Internal error');
      });
    });
  }

  get url(): string {
    const { address, family, port } = this.#http.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/mcp`;
  }

  get sessions(): number {
    return this.#clients.size;
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    const closed = new Promise((resolve) => this.#http.close(resolve));
    await atMost(DRAIN_MS, this.#clients.idle());
    await this.#clients.close();
    this.#http.closeIdleConnections();
    await atMost(CLOSE_MS, closed);
    this.#http.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refusalOf(request.headers);
    if (refusal !== undefined) {
      this.#options.logger.warn('a request was refused', { reason: refusal });
      respond(response, 403, -32_000, `Forbidden: ${refusal}`);
      return;
    }
    if (this.#isDraining) {
      response.setHeader('connection', 'close');
      respond(response, 503, -32_000, 'The proxy is about to end');
      return;
    }
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (path === '/healthz') return this.#tellHealth(request, response);
    if (path !== '/mcp') return respond(response, 404, -32_000, 'Not found: MCP is at /mcp');
    switch (request.method ?? '') {
      case 'POST':
        return this.#post(request, response);
      case 'GET':
        if (!accepts(request, ['text/event-stream'], response)) return;
        return this.#clients.listen(request, response);
      case 'DELETE':
        return this.#clients.delete(request, response);
      default:
        response.setHeader('allow', 'GET, POST, DELETE');
        return respond(response, 405, -32_000, 'Method not allowed');
    }
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1);
    if (type.trim().toLowerCase() !== 'application/json') {
      respond(response, 415, -32_000, 'Unsupported Media Type: it must be application/json');
      return;
    }
    if (!accepts(request, ['application/json', 'text/event-stream'], response)) return;
    const body = await this.#bodyOf(request);
    if (body === undefined) {
      const { maxMessageBytes } = this.#options;
      response.setHeader('connection', 'close');
      respond(response, 413, -32_000, `Too large: a message has at most ${maxMessageBytes} bytes`);
      return;
    }
    let messages: readonly Message[];
    try {
      messages = parseMessages(body);
    } catch (error) {
      if (error instanceof SyntaxError) respond(response, 400, PARSE_ERROR, 'Parse error');
      else respond(response, 400, INVALID_REQUEST, `Invalid request: ${(error as Error).message}`);
      return;
    }
    if (!response.destroyed) this.#clients.post(messages, request, response);
  }

  /** @returns `undefined` for one that is too large */
  async #bodyOf(request: IncomingMessage): Promise<string | undefined> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    // Who sends too much is told so before the connection ends.
    const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > this.#options.maxMessageBytes) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }

  #tellHealth({ method }: IncomingMessage, response: ServerResponse): void {
    if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const health = { status: 'ok', ...this.#options.health(), sessions: this.sessions };
    response
      .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(method === 'HEAD' ? undefined : JSON.stringify(health));
  }
}

/** @returns whether a client takes all of these types; where not, it is told so */
function accepts(
  { headers }: IncomingMessage,
  types: readonly string[],
  response: ServerResponse,
): boolean {
  const given = (headers.accept ?? '').toLowerCase();
  if (types.every((type) => given.includes(type))) return true;
  respond(response, 406, -32_000, `Not Acceptable: the client must accept ${types.join(' and ')}`);
  return false;
}
