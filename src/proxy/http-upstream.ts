import { request as httpRequest, type Agent, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import type { Logger } from '../logger.ts';
import { BackOff } from './back-off.ts';
import { requestVersion } from './era.ts';
import { Gate } from './gate.ts';
import { standardHeaders } from './http-headers.ts';
import { readMessages, ResponseReading } from './http-response.ts';
import type { Message, RequestId } from './message.ts';
import { UpstreamError } from './upstream-error.ts';
import type { Envelope, Upstream, UpstreamListener } from './upstream.ts';

/** How a server is reached over Streamable HTTP. */
export interface HttpUpstreamOptions {
  readonly url: URL;
  /** Keeps connections for all who reach the same server. */
  readonly agent: Agent;
  /** The operator's own, in every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly maxMessageBytes: number;
  /** Delays between attempts to reach one that is away: doubled from the first to the longest, in ms. */
  readonly restartDelayMs: number;
  readonly longestRestartDelayMs: number;
  readonly logger: Logger;
}

/** How long a server may take to take note of the end of a session. */
const END_MS = 1_000;

/** The request has not arrived: nobody is there. */
const NOBODY_THERE: ReadonlySet<string | undefined> = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'],
]);

/** What became of the connection, not of the request. */
class ConnectionFailed extends Error {
  readonly isNobodyThere: boolean;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message === '' ? cause.code : cause.message, { cause });
    this.name = 'ConnectionFailed';
    this.isNobodyThere = NOBODY_THERE.has(cause.code);
  }
}

/** A server over Streamable HTTP, revisions 2025-03-26 to 2026-07-28. */
export class HttpUpstream implements Upstream {
  readonly #options: HttpUpstreamOptions;
  readonly #closing = new AbortController();
  /** Requests under way: on revision 2026-07-28 the end of one's connection withdraws it. */
  readonly #posts = new Map<RequestId, { leaving: AbortController; isModern: boolean }>();
  #listener!: UpstreamListener;
  #session: string | undefined;
  #version: string | undefined;
  /** The stream of what belongs to no request; another session has another. */
  #stream = new AbortController();
  #isAway = false;
  /** Resolves with `resume`; `undefined` where nothing is held back. */
  #paused: Gate | undefined;
  #ending: Promise<void> | undefined;

  constructor(options: HttpUpstreamOptions) {
    this.#options = options;
  }

  open(listener: UpstreamListener): void {
    this.#listener = listener;
    listener.up(false);
  }

  /** Each request has a connection of its own, which waits for nobody. */
  readonly isClogged = false;

  send(message: Message, envelope: Envelope): void {
    if (message.kind === 'notification' && message.method === 'notifications/cancelled') {
      const post = this.#posts.get(message.params['requestId'] as RequestId);
      if (post?.isModern === true) {
        post.leaving.abort();
        return;
      }
    }
    void this.#post(message, envelope);
  }

  pause(): void {
    this.#paused ??= new Gate();
  }

  resume(): void {
    this.#paused?.open();
    this.#paused = undefined;
  }

  restart(reason: string): void {
    this.#options.logger.warn('the session with the upstream begins anew', { reason });
    this.#lose(reason);
  }

  close(): Promise<void> {
    this.#ending ??= this.#close();
    return this.#ending;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#stream.abort();
    this.resume();
    for (const { leaving } of this.#posts.values()) leaving.abort();
    if (this.#session !== undefined && !this.#isAway) {
      const signal = AbortSignal.timeout(END_MS);
      const response = await this.#ask('DELETE', {}, undefined, signal).catch(() => undefined);
      response?.resume();
    }
  }

  async #post(message: Message, envelope: Envelope): Promise<void> {
    const { id } = message;
    const leaving = new AbortController();
    const isRequest = message.kind === 'request';
    if (isRequest) {
      this.#posts.set(id!, { leaving, isModern: requestVersion(message) !== undefined });
    }
    try {
      const headers = { ...envelope.headers, ...standardHeaders(message) };
      const accept = 'application/json, text/event-stream';
      const content = { accept, 'content-type': 'application/json', ...headers };
      const isInitialize = isRequest && message.method === 'initialize';
      if (isInitialize) this.#session = undefined;
      const session = this.#session;
      const response = await this.#ask('POST', content, message.text, leaving.signal);
      await this.#take(message, response, session, leaving.signal);
    } catch (error) {
      if (leaving.signal.aborted || this.#closing.signal.aborted) return;
      const isFailed = error instanceof ConnectionFailed;
      if (isFailed && error.isNobodyThere) {
        if (isRequest && !this.#isAway) this.#listener.unsent(id!);
        this.#lose(error.message);
      } else if (isRequest && isFailed) {
        // As when a server ends a connection that was kept, just as it is used again.
        this.#listener.failed(id!, new UpstreamError(error.message), true);
      } else if (isRequest && error instanceof UpstreamError) {
        this.#listener.failed(id!, error, false);
      } else {
        this.#options.logger.warn('a message could not be sent', { error: String(error) });
      }
    } finally {
      if (isRequest) this.#posts.delete(id!);
    }
  }

  async #take(
    message: Message,
    response: IncomingMessage,
    session: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { statusCode = 0 } = response;
    const isRequest = message.kind === 'request';
    if (statusCode === 404 && session !== undefined) {
      response.resume();
      if (this.#session === session) this.#lose('the upstream has ended the session');
      return;
    }
    if (message.body['method'] === 'initialize' && statusCode === 200) {
      const given = response.headers['mcp-session-id'];
      this.#session = typeof given === 'string' ? given : undefined;
    }
    if (statusCode >= 300) return this.#refused(message, response);
    if (!isRequest) {
      response.resume();
      if (message.body['method'] === 'notifications/initialized') void this.#followStream();
      return;
    }
    const isAnswered = await this.#read(message, response, signal);
    if (!isAnswered && !signal.aborted) {
      const error = new UpstreamError('the upstream has ended the connection without an answer');
      this.#listener.failed(message.id!, error, true);
    }
  }

  /** @returns whether the request was answered */
  async #read(message: Message, response: IncomingMessage, signal: AbortSignal): Promise<boolean> {
    let isAnswered = false;
    const reading = new ResponseReading();
    const take = (received: Message): void => {
      if (received.kind === 'response' && received.id === message.id) {
        isAnswered = true;
        if (message.method === 'initialize') this.#version = versionOf(received);
      }
      this.#listener.message(received, { relatedTo: message.id });
    };
    for (let backOff = this.#newBackOff(), tries = 0; tries < 3; tries++) {
      try {
        await this.#readOne(response, take, reading);
      } catch (error) {
        if (error instanceof UpstreamError || signal.aborted) throw error;
        this.#options.logger.warn('a response broke off', { error: String(error) });
      }
      const eventId = reading.lastEventId;
      if (isAnswered || signal.aborted || eventId === undefined) break;
      await delay(reading.retryMs ?? backOff.next(), undefined, { signal });
      const headers = { accept: 'text/event-stream', 'last-event-id': eventId };
      response = await this.#ask('GET', headers, undefined, signal);
      if (response.statusCode !== 200) {
        response.resume();
        break;
      }
    }
    return isAnswered;
  }

  async #readOne(
    response: IncomingMessage,
    take: (message: Message) => void,
    reading: ResponseReading,
  ): Promise<void> {
    const { maxMessageBytes, logger } = this.#options;
    const held = (): Promise<void> | undefined => this.#paused?.opened;
    return readMessages(response, { take, maxMessageBytes, logger, reading, held });
  }

  async #refused(message: Message, response: IncomingMessage): Promise<void> {
    const { statusCode: httpStatus = 0, headers } = response;
    if (message.kind !== 'request') {
      response.resume();
      this.#options.logger.warn('the upstream refused a message', { httpStatus });
      return;
    }
    let isAnswered = false;
    const take = (answer: Message): void => {
      // Some refuse before they know the id.
      if (answer.kind !== 'response') return;
      isAnswered = true;
      this.#listener.message(answer.withId(message.id!), {});
    };
    await this.#readOne(response, take, new ResponseReading()).catch(() => {});
    if (isAnswered && httpStatus !== 401 && httpStatus !== 403) return;
    const wwwAuthenticate = headers['www-authenticate'];
    throw new UpstreamError(`the upstream answered with HTTP status ${httpStatus}`, {
      httpStatus,
      ...(wwwAuthenticate !== undefined && { wwwAuthenticate }),
    });
  }

  /** Takes in what belongs to no request, for as long as the session lasts. */
  async #followStream(): Promise<void> {
    this.#stream.abort();
    this.#stream = new AbortController();
    const { signal } = this.#stream;
    const backOff = this.#newBackOff();
    const take = (message: Message): void => this.#listener.message(message, {});
    const reading = new ResponseReading();
    while (!signal.aborted) {
      try {
        const id = reading.lastEventId;
        const headers = { accept: 'text/event-stream', ...(id && { 'last-event-id': id }) };
        const response = await this.#ask('GET', headers, undefined, signal);
        if (response.statusCode !== 200) {
          // 405: it has no such stream.
          response.resume();
          return;
        }
        await this.#readOne(response, take, reading);
        backOff.reset();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ConnectionFailed && error.isNobodyThere) {
          return this.#lose(error.message);
        }
        this.#options.logger.debug('the stream of the upstream broke off', {
          error: String(error),
        });
      }
      await delay(reading.retryMs ?? backOff.next(), undefined, { signal }).catch(() => {});
    }
  }

  /** The session is over, or nobody is there: begins anew once somebody is. */
  #lose(reason: string): void {
    if (this.#isAway || this.#closing.signal.aborted) return;
    this.#isAway = true;
    this.#session = undefined;
    this.#version = undefined;
    this.#stream.abort();
    for (const { leaving } of this.#posts.values()) leaving.abort();
    this.#posts.clear();
    this.#options.logger.warn('the upstream is away', { reason });
    this.#listener.down(`the upstream is away: ${reason}`, false);
    void this.#await();
  }

  async #await(): Promise<void> {
    const { signal } = this.#closing;
    const backOff = this.#newBackOff();
    while (!signal.aborted) {
      if (await isReachable(this.#options.url)) {
        this.#isAway = false;
        if (!signal.aborted) this.#listener.up(true);
        return;
      }
      await delay(backOff.next(), undefined, { signal }).catch(() => {});
    }
  }

  #newBackOff(): BackOff {
    const { restartDelayMs, longestRestartDelayMs } = this.#options;
    return new BackOff(restartDelayMs, longestRestartDelayMs);
  }

  #ask(
    method: string,
    given: Readonly<Record<string, string>>,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { url, headers: own } = this.#options;
    const headers = {
      ...(this.#version !== undefined && { 'mcp-protocol-version': this.#version }),
      ...given,
      ...own,
      ...(this.#session !== undefined && { 'mcp-session-id': this.#session }),
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    };
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(url, { method, headers, agent: this.#options.agent, signal });
      request.once('response', resolve);
      request.once('error', (error) => reject(new ConnectionFailed(error)));
      request.end(body);
    });
  }
}

function versionOf({ result }: Message): string | undefined {
  const version = result?.['protocolVersion'];
  return typeof version === 'string' ? version : undefined;
}

function isReachable({ hostname, port, protocol }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const host = hostname.replaceAll(/^\[|\]$/g, '');
    const usual = protocol === 'https:' ? 443 : 80;
    const socket = connect({ host, port: port === '' ? usual : Number(port), timeout: 5_000 });
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
