import type { ServerResponse } from 'node:http';

import type { EventLog, EventPlace } from './event-log.ts';
import type { Message, RequestId } from './message.ts';

/** How often something is sent, so that nothing between takes the connection for dead. */
const KEEP_ALIVE_MS = 15_000;

const EVENT_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** How a stream can be read on where its connection breaks. */
export interface Resumption {
  readonly log: EventLog;
  /** By which its events are told from those of others. */
  readonly stream: number;
  /** Whether its client takes an event without data, so that it has an id from the begin (2025-11-25). */
  readonly isMarked: boolean;
}

/**
 * The response to one request over HTTP: JSON where the first message is the only one to come, else
 * a stream of events, which may go on over another connection.
 */
export class HttpExchange {
  /** Requests that it still has to answer; a stream of notifications has none, and does not end. */
  readonly #waiting: Set<RequestId>;
  readonly #tokens: ReadonlySet<unknown>;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #resumption: Resumption | undefined;
  #response: ServerResponse;
  #keepAlive!: NodeJS.Timeout;
  #mode: 'undecided' | 'events';

  /**
   * @param requests in one POST; none: a stream of what belongs to no request
   * @param from where its client has stopped reading it before
   */
  constructor(
    response: ServerResponse,
    requests: readonly Message[],
    headers: Readonly<Record<string, string>> = {},
    resumption?: Resumption,
    from?: EventPlace,
  ) {
    this.#headers = headers;
    this.#resumption = resumption;
    this.#waiting = new Set(requests.map(({ id }) => id!));
    this.#tokens = new Set(requests.map(({ meta }) => meta['progressToken']));
    this.#mode = 'undecided';
    this.#response = response;
    this.#watch();
    if (requests.length !== 1) this.#begin(from);
  }

  get isOpen(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  get unreadBytes(): number {
    return this.isOpen ? this.#response.writableLength : 0;
  }

  /** `undefined` where it cannot be read on. */
  get stream(): number | undefined {
    return this.#resumption?.stream;
  }

  /** Whether a connection that has broken may be followed by another. */
  get isResumable(): boolean {
    return this.#resumption !== undefined && this.#mode === 'events' && this.#waiting.size > 0;
  }

  isOver(response: ServerResponse): boolean {
    return this.#response === response;
  }

  awaits(id: RequestId | undefined): boolean {
    return id !== undefined && this.#waiting.has(id);
  }

  hasToken(token: unknown): boolean {
    return token !== undefined && this.#tokens.has(token);
  }

  send(message: Message): void {
    if (!this.isOpen && !this.isResumable) return;
    const isAnswer = message.kind === 'response' && this.#waiting.delete(message.id!);
    if (this.#mode === 'undecided' && isAnswer) {
      this.#answer(message);
      return;
    }
    if (this.#mode === 'undecided') this.#begin();
    const { text } = message;
    const { log, stream } = this.#resumption ?? {};
    this.#write(text, stream === undefined ? undefined : log?.add(stream, text));
    if (isAnswer && this.#waiting.size === 0) this.end();
  }

  /** Goes on over another connection, from where its client has stopped reading. */
  resume(response: ServerResponse, from: EventPlace): void {
    const former = this.#response;
    this.#response = response;
    former.destroy();
    this.#watch();
    this.#begin(from);
    if (this.#waiting.size === 0) this.end();
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

  #begin(from?: EventPlace): void {
    this.#mode = 'events';
    this.#response.writeHead(200, { ...this.#headers, ...EVENT_HEADERS });
    this.#response.flushHeaders();
    if (this.#resumption === undefined) return;
    const { log, stream, isMarked } = this.#resumption;
    // What was missed comes before any newer id: it may be missed once more.
    for (const { id, text } of from === undefined ? [] : log.after(from)) this.#write(text, id);
    if (isMarked) this.#response.write(`id: ${log.mark(stream)}\ndata: \n\n`);
  }

  #write(text: string, id: string | undefined): void {
    if (!this.isOpen) return;
    const event = `event: message\ndata: ${text}\n\n`;
    this.#response.write(id === undefined ? event : `id: ${id}\n${event}`);
  }

  #watch(): void {
    clearInterval(this.#keepAlive);
    const keepAlive = setInterval(() => this.#keepOpen(), KEEP_ALIVE_MS).unref();
    this.#keepAlive = keepAlive;
    this.#response.once('close', () => clearInterval(keepAlive));
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
