import type { ServerResponse } from 'node:http';

import type { Message, RequestId } from './message.ts';

/** How often something is sent, so that nothing between takes the connection for dead. */
const KEEP_ALIVE_MS = 15_000;

const EVENT_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * The response to one request over HTTP: JSON where the first message is the only one to come, else
 * a stream of events.
 */
export class HttpExchange {
  /** Requests that it still has to answer; a stream of notifications has none, and does not end. */
  readonly #waiting: Set<RequestId>;
  readonly #tokens: ReadonlySet<unknown>;
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #keepAlive: NodeJS.Timeout;
  #mode: 'undecided' | 'events';

  /** @param requests in one POST; none: a stream of what belongs to no request */
  constructor(
    response: ServerResponse,
    requests: readonly Message[],
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.#response = response;
    this.#headers = headers;
    this.#waiting = new Set(requests.map(({ id }) => id!));
    this.#tokens = new Set(requests.map(({ meta }) => meta['progressToken']));
    this.#mode = 'undecided';
    this.#keepAlive = setInterval(() => this.#keepOpen(), KEEP_ALIVE_MS).unref();
    response.once('close', () => clearInterval(this.#keepAlive));
    if (requests.length !== 1) this.#begin();
  }

  get isOpen(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  /** Requests that have no answer yet. */
  get waiting(): readonly RequestId[] {
    return [...this.#waiting];
  }

  get unreadBytes(): number {
    return this.#response.writableLength;
  }

  awaits(id: RequestId | undefined): boolean {
    return id !== undefined && this.#waiting.has(id);
  }

  hasToken(token: unknown): boolean {
    return token !== undefined && this.#tokens.has(token);
  }

  send(message: Message): void {
    if (!this.isOpen) return;
    const isAnswer = message.kind === 'response' && this.#waiting.delete(message.id!);
    if (this.#mode === 'undecided' && isAnswer) {
      this.#answer(message);
      return;
    }
    if (this.#mode === 'undecided') this.#begin();
    this.#response.write(`event: message\ndata: ${message.text}\n\n`);
    if (isAnswer && this.#waiting.size === 0) this.#response.end();
  }

  end(): void {
    if (this.isOpen) this.#response.end();
  }

  destroy(): void {
    this.#response.destroy();
  }

  #answer(message: Message): void {
    // Since 2026-07-28, which has no sessions, the status tells of errors too.
    const isStateless = this.#headers['mcp-session-id'] === undefined;
    const refusal = refusalOf(message) ?? (isStateless ? errorStatusOf(message) : undefined);
    const body = Buffer.from(message.text);
    const headers = {
      ...this.#headers,
      ...refusal?.headers,
      'content-type': 'application/json',
      'content-length': body.length,
    };
    this.#response.writeHead(refusal?.status ?? 200, headers).end(body);
  }

  #begin(): void {
    this.#mode = 'events';
    this.#response.writeHead(200, { ...this.#headers, ...EVENT_HEADERS });
    this.#response.flushHeaders();
  }

  #keepOpen(): void {
    if (!this.isOpen) return;
    if (this.#mode === 'undecided') this.#begin();
    this.#response.write(': keep-alive\n\n');
  }
}

/** What 2026-07-28 says of errors of the protocol over HTTP (Streamable HTTP, Request Metadata). */
const ERROR_STATUS: Readonly<Record<number, number>> = {
  [-32_601]: 404,
  // HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion.
  [-32_020]: 400,
  [-32_021]: 400,
  [-32_022]: 400,
};

interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

function errorStatusOf({ body }: Message): Refusal | undefined {
  const { error } = body as { error?: { code?: number } };
  const status = ERROR_STATUS[error?.code ?? 0];
  return status === undefined ? undefined : { status };
}

/** What the upstream said of a client's authorization is for its client to hear over HTTP too. */
function refusalOf(message: Message): Refusal | undefined {
  const { error } = message.body as { error?: { data?: Record<string, unknown> } };
  const { httpStatus, wwwAuthenticate } = error?.data ?? {};
  if (httpStatus !== 401 && httpStatus !== 403) return undefined;
  const isTold = typeof wwwAuthenticate === 'string';
  return { status: httpStatus, headers: isTold ? { 'www-authenticate': wwwAuthenticate } : {} };
}
