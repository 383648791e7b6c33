import { randomUUID } from 'node:crypto';

import type { Partition } from '../cache/partition-key.ts';
import type { Logger } from '../logger.ts';
import type { MethodGroup } from '../mcp/question.ts';
import type { AnswerStore, Asking, Reply } from './answer-store.ts';
import { cacheableRequest, type CacheableRequest } from './cacheable-request.ts';
import { requestVersion, SUBSCRIPTION_KEY } from './era.ts';
import { isRepeatable, type Errand } from './errand.ts';
import { HeldErrands } from './held-errands.ts';
import {
  answerOf,
  errorAnswer,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  isObject,
  Message,
  reasonOf,
  type Answer,
  type JsonObject,
  type RequestId,
} from './message.ts';
import { SessionMemory } from './session-memory.ts';
import type { Envelope, Upstream, UpstreamListener } from './upstream.ts';
import { AskerGone, UpstreamError } from './upstream-error.ts';

/** Where messages for a client go. */
export interface ClientLink {
  /** @param relatedTo the client's request on whose account it is sent, where that is known */
  send(message: Message, relatedTo?: RequestId): void;
  /** Whether so much waits to be read by the client that nothing more should be sent. */
  readonly isClogged: boolean;
  /** The upstream will not come back. */
  end(reason: string): void;
}

/** What came with a client's message. */
export interface ClientContext {
  /** Whose answers it may be given from the cache; `undefined`: those that are public. */
  readonly partition?: Partition | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RelayOptions {
  readonly store: AnswerStore;
  readonly upstream: Upstream;
  readonly client: ClientLink;
  /** Tools whose calls are cached. */
  readonly cachedTools: ReadonlySet<string>;
  /** How long a request waits for an upstream that is away, in ms. */
  readonly holdMs: number;
  /** Whether its client is one, whose partitions end with it; else it carries a single request. */
  readonly isSession: boolean;
  readonly logger: Logger;
}

/** Begins the ids of requests that the proxy makes itself. */
const OWN_ID = 'granary:';

const LISTS = { resources: true, tools: true, prompts: true } as const;

/**
 * One client's connection through the proxy. Everything passes as it comes, in both directions, so
 * that the peers negotiate revisions and capabilities by themselves; only requests that can be answered
 * from the cache are, and an upstream that begins anew is told what the client had told it.
 */
export class Relay implements UpstreamListener {
  readonly id = randomUUID();
  readonly #options: RelayOptions;
  readonly #memory = new SessionMemory();
  readonly #held: HeldErrands;
  /** Requests under way, by the id that the upstream knows. */
  readonly #sent = new Map<RequestId, Errand>();
  /** Requests that are answered from the cache, by the client's id. */
  readonly #visits = new Map<RequestId, AbortController>();
  /** Requests of the upstream's that its client has not answered. */
  readonly #asked = new Set<RequestId>();
  /** Subscriptions that the upstream acknowledges a second time. */
  readonly #repeatedListens = new Set<RequestId>();
  #state: 'down' | 'restoring' | 'up' | 'closed' = 'down';
  #awayReason = 'the upstream has not started yet';
  #lastId = 0;
  #isPaused = false;
  #onIdle: () => void = () => {};
  /** Called when the upstream takes messages in again. */
  onDrained: () => void = () => {};

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#held = new HeldErrands(options.holdMs);
  }

  open(): void {
    this.#options.upstream.open(this);
  }

  /** The revision that the session is on, before 2026-07-28. */
  get version(): string | undefined {
    return this.#memory.version;
  }

  /** Whether its client should send nothing more for now. */
  get isClogged(): boolean {
    return this.#state === 'up' && this.#options.upstream.isClogged;
  }

  /** Requests of the client's that are not answered, besides subscriptions. */
  get unanswered(): number {
    return this.#sent.size - this.#memory.listens.size + this.#held.size + this.#visits.size;
  }

  /** Resolves when every request that has arrived is answered or withdrawn. */
  async idle(): Promise<void> {
    if (this.unanswered <= 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const visit of this.#visits.values()) visit.abort(new AskerGone());
    this.#visits.clear();
    const gone = new UpstreamError('the connection has closed');
    for (const errand of [...this.#sent.values(), ...this.#held.takeAll()]) errand.fail(gone);
    this.#sent.clear();
    if (this.#options.isSession) this.#options.store.dropConnection(this.id);
    await this.#options.upstream.close();
  }

  /** Takes a message of the client's. */
  receive(message: Message, context: ClientContext = {}): void {
    if (this.#state === 'closed') return;
    if (message.kind === 'request') this.#request(message, context);
    else if (message.kind === 'response') this.#response(message, context);
    else this.#notification(message, context);
  }

  /** Withdraws a request as if its client had said so: it has left. */
  withdraw(id: RequestId, reason: string): void {
    this.receive(Message.notification('notifications/cancelled', { requestId: id, reason }));
  }

  /** The client reads again. */
  clientDrained(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#options.upstream.resume();
  }

  // What the client sends.

  #request(message: Message, context: ClientContext): void {
    const id = message.id!;
    if (typeof id === 'string' && id.startsWith(OWN_ID)) {
      this.#reply(id, errorAnswer(INVALID_REQUEST, 'Invalid request: its id is reserved'));
      return;
    }
    // What has this id from here on is for whoever sent this request.
    this.#leave(id, 'another request has its id');
    if (this.#takesUp(message, context)) return;
    this.#dispatch({
      message,
      envelope: envelopeOf(context),
      origin: id,
      waits: true,
      mayRepeat: isRepeatable(message.method),
      settle: (response) => {
        const { result } = response;
        if (result !== undefined) this.#memory.note(message, result);
        this.#memory.listens.delete(id);
        this.#send(response, id);
      },
      fail: (error) => {
        this.#memory.listens.delete(id);
        this.#reply(id, error.answer);
      },
    });
    if (message.method === 'subscriptions/listen') this.#memory.listens.set(id, message);
  }

  /** @returns whether a request is answered here */
  #takesUp(message: Message, context: ClientContext): boolean {
    const { version } = this.#memory;
    // On older revisions nothing is answered before the initialisation, and that is the upstream's.
    if (version === undefined && requestVersion(message) === undefined) return false;
    const request = cacheableRequest(message, version, this.#options.cachedTools);
    if (request === undefined) return false;
    void this.#serve(message, request, context);
    return true;
  }

  async #serve(message: Message, request: CacheableRequest, context: ClientContext): Promise<void> {
    const id = message.id!;
    const leaving = new AbortController();
    this.#visits.set(id, leaving);
    let reply: Reply;
    try {
      reply = await this.#options.store.answer(request, this.#asking(message, context, leaving));
    } catch (error) {
      if (!leaving.signal.aborted) {
        this.#options.logger.error('a request failed', { error: String(error) });
      }
      reply = errorAnswer(INTERNAL_ERROR, 'Internal error');
    }
    if (this.#visits.get(id) !== leaving) return;
    this.#visits.delete(id);
    if ('text' in reply) this.#send(Message.ready(id, reply.text), id);
    else this.#reply(id, reply);
    this.#tellIfIdle();
  }

  #asking(message: Message, context: ClientContext, leaving: AbortController): Asking {
    const { partition } = context;
    return {
      partition,
      connection: this.#options.isSession ? this.id : (partition ?? 'nobody'),
      signal: leaving.signal,
      isUpstreamUp: () => this.#state === 'up',
      ask: (signal, waits) => this.#ask(message, context, signal, waits),
    };
  }

  /** Has the upstream answer, on account of one request and for whoever waits for the same. */
  #ask(
    message: Message,
    context: ClientContext,
    signal: AbortSignal,
    waits: boolean,
  ): Promise<Answer> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const own = message.withId(this.#ownId());
    const id = own.id!;
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        this.#leave(id, 'nobody waits for it');
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', cancel, { once: true });
      const ended = (): void => signal.removeEventListener('abort', cancel);
      this.#dispatch({
        message: own,
        envelope: envelopeOf(context),
        origin: message.id,
        waits,
        mayRepeat: waits,
        settle: (response) => {
          ended();
          resolve(answerOf(response));
        },
        fail: (error) => {
          ended();
          reject(this.#state === 'closed' ? new AskerGone() : error);
        },
      });
    });
  }

  #response(message: Message, context: ClientContext): void {
    // One that has begun anew has never asked.
    if (!this.#asked.delete(message.id!) || this.#state !== 'up') return;
    this.#options.upstream.send(message, envelopeOf(context));
  }

  #notification(message: Message, context: ClientContext): void {
    if (message.method === 'notifications/cancelled') {
      const { requestId } = message.params;
      if (typeof requestId === 'string' && requestId.startsWith(OWN_ID)) return;
      this.#leave(requestId as RequestId, reasonOf(message), message);
      this.#tellIfIdle();
      return;
    }
    if (this.#state === 'up') this.#options.upstream.send(message, envelopeOf(context));
  }

  /** Ends what is under way for an id. @param cancellation what the client said of it */
  #leave(id: RequestId, reason: string, cancellation?: Message): void {
    const visit = this.#visits.get(id);
    if (visit !== undefined) {
      this.#visits.delete(id);
      visit.abort(new Error(reason));
      return;
    }
    this.#memory.listens.delete(id);
    if (this.#held.remove(id) !== undefined) return;
    const errand = this.#sent.get(id);
    if (errand === undefined) return;
    this.#sent.delete(id);
    if (this.#state === 'down') return;
    const params = { requestId: id, reason };
    const message = cancellation ?? Message.notification('notifications/cancelled', params);
    this.#options.upstream.send(message, errand.envelope);
  }

  #dispatch(errand: Errand): void {
    const { upstream } = this.#options;
    if (this.#state === 'up') {
      this.#sent.set(errand.message.id!, errand);
      upstream.send(errand.message, errand.envelope);
    } else if (this.#state !== 'closed' && errand.waits) {
      this.#held.add(errand, this.#awayReason);
    } else {
      errand.fail(new UpstreamError(this.#awayReason));
    }
  }

  // What the upstream sends.

  message(message: Message, { relatedTo }: Envelope): void {
    if (this.#state === 'closed') return;
    if (message.kind === 'response') {
      this.#settle(message);
      return;
    }
    if (message.kind === 'request') this.#asked.add(message.id!);
    else if (!this.#hear(message)) return;
    const origin = relatedTo === undefined ? undefined : this.#sent.get(relatedTo)?.origin;
    this.#send(message, origin);
  }

  #settle(message: Message): void {
    const errand = this.#sent.get(message.id!);
    // Answers to what was withdrawn come too; nobody waits for them.
    if (errand === undefined) return;
    this.#sent.delete(message.id!);
    errand.settle(message);
    this.#tellIfIdle();
  }

  /** Drops what a notification says has changed. @returns whether it goes on to the client */
  #hear({ method, params, meta }: Message): boolean {
    const { store } = this.#options;
    const [, group = ''] = /^notifications\/(\w+)\/list_changed$/.exec(method) ?? [];
    if (Object.hasOwn(LISTS, group)) store.dropGroup(group as MethodGroup);
    const { uri } = params;
    if (method === 'notifications/resources/updated' && typeof uri === 'string') store.dropUri(uri);
    const isAcknowledged = method === 'notifications/subscriptions/acknowledged';
    return !isAcknowledged || !this.#repeatedListens.delete(meta[SUBSCRIPTION_KEY] as RequestId);
  }

  up(isAgain: boolean): void {
    if (this.#state === 'closed') return;
    if (isAgain) void this.#restore();
    else this.#begin();
  }

  down(reason: string, isFinal: boolean): void {
    if (this.#state === 'closed') return;
    this.#state = 'down';
    this.#awayReason = reason;
    const { client } = this.#options;
    for (const id of this.#asked) {
      client.send(Message.notification('notifications/cancelled', { requestId: id, reason }));
    }
    this.#asked.clear();
    const lost = [...this.#sent.values()];
    this.#sent.clear();
    for (const errand of [...lost, ...(isFinal ? this.#held.takeAll() : [])]) {
      if (errand.mayRepeat && !isFinal) {
        if (errand.message.method !== 'subscriptions/listen') errand.mayRepeat = false;
        else this.#repeatedListens.add(errand.message.id!);
        this.#held.add(errand, reason);
      } else {
        errand.fail(new UpstreamError(reason));
      }
    }
    this.#tellIfIdle();
    if (isFinal) client.end(reason);
  }

  failed(id: RequestId, error: UpstreamError, mayRepeat: boolean): void {
    const errand = this.#sent.get(id);
    if (errand === undefined) return;
    this.#sent.delete(id);
    if (mayRepeat && errand.mayRepeat) {
      errand.mayRepeat = false;
      this.#dispatch(errand);
      return;
    }
    errand.fail(error);
    this.#tellIfIdle();
  }

  drained(): void {
    this.onDrained();
  }

  // Beginning anew.

  /** Tells an upstream that has begun anew what the client had told it, and the client of it. */
  async #restore(): Promise<void> {
    const { store, upstream, logger } = this.#options;
    if (this.#options.isSession) store.doubt(this.id);
    this.#state = 'restoring';
    const { initialize, version, logLevel, subscriptions } = this.#memory;
    try {
      if (initialize !== undefined) {
        const answer = await this.#exchange(initialize);
        const restored = 'result' in answer ? answer.result['protocolVersion'] : undefined;
        if (restored !== version) {
          upstream.restart(`it was on revision ${version} and is on ${String(restored)} now`);
          return;
        }
        upstream.send(Message.notification('notifications/initialized'), {});
        const told = [...subscriptions.values(), ...(logLevel === undefined ? [] : [logLevel])];
        await Promise.all(told.map((message) => this.#exchange(message)));
      }
    } catch {
      return; // it went away once more, and that is told
    }
    if (initialize !== undefined)
      logger.info('a session was restored', { subscriptions: subscriptions.size });
    this.#begin();
    this.#tellOfChanges();
  }

  #begin(): void {
    this.#state = 'up';
    this.onDrained();
    for (const errand of this.#held.takeAll()) this.#dispatch(errand);
  }

  #exchange(message: Message): Promise<Answer> {
    const own = message.withId(this.#ownId());
    return new Promise((resolve, reject) => {
      this.#sent.set(own.id!, {
        message: own,
        envelope: {},
        origin: undefined,
        waits: false,
        mayRepeat: false,
        settle: (response) => resolve(answerOf(response)),
        fail: reject,
      });
      this.#options.upstream.send(own, {});
    });
  }

  /** What has changed while it was away nobody has told. */
  #tellOfChanges(): void {
    const { subscriptions, listens } = this.#memory;
    for (const group of Object.keys(LISTS)) {
      if (this.#memory.tellsOf(group)) this.#tell(`${group}/list_changed`);
    }
    for (const uri of subscriptions.keys()) this.#tell('resources/updated', { uri });
    for (const [id, { params }] of listens) {
      const wanted = isObject(params['notifications']) ? params['notifications'] : {};
      const meta = { _meta: { [SUBSCRIPTION_KEY]: id } };
      for (const group of Object.keys(LISTS)) {
        if (wanted[`${group}ListChanged`] === true) this.#tell(`${group}/list_changed`, meta);
      }
      const uris = wanted['resourceSubscriptions'];
      for (const uri of Array.isArray(uris) ? (uris as unknown[]) : []) {
        this.#tell('resources/updated', { uri, ...meta });
      }
    }
  }

  #tell(what: string, params?: JsonObject): void {
    this.#send(Message.notification(`notifications/${what}`, params));
  }

  #reply(id: RequestId, answer: Answer): void {
    this.#send(Message.response(id, answer), id);
  }

  #send(message: Message, relatedTo?: RequestId): void {
    const { client, upstream } = this.#options;
    client.send(message, relatedTo);
    if (!client.isClogged || this.#isPaused) return;
    this.#isPaused = true;
    upstream.pause();
  }

  #ownId(): string {
    this.#lastId++;
    return `${OWN_ID}${this.#lastId}`;
  }

  #tellIfIdle(): void {
    if (this.unanswered <= 0) this.#onIdle();
  }
}

function envelopeOf({ headers }: ClientContext): Envelope {
  return headers === undefined ? {} : { headers };
}
