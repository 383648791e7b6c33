import { randomUUID } from 'node:crypto';

import type {
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  MessageExtraInfo,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';

import { describeError } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { partitionOf, PUBLIC_PARTITION, readerOf, type Reader } from '../manager/partition.ts';
import type { AnswerCache } from './answer-cache.ts';
import { failureAnswer, type Answer } from './answer.ts';
import type { CacheServerSettings } from './cache-server-options.ts';
import { ConnectionLost, type Asker, type HandlerCalls } from './handler-calls.ts';
import { notFoundError } from './json-rpc-error.ts';
import { overrideMethod } from './method-override.ts';
import { groupOfMethod, questionOf, readUriOf, type Question } from './question.ts';
import { hasSession, readerOfRequest, type RequestIdentity } from './request-context.ts';

/** What the connections of one server share. */
export interface ConnectionHost {
  readonly answers: AnswerCache;
  readonly calls: HandlerCalls;
  readonly settings: CacheServerSettings;
  /** Whether requests still are to be answered from the cache. */
  readonly isOpen: boolean;
  countUncached(): void;
}

type Receive = (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;

/** A request that is being answered here. */
interface Visit {
  readonly request: JSONRPCRequest;
  readonly extra: MessageExtraInfo | undefined;
  /** Aborted when the request is withdrawn. */
  readonly leaving: AbortController;
}

/**
 * Stands between one transport and the SDK: requests that are cached are answered here, everything
 * else passes. It takes the place of the transport's `onmessage` and `send`, which are public, so
 * that the server keeps the transport that it was given.
 */
export class CachedConnection {
  readonly #id = randomUUID();
  readonly #transport: Transport;
  readonly #host: ConnectionHost;
  readonly #visits = new Map<RequestId, Visit>();
  readonly #toServer: Receive;
  readonly #toClient: Transport['send'];
  readonly #undoSend: () => void;
  readonly #undoReceive: () => void;
  #isInitialized: boolean;
  /** How many times a client has asked to be initialized. */
  #introductions: number;
  #isClosed = false;

  /**
   * @param transport with the SDK's callbacks in place
   * @param isInitialized whether its client has introduced itself already
   */
  constructor(transport: Transport, host: ConnectionHost, isInitialized: boolean) {
    this.#transport = transport;
    this.#host = host;
    this.#isInitialized = isInitialized;
    this.#introductions = isInitialized ? 1 : 0;
    const { onmessage, onclose } = transport;
    this.#toServer = (message, extra) => onmessage?.call(transport, message, extra);
    const receive: Receive = (message, extra) => this.#receive(message, extra);
    transport.onmessage = receive;
    this.#undoReceive = () => {
      if (transport.onmessage === receive) transport.onmessage = onmessage;
    };
    let toClient!: Transport['send'];
    this.#undoSend = overrideMethod(transport, 'send', (send) => {
      toClient = send;
      return (message, options) => this.#send(message, options);
    });
    this.#toClient = toClient;
    transport.onclose = () => {
      this.close();
      onclose?.call(transport);
    };
  }

  /** Ends what its requests wait for, and frees what only they could have asked for again. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const id of this.#visits.keys()) this.#withdraw(id, 'the connection has closed');
    this.#host.calls.abandonAllOf(this);
    this.#host.answers.dropConnection(this.#id);
    this.#undoReceive();
    this.#undoSend();
  }

  #receive(message: JSONRPCMessage, extra?: MessageExtraInfo): void {
    if ('method' in message) {
      if ('id' in message) {
        if (message.method === 'initialize') this.#introduce();
        // From here on the transport sends what has this id to whoever sent this request.
        this.#withdraw(message.id, 'another request has its id');
        if (this.#host.isOpen && this.#takesUp(message, extra)) return;
      } else if (message.method === 'notifications/cancelled') {
        const { requestId, reason } = message.params ?? {};
        this.#withdraw(requestId as RequestId, reason);
      } else if (message.method === 'notifications/initialized') {
        this.#isInitialized = true;
      }
    }
    this.#toServer(message, extra);
  }

  /** @returns whether a request is answered, or at least authorized, here. */
  #takesUp(request: JSONRPCRequest, extra: MessageExtraInfo | undefined): boolean {
    if (groupOfMethod(request.method) === undefined) return false;
    const question = this.#isReady(extra) ? questionOf(request) : undefined;
    const isGuarded =
      this.#host.settings.authorize !== undefined && readUriOf(request) !== undefined;
    if (question === undefined && !isGuarded) {
      this.#host.countUncached();
      return false;
    }
    const visit: Visit = { request, extra, leaving: new AbortController() };
    this.#visits.set(request.id, visit);
    void this.#serve(visit, question);
    return true;
  }

  /** A client that introduces itself after another shares its transport: neither has it alone. */
  #introduce(): void {
    this.#introductions++;
    if (this.#introductions > 1) this.#host.answers.dropConnection(this.#id);
  }

  /** A connection that has an initialization is served from the cache once that is complete. */
  #isReady(extra: MessageExtraInfo | undefined): boolean {
    return this.#isInitialized || !hasSession(this.#transport, this.#identityOf(extra));
  }

  async #serve(visit: Visit, question: Question | undefined): Promise<void> {
    const { request, extra } = visit;
    let answer: Answer | undefined;
    try {
      answer = await this.#answer(visit, question);
    } catch (error) {
      answer = failureAnswer(error);
    }
    if (!this.#isWaiting(visit)) return;
    this.#visits.delete(request.id);
    if (answer === undefined) {
      this.#host.countUncached();
      this.#toServer(request, extra);
      return;
    }
    try {
      await this.#toClient({ jsonrpc: '2.0', id: request.id, ...answer });
    } catch (error) {
      const why = describeError(error);
      this.#transport.onerror?.(
        new Error(`a response could not be sent: ${why}`, { cause: error }),
      );
    }
  }

  /** @returns `undefined` where the request is to pass as it came. */
  async #answer(visit: Visit, question: Question | undefined): Promise<Answer | undefined> {
    const context = { ...this.#identityOf(visit.extra), signal: visit.leaving.signal };
    const uri = readUriOf(visit.request);
    if (uri !== undefined) await this.#authorize(context, uri);
    if (question === undefined) return undefined;
    const { method, subject } = question;
    if (method === 'resources/read' && this.#host.settings.isPublic(subject ?? '')) {
      return this.#load(visit, question, PUBLIC_PARTITION, undefined);
    }
    const reader = this.#readerOf(context);
    const partition = partitionOf(reader);
    if (partition === undefined) return undefined;
    // A principal comes back by other connections; a session ends with its own.
    const connection = reader.principal === undefined ? this.#id : undefined;
    return this.#load(visit, question, partition, connection);
  }

  async #load(
    visit: Visit,
    question: Question,
    partition: string,
    connection: string | undefined,
  ): Promise<Answer> {
    const { answers } = this.#host;
    const { signal } = visit.leaving;
    const ask = (until: AbortSignal): Promise<Answer> => this.#ask(visit, until);
    for (;;) {
      try {
        return await answers.answer(question, { partition, connection, signal, ask });
      } catch (error) {
        if (signal.aborted) throw error;
        // Another connection's handler was to answer, and its client left with it.
        if (error instanceof GranaryError && error.cause instanceof ConnectionLost) continue;
        // What is under way when the caching ends is no failure.
        if (this.#host.isOpen) this.#log('the cache', error);
        return ask(signal);
      }
    }
  }

  /** Has the server's own handler answer, which for whoever is the first is as without a cache. */
  #ask(visit: Visit, until: AbortSignal): Promise<Answer> {
    const { calls } = this.#host;
    const { request, extra } = visit;
    const asker: Asker = {
      connection: this,
      id: request.id,
      isWaiting: () => this.#isWaiting(visit),
    };
    const { id, answer } = calls.begin(asker);
    const onAbort = (): void => {
      const reason = typeof until.reason === 'string' ? until.reason : 'nobody waits for it';
      if (!calls.abandon(id, new Error(reason))) return;
      this.#toServer({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: id, reason },
      });
    };
    until.addEventListener('abort', onAbort, { once: true });
    this.#toServer({ ...request, id }, extra);
    return answer;
  }

  /** What the SDK sends: answers to calls of ours are kept back, what else belongs to them is readdressed. */
  async #send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const { calls } = this.#host;
    if (!('method' in message)) {
      if (calls.settle(message)) return;
      // To an earlier request of this id, whose place a later one has taken.
      if (message.id !== undefined && this.#visits.has(message.id)) return;
      return this.#toClient(message, options);
    }
    const { relatedRequestId, ...others } = options ?? {};
    const asker = relatedRequestId === undefined ? undefined : calls.askerOf(relatedRequestId);
    if (asker === undefined) return this.#toClient(message, options);
    if (asker.isWaiting()) {
      return this.#toClient(message, { ...others, relatedRequestId: asker.id });
    }
    if (message.method === 'notifications/progress') return;
    return this.#toClient(message, others);
  }

  #isWaiting(visit: Visit): boolean {
    return this.#visits.get(visit.request.id) === visit;
  }

  #withdraw(id: RequestId, reason: unknown): void {
    const visit = this.#visits.get(id);
    this.#visits.delete(id);
    visit?.leaving.abort(reason);
  }

  #identityOf(extra: MessageExtraInfo | undefined): Omit<RequestIdentity, 'signal'> {
    const { authInfo, requestInfo } = extra ?? {};
    const { sessionId } = this.#transport;
    return {
      ...(authInfo === undefined ? {} : { authInfo }),
      ...(requestInfo === undefined ? {} : { requestInfo }),
      ...(sessionId === undefined ? {} : { sessionId }),
    };
  }

  #readerOf(context: RequestIdentity): Reader {
    // Not the session's id, which may be of its client's choice, or that of another server too.
    const isSession = this.#introductions < 2 && hasSession(this.#transport, context);
    const session = isSession ? this.#id : undefined;
    try {
      return readerOf(readerOfRequest(context, session, this.#host.settings.partition));
    } catch (error) {
      this.#log('naming the principal', error);
      throw error;
    }
  }

  async #authorize(context: RequestIdentity, uri: string): Promise<void> {
    const { authorize } = this.#host.settings;
    if (authorize === undefined) return;
    let allowed: unknown;
    try {
      allowed = await authorize(context, uri);
    } catch (error) {
      this.#log('authorizing a read', error);
      throw error;
    }
    // Anything but true refuses: a forgotten return must not let everybody in.
    if (allowed !== true) throw notFoundError(uri);
  }

  #log(what: string, error: unknown): void {
    this.#host.settings.logger?.warn(`${what} failed`, { error: describeError(error) });
  }
}
