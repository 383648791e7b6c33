import { randomUUID } from 'node:crypto';

import type {
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  MessageExtraInfo,
  Notification,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';

import { PUBLIC_PARTITION, type Partition } from '../cache/partition-key.ts';
import { partitionOf } from '../manager/partition.ts';
import type { AnswerCache } from './answer-cache.ts';
import { failureAnswer, messageOf, type Answer } from './answer.ts';
import type { CacheServerSettings } from './cache-server-options.ts';
import type { Asker, HandlerCall, HandlerCalls } from './handler-calls.ts';
import { INVALID_REQUEST } from './json-rpc-error.ts';
import { plainQuestionOf } from './plain-request.ts';
import { clientOf } from './envelope.ts';
import { groupOfMethod, questionOf, readUriOf, type Question } from './question.ts';
import type { ReadyAnswer } from './ready-answer.ts';
import {
  offerReadyAnswers,
  wireOfMessage,
  withdrawReadyAnswers,
  type ReadyAnswers,
} from './ready-answers.ts';
import { RequestAccess } from './request-access.ts';
import { isPerRequest, type RequestIdentity } from './request-context.ts';
import { isRepeatable } from './tool-annotations.ts';
import { TransportTap } from './transport-tap.ts';

/** Of a connection by which many users come, so many partitions are noted. */
const MOST_PARTITIONS = 1_000;

/** What the connections of one server share. */
export interface ConnectionHost {
  readonly answers: AnswerCache;
  readonly calls: HandlerCalls;
  readonly settings: CacheServerSettings;
  /** Whether requests still are to be answered from the cache. */
  readonly isOpen: boolean;
  /** What a connection speaks whose requests carry an envelope, from 2026-07-28 on. */
  readonly revision: string | undefined;
  /** How the server's SDK says that there is no such resource. */
  readonly notFoundCode: number;
  /** Whether the server would answer a method at all. */
  answersTo(method: string): boolean;
  countUncached(): void;
  /** The server is about to send. */
  noteNotification(notification: Notification): void;
  /** A connection has closed. */
  forget(connection: CachedConnection): void;
}

/** A request that is being answered here. */
interface Visit {
  readonly request: JSONRPCRequest;
  readonly extra: MessageExtraInfo | undefined;
  /** Aborted when the request is withdrawn. */
  readonly leaving: AbortController;
}

/** Where an answer is kept. */
interface Place {
  readonly partition: Partition;
  /** The connection with which it goes. */
  readonly connection: string | undefined;
}

/**
 * One transport of a server: requests that are cached are answered here, everything else passes.
 */
export class CachedConnection implements ReadyAnswers {
  /** Where bytes are sent: the transport, or the one that it stands for. */
  #wire: object;
  readonly #id = randomUUID();
  readonly #host: ConnectionHost;
  readonly #access: RequestAccess;
  readonly #tap: TransportTap;
  /** In which it has read. */
  readonly #partitions: Set<string>;
  /** A transport for one exchange tells by HTTP status what the SDK refuses within its turn. */
  readonly #isPerRequest: boolean;
  readonly #visits = new Map<RequestId, Visit>();
  /** Ids of requests that the server itself is to answer. */
  readonly #passed = new Set<RequestId>();
  #callsUnderWay = 0;
  #isInitialized: boolean;
  /** How many times a client has asked to be initialized. */
  #introductions: number;
  /** The client that introduced itself last, where each request does so. */
  #client: string | undefined;
  /** Whether anything may be kept that ends with this connection. */
  #hasEntries = false;
  #isRetired = false;
  #isClosed = false;

  /**
   * @param transport with the SDK's callbacks in place
   * @param isInitialized whether its client has introduced itself already
   */
  constructor(transport: Transport, host: ConnectionHost, isInitialized: boolean) {
    this.#wire = transport;
    this.#host = host;
    this.#isPerRequest = isPerRequest(transport);
    this.#partitions = host.answers.changes.partitionsOf(transport);
    this.#access = new RequestAccess(transport, this.#id, host.settings);
    this.#isInitialized = isInitialized;
    this.#introductions = isInitialized ? 1 : 0;
    this.#tap = new TransportTap(transport, {
      receive: (message, extra) => this.#receive(message, extra),
      send: (message, options) => this.#send(message, options),
      closed: () => this.close(),
    });
    offerReadyAnswers(transport, this);
  }

  /** Bytes for a hit of which nothing is to be awaited, to be sent below the SDK. */
  find(request: JSONRPCRequest, extra?: MessageExtraInfo): ReadyAnswer | undefined {
    const { isOpen, settings, calls, answers, revision } = this.#host;
    const { id } = request;
    // Whom `authorize` is asked about waits for it.
    if (!isOpen || this.#isClosed || settings.authorize !== undefined) return undefined;
    if (this.#visits.has(id) || this.#passed.has(id) || calls.isReserved(id)) return undefined;
    if (!this.#isReady(extra)) return undefined;
    const question = plainQuestionOf(request, revision);
    if (question === undefined) return undefined;
    // A client that has yet to be noted is, by the ordinary way.
    if (revision !== undefined && clientOf(request) !== this.#client) return undefined;
    const partition = this.#access.partitionOf(question, extra, this.#introductions > 1);
    if (partition === undefined) return undefined;
    this.#noteReading(partition);
    return answers.ready(question, partition);
  }

  /** Ends what its requests wait for, and frees what only they could have asked for again. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    withdrawReadyAnswers(this.#wire, this);
    for (const id of this.#visits.keys()) this.#withdraw(id, 'the connection has closed');
    this.#host.calls.abandonAllOf(this);
    this.#dropEntries();
    this.#tap.remove();
    this.#host.forget(this);
  }

  /** Leaves its transport as soon as what is under way has been answered. */
  retire(): void {
    this.#isRetired = true;
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    const isIdle = this.#visits.size === 0 && this.#callsUnderWay === 0;
    if (this.#isRetired && isIdle) this.close();
  }

  /** Whoever drops a tag makes every load under way remember it. */
  #dropEntries(): void {
    if (this.#hasEntries) this.#host.answers.dropConnection(this.#id);
    this.#hasEntries = false;
  }

  #receive(message: JSONRPCMessage, extra?: MessageExtraInfo): void {
    if ('method' in message) {
      this.#noteWire(message);
      if ('id' in message) {
        if (this.#host.calls.isReserved(message.id)) {
          // Only a handler that tells its request's id could have made it known.
          const error = { code: INVALID_REQUEST, message: 'Invalid request: its id is reserved' };
          void this.#reply(message.id, { error });
          return;
        }
        if (message.method === 'initialize') this.#introduce();
        // From here on the transport sends what has this id to whoever sent this request.
        this.#withdraw(message.id, 'another request has its id');
        if (this.#host.isOpen && this.#takesUp(message, extra)) return;
        this.#passed.add(message.id);
      } else if (message.method === 'notifications/cancelled') {
        const { requestId, reason } = message.params ?? {};
        if (this.#host.calls.isReserved(requestId)) return;
        this.#withdraw(requestId as RequestId, reason);
        this.#passed.delete(requestId as RequestId);
      } else if (message.method === 'notifications/initialized') {
        this.#isInitialized = true;
      }
    }
    this.#tap.toServer(message, extra);
  }

  /** `server/discover` leaves open which server answers what comes next. */
  #noteWire(message: JSONRPCMessage & { method: string }): void {
    const wire = wireOfMessage(message);
    if (wire === undefined || wire === this.#wire || message.method === 'server/discover') return;
    withdrawReadyAnswers(this.#wire, this);
    this.#wire = wire;
    offerReadyAnswers(wire, this);
  }

  /** @returns whether a request is answered, or at least authorized, here. */
  #takesUp(request: JSONRPCRequest, extra: MessageExtraInfo | undefined): boolean {
    if (!this.#isCached(request)) return false;
    const { revision, settings } = this.#host;
    if (revision !== undefined) this.#noteClient(clientOf(request));
    const question = this.#isReady(extra)
      ? questionOf(request, revision, (name) => settings.tools.has(name))
      : undefined;
    const isGuarded = settings.authorize !== undefined && readUriOf(request) !== undefined;
    if (question === undefined && !isGuarded) {
      this.#host.countUncached();
      return false;
    }
    const visit: Visit = { request, extra, leaving: new AbortController() };
    this.#visits.set(request.id, visit);
    void this.#serve(visit, question);
    return true;
  }

  #isCached({ method, params }: JSONRPCRequest): boolean {
    if (groupOfMethod(method) === undefined) return false;
    if (this.#isPerRequest && !this.#host.answersTo(method)) return false;
    return method !== 'tools/call' || this.#host.settings.tools.has(params?.['name'] as string);
  }

  /** Where each request says whose it is, another client's shows that the connection is shared. */
  #noteClient(client: string | undefined): void {
    if (client === undefined || client === this.#client) return;
    this.#client = client;
    this.#introduce();
  }

  /** A client that introduces itself after another shares its transport: neither has it alone. */
  #introduce(): void {
    this.#introductions++;
    if (this.#introductions > 1) this.#dropEntries();
  }

  /** A connection that has an initialization is served from the cache once that is complete. */
  #isReady(extra: MessageExtraInfo | undefined): boolean {
    if (this.#host.revision !== undefined) return true;
    return this.#isInitialized || this.#access.isAnonymous(extra);
  }

  async #serve(visit: Visit, question: Question | undefined): Promise<void> {
    const { request, extra } = visit;
    let answer: Answer | undefined;
    try {
      answer = await this.#answer(visit, question);
    } catch (error) {
      answer = failureAnswer(error, this.#host.notFoundCode);
    }
    if (!this.#isWaiting(visit)) return;
    this.#visits.delete(request.id);
    if (answer === undefined) {
      this.#host.countUncached();
      this.#passed.add(request.id);
      answer = this.#deliver(request, extra);
    }
    if (answer !== undefined) await this.#reply(request.id, answer);
    this.#closeIfDone();
  }

  /** @returns `undefined` where the request is to pass as it came. */
  async #answer(visit: Visit, question: Question | undefined): Promise<Answer | undefined> {
    const access = this.#access;
    const identity = access.identityOf(visit.extra, visit.leaving.signal);
    const uri = readUriOf(visit.request);
    if (uri !== undefined) await access.authorize(identity, uri);
    if (question === undefined) return undefined;
    const place = this.#placeOf(question, identity);
    if (place === undefined) return undefined;
    const { tool } = question;
    if (tool !== undefined && this.#host.settings.tools.get(tool)?.force !== true) {
      const list = (asked: Question, request: JSONRPCRequest): Promise<Answer> =>
        this.#load(visit, asked, place, request);
      if (!(await isRepeatable(tool, visit.request, this.#host.revision, list))) return undefined;
    }
    return this.#load(visit, question, place);
  }

  /** @returns where the answer to a question is kept for a reader, `undefined` where it is not */
  #placeOf(question: Question, identity: RequestIdentity): Place | undefined {
    if (this.#isPublic(question)) return { partition: PUBLIC_PARTITION, connection: undefined };
    const reader = this.#access.readerOf(identity, this.#introductions > 1);
    const partition = partitionOf(reader);
    if (partition === undefined) return undefined;
    this.#noteReading(partition);
    // A principal comes back by other connections; a session ends with its own.
    const connection = reader.principal === undefined ? this.#id : undefined;
    this.#hasEntries ||= connection !== undefined;
    return { partition, connection };
  }

  #noteReading(partition: Partition): void {
    if (this.#partitions.size < MOST_PARTITIONS) this.#partitions.add(partition);
  }

  #isPublic({ method, subject, tool }: Question): boolean {
    const { settings } = this.#host;
    if (tool !== undefined) return settings.tools.get(tool)?.public === true;
    return method === 'resources/read' && settings.isPublic(subject ?? '');
  }

  #load(
    visit: Visit,
    question: Question,
    place: Place,
    request: JSONRPCRequest = visit.request,
  ): Promise<Answer> {
    const { authorize, tools } = this.#host.settings;
    return this.#host.answers.answer(question, {
      ...place,
      ttlMs: question.tool === undefined ? undefined : tools.get(question.tool)?.ttlMs,
      isGuarded: authorize !== undefined,
      signal: visit.leaving.signal,
      ask: (until) => this.#ask(visit, request, until),
      failed: (error) => {
        // What is under way when the caching ends is no failure.
        if (this.#host.isOpen) this.#access.log('the cache', error);
      },
    });
  }

  /** Has the server's own handler answer, which for whoever is the first is as without a cache. */
  #ask(visit: Visit, request: JSONRPCRequest, until: AbortSignal): HandlerCall {
    const { calls } = this.#host;
    const { extra } = visit;
    const asker: Asker = {
      connection: this,
      id: visit.request.id,
      isWaiting: () => this.#isWaiting(visit),
    };
    const call = calls.begin(asker);
    const { id, answer, sharedAnswer } = call;
    this.#callsUnderWay++;
    const ended = (): void => {
      this.#callsUnderWay--;
      this.#closeIfDone();
    };
    answer.then(ended, ended);
    const cancelOn = (signal: AbortSignal): void => {
      const cancel = (): void => {
        const reason = typeof signal.reason === 'string' ? signal.reason : 'nobody waits for it';
        if (!calls.abandon(id, new Error(reason))) return;
        const params = { requestId: id, reason };
        this.#deliver({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
      };
      if (signal.aborted) cancel();
      else signal.addEventListener('abort', cancel, { once: true });
    };
    cancelOn(until);
    // Those who share it go when it is its asker's alone; then that one is all who waits.
    sharedAnswer.catch(() => cancelOn(visit.leaving.signal));
    const failure = this.#deliver({ ...request, id }, extra);
    if (failure !== undefined) calls.answer(id, failure);
    return call;
  }

  /** What the SDK sends: answers to calls of ours are kept back, what else belongs to them is readdressed. */
  async #send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const { calls } = this.#host;
    if (!('method' in message)) {
      if (calls.settle(message)) return;
      if (message.id !== undefined) this.#passed.delete(message.id);
      // To an earlier request of this id, whose place a later one has taken.
      if (message.id !== undefined && this.#visits.has(message.id)) return;
      return this.#tap.toClient(message, options);
    }
    // A handler of version 2 sends past `notification`.
    if (!('id' in message)) this.#host.noteNotification(message);
    const { relatedRequestId, ...others } = options ?? {};
    // Whatever the client answers, such as to an elicitation, may go into the handler's answer.
    if ('id' in message && message.method !== 'ping') calls.unshare(this, relatedRequestId);
    const asker = relatedRequestId === undefined ? undefined : calls.askerOf(relatedRequestId);
    if (asker === undefined) return this.#tap.toClient(message, options);
    if (asker.isWaiting()) {
      return this.#tap.toClient(message, { ...others, relatedRequestId: asker.id });
    }
    if (message.method === 'notifications/progress') return;
    return this.#tap.toClient(message, others);
  }

  /**
   * Hands on to the server what no transport waits for any more: nobody else would see it throw.
   *
   * @returns what a request that could not be handed on is answered with
   */
  #deliver(message: JSONRPCMessage, extra?: MessageExtraInfo): Answer | undefined {
    try {
      this.#tap.toServer(message, extra);
      return undefined;
    } catch (error) {
      this.#tap.report('a message could not be taken up', error);
      return failureAnswer(error);
    }
  }

  async #reply(id: RequestId, answer: Answer): Promise<void> {
    this.#passed.delete(id);
    try {
      await this.#tap.toClient({ jsonrpc: '2.0', id, ...messageOf(answer) });
    } catch (error) {
      this.#tap.report('a response could not be sent', error);
    }
  }

  #isWaiting(visit: Visit): boolean {
    return this.#visits.get(visit.request.id) === visit;
  }

  #withdraw(id: RequestId, reason: unknown): void {
    const visit = this.#visits.get(id);
    this.#visits.delete(id);
    visit?.leaving.abort(reason);
  }
}
