import type { ServerResponse } from 'node:http';

import type { Logger } from '../logger.ts';
import { HttpExchange } from './http-exchange.ts';
import type { Message, RequestId } from './message.ts';
import type { ClientContext, ClientLink, Relay } from './relay.ts';

/** How much may wait for a client that does not read, before its upstream has to wait, too. */
const MAX_UNREAD_BYTES = 4 * 1_048_576;
/** What others cause, such as news of what their tools have changed, waits for nobody: beyond this a stream ends. */
const MAX_UNREAD_STREAM_BYTES = 2 * MAX_UNREAD_BYTES;
/** Of messages that belong to no request, until the client opens a stream for them. */
const MAX_QUEUED = 100;
const MAX_QUEUED_CHARS = 1_048_576;

/** One client over HTTP, with all its connections. */
export class HttpClient implements ClientLink {
  relay!: Relay;
  readonly #exchanges = new Set<HttpExchange>();
  readonly #onEnd: (reason: string) => void;
  readonly #logger: Logger;
  #stream: HttpExchange | undefined;
  #queue: Message[] = [];
  #queuedChars = 0;
  #hasDropped = false;

  constructor(onEnd: (reason: string) => void, logger: Logger) {
    this.#onEnd = onEnd;
    this.#logger = logger;
  }

  /** Has requests answered over one connection. */
  post(
    messages: readonly Message[],
    response: ServerResponse,
    context: ClientContext,
    headers?: Readonly<Record<string, string>>,
  ): void {
    const requests = messages.filter(({ kind }) => kind === 'request');
    const exchange = new HttpExchange(response, requests, headers);
    this.#follow(exchange, response);
    for (const message of messages) this.relay.receive(message, context);
  }

  /** Opens the stream of what belongs to no request. @returns whether there was none yet */
  listen(response: ServerResponse, headers: Readonly<Record<string, string>>): boolean {
    if (this.#stream?.isOpen === true) return false;
    const stream = new HttpExchange(response, [], headers);
    this.#follow(stream, response);
    this.#stream = stream;
    for (const message of this.#queue) stream.send(message);
    this.#queue = [];
    this.#queuedChars = 0;
    this.#hasDropped = false;
    return true;
  }

  /** Whether a request of this id is not answered. */
  awaits(id: RequestId | undefined): boolean {
    return [...this.#exchanges].some((exchange) => exchange.awaits(id));
  }

  send(message: Message, relatedTo?: RequestId): void {
    if (message.kind === 'response') {
      for (const exchange of this.#exchanges) {
        if (exchange.awaits(message.id)) return exchange.send(message);
      }
      return; // its connection is gone, and with it whoever waited
    }
    const exchange = this.#exchangeFor(message, relatedTo);
    if (exchange === undefined) {
      this.#keep(message);
    } else if (exchange.unreadBytes > MAX_UNREAD_STREAM_BYTES) {
      this.#logger.warn('a stream was ended: its client does not read it', {
        unreadBytes: exchange.unreadBytes,
      });
      exchange.destroy();
    } else {
      exchange.send(message);
    }
  }

  get isClogged(): boolean {
    let unreadBytes = 0;
    for (const exchange of this.#exchanges) unreadBytes += exchange.unreadBytes;
    return unreadBytes > MAX_UNREAD_BYTES;
  }

  end(reason: string): void {
    this.#onEnd(reason);
  }

  close(): void {
    for (const exchange of this.#exchanges) exchange.end();
  }

  #exchangeFor(message: Message, relatedTo: RequestId | undefined): HttpExchange | undefined {
    const open = [...this.#exchanges].filter((one) => one !== this.#stream);
    const token = message.method === 'notifications/progress' && message.params['progressToken'];
    const related = open.find((one) => one.awaits(relatedTo) || one.hasToken(token || undefined));
    if (related !== undefined) return related;
    if (this.#stream?.isOpen === true) return this.#stream;
    // Over stdio nothing tells which request it is for: any open connection reaches the client.
    return open.at(-1);
  }

  #keep(message: Message): void {
    const { length } = message.text;
    const isFull =
      this.#queue.length >= MAX_QUEUED || this.#queuedChars + length > MAX_QUEUED_CHARS;
    if (isFull) {
      this.#noteDropped(message);
      return;
    }
    this.#queue.push(message);
    this.#queuedChars += length;
  }

  /** Once for each time without a stream: there may be any number of them. */
  #noteDropped({ method }: Message): void {
    if (!this.#hasDropped) {
      this.#logger.warn('messages are dropped: their client has no stream for them', { method });
    }
    this.#hasDropped = true;
  }

  #follow(exchange: HttpExchange, response: ServerResponse): void {
    this.#exchanges.add(exchange);
    response.on('drain', () => this.#drained());
    response.once('close', () => {
      this.#exchanges.delete(exchange);
      if (this.#stream === exchange) this.#stream = undefined;
      this.#drained();
    });
  }

  #drained(): void {
    if (!this.isClogged) this.relay.clientDrained();
  }
}
