import type { ServerResponse } from 'node:http';

import type { Logger } from '../logger.ts';
import { COMMON_STREAM, type EventLog, type EventPlace } from './event-log.ts';
import { HttpExchange, type Resumption } from './http-exchange.ts';
import type { Message, RequestId } from './message.ts';
import type { ClientContext, ClientLink, Relay } from './relay.ts';

/** How much may wait for a client that does not read, before its upstream has to wait, too. */
const MAX_UNREAD_BYTES = 4 * 1_048_576;
/** What others cause, such as news of what their tools have changed, waits for nobody: beyond this a stream ends. */
const MAX_UNREAD_STREAM_BYTES = 2 * MAX_UNREAD_BYTES;
/** Streams of requests that are kept for clients which may come back to them. */
const MAX_BROKEN = 32;
/** The first revision whose clients know events without data. */
const MARKED_SINCE = '2025-11-25';
/** Of messages that belong to no request, until the client opens a stream for them. */
const MAX_QUEUED = 100;
const MAX_QUEUED_CHARS = 1_048_576;

/** One client over HTTP, with all its connections. */
export class HttpClient implements ClientLink {
  relay!: Relay;
  readonly #exchanges = new Set<HttpExchange>();
  readonly #onEnd: (reason: string) => void;
  readonly #logger: Logger;
  readonly #log: EventLog | undefined;
  #stream: HttpExchange | undefined;
  #queue: Message[] = [];
  #queuedChars = 0;
  #hasDropped = false;

  /** @param log what has the streams of a session resumed; a single request has none */
  constructor(onEnd: (reason: string) => void, logger: Logger, log?: EventLog) {
    this.#log = log;
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
    const resumption = this.#resumptionOf(this.#log?.newStream());
    const exchange = new HttpExchange(response, requests, headers, resumption);
    this.#follow(exchange, response);
    for (const message of messages) this.relay.receive(message, context);
  }

  /**
   * Opens the stream of what belongs to no request.
   *
   * @param from where its client has stopped reading it: takes the place of one that is still open
   * @returns whether there was none yet
   */
  listen(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    from?: EventPlace,
  ): boolean {
    if (this.#stream?.isOpen === true) {
      if (from === undefined) return false;
      this.#stream.destroy();
    }
    const resumption = this.#resumptionOf(COMMON_STREAM);
    const stream = new HttpExchange(response, [], headers, resumption, from);
    this.#follow(stream, response);
    this.#stream = stream;
    for (const message of this.#queue) stream.send(message);
    this.#queue = [];
    this.#queuedChars = 0;
    this.#hasDropped = false;
    return true;
  }

  /**
   * Goes on with a stream whose connection has broken, from where its client has stopped reading.
   *
   * @returns whether there is anything to go on with
   */
  resume(
    from: EventPlace,
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
  ): boolean {
    if (from.stream === COMMON_STREAM) return this.listen(response, headers, from);
    const exchange = [...this.#exchanges].find(({ stream }) => stream === from.stream);
    if (exchange?.isResumable === true) {
      exchange.resume(response, from);
      this.#follow(exchange, response);
      return true;
    }
    // Its requests were answered meanwhile.
    const resumption = this.#resumptionOf(from.stream);
    if (resumption === undefined || resumption.log.after(from).length === 0) return false;
    new HttpExchange(response, [], headers, resumption, from).end();
    return true;
  }

  /** Whether a request of this id is not answered. */
  awaits(id: RequestId | undefined): boolean {
    return [...this.#exchanges].some((exchange) => exchange.awaits(id));
  }

  send(message: Message, relatedTo?: RequestId): void {
    if (message.kind === 'response') {
      for (const exchange of this.#exchanges) {
        if (!exchange.awaits(message.id)) continue;
        exchange.send(message);
        // It is in the log, for who comes back for it.
        if (!exchange.isOpen && !exchange.isResumable) this.#exchanges.delete(exchange);
        return;
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
    return open.findLast(({ isOpen }) => isOpen);
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
      // Another connection may have taken its place.
      if (exchange.isOver(response)) this.#broken(exchange);
      this.#drained();
    });
  }

  #broken(exchange: HttpExchange): void {
    if (exchange.isResumable) this.#boundBroken();
    else this.#exchanges.delete(exchange);
    if (this.#stream === exchange) this.#stream = undefined;
  }

  /** Streams that nobody came back for are left, the oldest first. */
  #boundBroken(): void {
    const broken = [...this.#exchanges].filter(({ isOpen }) => !isOpen);
    for (const exchange of broken.slice(0, -MAX_BROKEN)) this.#exchanges.delete(exchange);
  }

  #resumptionOf(stream: number | undefined): Resumption | undefined {
    if (this.#log === undefined || stream === undefined) return undefined;
    return { log: this.#log, stream, isMarked: (this.relay.version ?? '') >= MARKED_SINCE };
  }

  #drained(): void {
    if (!this.isClogged) this.relay.clientDrained();
  }
}
