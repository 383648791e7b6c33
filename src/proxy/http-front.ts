import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Logger } from '../logger.ts';
import { HttpListener } from '../mcp/http-listener.ts';
import { respond } from '../mcp/http-refusal.ts';
import type { AllowedNames } from '../mcp/request-guard.ts';
import type { Front } from './front.ts';
import { HttpClients, type HttpClientsOptions } from './http-clients.ts';
import { INVALID_REQUEST, PARSE_ERROR, parseMessages, type Message } from './message.ts';

/** Most wait for the upstream; on 2026-07-28 subscriptions are requests, too. */
const MAX_ANSWERING = 1_024;

export interface HttpFrontOptions extends HttpClientsOptions {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
  /** Whom requests may name besides this machine; default nobody. */
  readonly allowed?: AllowedNames;
  readonly maxMessageBytes: number;
  /** What `/healthz` tells besides the number of sessions. */
  readonly health: () => Readonly<Record<string, unknown>>;
  /** How long a client may take to send a request, or to take some of its answer; default 30,000. */
  readonly patienceMs?: number;
  readonly logger: Logger;
}

/** Clients over Streamable HTTP. */
export class HttpFront implements Front {
  /** HTTP goes on until it is told to end. */
  readonly ended: Promise<string> = new Promise(() => {});
  readonly failed = false;
  readonly #options: HttpFrontOptions;
  readonly #clients: HttpClients;
  #listener!: HttpListener;

  /** @throws (rejects with) `ERR_GRANARY_BAD_OPTION` where the port or the host cannot be had */
  static async open(options: HttpFrontOptions): Promise<HttpFront> {
    const front = new HttpFront(options);
    const { host, port, allowed, maxSessions, patienceMs, health, logger } = options;
    front.#listener = await HttpListener.open({
      ...{ host, port, allowed, maxSessions, maxAnswering: MAX_ANSWERING, patienceMs, logger },
      health: () => ({ ...health(), sessions: front.sessions }),
      handle: (request, response) => front.#handle(request, response),
    });
    return front;
  }

  private constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.#clients = new HttpClients(options);
  }

  get url(): string {
    return this.#listener.url;
  }

  get sessions(): number {
    return this.#clients.size;
  }

  async drain(): Promise<void> {
    await this.#listener.drain(
      () => this.#clients.idle(),
      () => this.#clients.close(),
    );
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
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
    if (!response.destroyed) await this.#clients.post(messages, request, response);
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
