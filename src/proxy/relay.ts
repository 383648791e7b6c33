import { randomUUID } from 'node:crypto';

import type { Partition } from '../cache/partition-key.ts';
import { describeError } from '../describe-value.ts';
import type { Logger } from '../logger.ts';
import type { ToolCall } from '../mcp/task-calls.ts';
import type { AnswerStore, Asking } from './answer-store.ts';
import { cacheableRequest, type CacheableRequest } from './cacheable-request.ts';
import { noticesOf, type Change } from './change-notices.ts';
import { requestVersion } from './era.ts';
import { REPEATS, repeatsOf, type Errand } from './errand.ts';
import { NotKept } from './kept-answer.ts';
import {
  answerOf,
  errorAnswer,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  Message,
  reasonOf,
  type Answer,
  type RequestId,
} from './message.ts';
import { LISTS } from './session-memory.ts';
import type { ChangeListener, ToolChanges } from './tool-changes.ts';
import { OWN_ID, UpstreamSession, type UpstreamSessionListener } from './upstream-session.ts';
import type { Envelope, Upstream } from './upstream.ts';
import { AskerGone } from './upstream-error.ts';

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
  /** What tools change. */
  readonly changes: ToolChanges;
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

/**
 * One client's connection through the proxy. Everything passes as it comes, in both directions, so
 * that the peers negotiate revisions and capabilities by themselves; only requests that can be answered
 * from the cache are.
 */
export class Relay implements UpstreamSessionListener, ChangeListener {
  readonly id = randomUUID();
  readonly #options: RelayOptions;
  readonly #session: UpstreamSession;
  /** Requests that are answered from the cache, by the client's id. */
  readonly #visits = new Map<RequestId, AbortController>();
  /** Requests of the upstream's that its client has not answered. */
  readonly #asked = new Set<RequestId>();
  #isPaused = false;
  #onIdle: () => void = () => {};
  /** Called when the upstream takes messages in again. */
  onDrained: () => void = () => {};

  constructor(options: RelayOptions) {
    this.#options = options;
    const { upstream, holdMs, logger } = options;
    this.#session = new UpstreamSession({ upstream, holdMs, logger, listener: this });
  }

  open(): void {
    this.#options.changes.join(this);
    this.#session.open();
  }

  /** The revision that the session is on, before 2026-07-28. */
  get version(): string | undefined {
    return this.#session.memory.version;
  }

  /** Whether its client should send nothing more for now. */
  get isClogged(): boolean {
    return this.#session.isUp && this.#options.upstream.isClogged;
  }

  /** Resolves when every request that has arrived is answered or withdrawn. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  async close(): Promise<void> {
    if (this.#session.isClosed) return;
    this.#options.changes.leave(this);
    for (const visit of this.#visits.values()) visit.abort(new AskerGone());
    this.#visits.clear();
    const closed = this.#session.close();
    if (this.#options.isSession) this.#options.store.dropConnection(this.id);
    this.#onIdle();
    await closed;
  }

  /** The client reads again. */
  clientDrained(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#options.upstream.resume();
  }

  // What the client sends.

  /** Takes a message of the client's. */
  receive(message: Message, context: ClientContext = {}): void {
    if (this.#session.isClosed) return;
    if (message.kind === 'request') this.#request(message, context);
    else if (message.kind === 'response') this.#response(message, context);
    else this.#notification(message, context);
  }

  #request(message: Message, context: ClientContext): void {
    const id = message.id!;
    if (typeof id === 'string' && id.startsWith(OWN_ID)) {
      this.#reply(id, errorAnswer(INVALID_REQUEST, 'Invalid request: its id is reserved'));
      return;
    }
    // What has this id from here on is for whoever sent this request.
    this.#withdraw(id, 'another request has its id');
    const { memory } = this.#session;
    // Who introduces itself after another shares its connection: neither has it alone.
    const isSecond = message.method === 'initialize' && memory.initialize !== undefined;
    if (isSecond) this.#options.store.dropConnection(this.id);
    const request = this.#cacheable(message);
    if (request !== undefined) {
      void this.#serve(message, request, context);
      return;
    }
    if (message.method === 'subscriptions/listen') memory.listen(message);
    const { changes } = this.#options;
    const call = changes.calls.pendingOf(message.method, message.params);
    this.#session.dispatch({
      ...{ message, envelope: envelopeOf(context), origin: id, waits: true, hasAsked: false },
      repeats: repeatsOf(message.method),
      settle: (response) => {
        const { result } = response;
        if (result !== undefined) memory.note(message, result);
        if (result !== undefined && call !== undefined) {
          this.#noteSuccess(changes.calls.answered(call, result));
        }
        memory.listens.delete(id);
        this.#send(response, id);
      },
      fail: (error) => {
        memory.listens.delete(id);
        this.#reply(id, error.answer);
      },
    });
  }

  /** @returns `undefined` for a request that passes as it came */
  #cacheable(message: Message): CacheableRequest | undefined {
    const { version } = this;
    // On older revisions nothing is answered before the initialisation, and that is the upstream's.
    if (version === undefined && requestVersion(message) === undefined) return undefined;
    try {
      return cacheableRequest(message, version, this.#options.cachedTools);
    } catch {
      return undefined; // so deep that it cannot be written again
    }
  }

  async #serve(message: Message, request: CacheableRequest, context: ClientContext): Promise<void> {
    const id = message.id!;
    const leaving = new AbortController();
    this.#visits.set(id, leaving);
    let response: Message;
    try {
      const asking = this.#asking(message, context, leaving);
      const reply = await this.#options.store.answer(request, asking);
      response = 'text' in reply ? Message.ready(id, reply.text) : Message.written(id, reply);
    } catch (error) {
      if (!leaving.signal.aborted) {
        this.#options.logger.error('a request failed', { error: describeError(error) });
      }
      response = Message.response(id, errorAnswer(INTERNAL_ERROR, 'Internal error'));
    }
    if (this.#visits.get(id) !== leaving) return;
    this.#visits.delete(id);
    this.#send(response, id);
    this.settled();
  }

  #asking(message: Message, context: ClientContext, leaving: AbortController): Asking {
    const { partition } = context;
    return {
      partition,
      connection: this.#options.isSession ? this.id : (partition ?? 'nobody'),
      signal: leaving.signal,
      isUpstreamUp: () => this.#session.isUp,
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
    const session = this.#session;
    const own = message.withId(session.newId());
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        this.#withdraw(own.id!, 'nobody waits for it');
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', cancel, { once: true });
      const ended = (): void => signal.removeEventListener('abort', cancel);
      const errand: Errand = {
        ...{ message: own, envelope: envelopeOf(context), origin: message.id, waits },
        ...{ repeats: waits ? REPEATS : 0, hasAsked: false },
        settle: (response) => {
          ended();
          const answer = answerOf(response);
          // What its client was asked for may be in it.
          if (errand.hasAsked) reject(new NotKept(answer));
          else resolve(answer);
        },
        fail: (error) => {
          ended();
          reject(session.isClosed ? new AskerGone() : error);
        },
      };
      session.dispatch(errand);
    });
  }

  #response(message: Message, context: ClientContext): void {
    // One that has begun anew has never asked.
    if (this.#asked.delete(message.id!)) this.#session.send(message, envelopeOf(context));
  }

  #notification(message: Message, context: ClientContext): void {
    if (message.method !== 'notifications/cancelled') {
      this.#session.send(message, envelopeOf(context));
      return;
    }
    const id = message.params['requestId'] as RequestId;
    if (typeof id === 'string' && id.startsWith(OWN_ID)) return;
    this.#withdraw(id, reasonOf(message), message);
    this.settled();
  }

  /** Ends what is under way for an id. @param cancellation what the client said of it */
  #withdraw(id: RequestId, reason: string, cancellation?: Message): void {
    const visit = this.#visits.get(id);
    if (visit !== undefined) {
      this.#visits.delete(id);
      visit.abort(new Error(reason));
      return;
    }
    const params = { requestId: id, reason };
    const message = cancellation ?? Message.notification('notifications/cancelled', params);
    this.#session.withdraw(id, message);
  }

  // What the upstream says.

  heard(message: Message, origin: RequestId | undefined): void {
    if (message.kind === 'request') this.#asked.add(message.id!);
    else this.#evict(message);
    this.#send(message, origin);
  }

  changed(change: Change): void {
    for (const notice of noticesOf(this.#session.memory, change)) this.#send(notice);
  }

  /** Before the client hears of it: what it asks for then is what the call has made of it. */
  #noteSuccess(call: ToolCall | undefined): void {
    if (call !== undefined) this.#options.changes.succeeded(call);
  }

  /** Drops what a notification says has changed. */
  #evict({ method, params }: Message): void {
    const { store, changes } = this.#options;
    this.#noteSuccess(changes.calls.told(method, params));
    const { uri } = params;
    if (method === 'notifications/resources/updated' && typeof uri === 'string') store.dropUri(uri);
    const group = LISTS.find((one) => method === `notifications/${one}/list_changed`);
    if (group !== undefined) store.dropGroup(group);
  }

  doubted(): void {
    if (this.#options.isSession) this.#options.store.doubt(this.id);
  }

  lost(reason: string, isFinal: boolean): void {
    const { client } = this.#options;
    for (const id of this.#asked) {
      client.send(Message.notification('notifications/cancelled', { requestId: id, reason }));
    }
    this.#asked.clear();
    if (isFinal) client.end(reason);
  }

  drained(): void {
    this.onDrained();
  }

  settled(): void {
    if (this.#isIdle()) this.#onIdle();
  }

  #isIdle(): boolean {
    return this.#visits.size === 0 && this.#session.unanswered <= 0;
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
}

function envelopeOf({ headers }: ClientContext): Envelope {
  return headers === undefined ? {} : { headers };
}
