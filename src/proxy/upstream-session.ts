import type { Logger } from '../logger.ts';
import { EVERYTHING, noticesOf } from './change-notices.ts';
import type { Errand } from './errand.ts';
import { HeldErrands } from './held-errands.ts';
import { answerOf, Message, type Answer, type RequestId } from './message.ts';
import { SessionMemory } from './session-memory.ts';
import type { Envelope, Upstream, UpstreamListener } from './upstream.ts';
import { UpstreamError } from './upstream-error.ts';

/** What is told of the session. */
export interface UpstreamSessionListener {
  /** A request or notification. @param origin the client's request on whose account it came */
  heard(message: Message, origin: RequestId | undefined): void;
  /** The upstream has begun anew: what was known of it is in doubt. */
  doubted(): void;
  /** What the upstream has asked is of no more interest. @param isFinal whether it stays away */
  lost(reason: string, isFinal: boolean): void;
  /** More can be sent. */
  drained(): void;
  /** A request is answered, failed or withdrawn. */
  settled(): void;
}

export interface UpstreamSessionOptions {
  readonly upstream: Upstream;
  readonly holdMs: number;
  readonly listener: UpstreamSessionListener;
  readonly logger: Logger;
}

/** Begins the ids of requests that the proxy makes itself. */
export const OWN_ID = 'granary:';

/**
 * One session with an upstream that may go away and come back: it is told again what the client had
 * told it; requests that were under way are sent anew where that does no harm, and fail else.
 */
export class UpstreamSession implements UpstreamListener {
  readonly memory = new SessionMemory();
  readonly #options: UpstreamSessionOptions;
  readonly #held: HeldErrands;
  /** Requests under way, by the id that the upstream knows. */
  readonly #sent = new Map<RequestId, Errand>();
  #state: 'down' | 'restoring' | 'up' | 'closed' = 'down';
  #awayReason = 'the upstream has not started yet';
  #lastId = 0;

  constructor(options: UpstreamSessionOptions) {
    this.#options = options;
    this.#held = new HeldErrands(options.holdMs);
  }

  open(): void {
    this.#options.upstream.open(this);
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Requests that are not answered, besides subscriptions. */
  get unanswered(): number {
    return this.#sent.size + this.#held.size - this.memory.listens.size;
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    const gone = new UpstreamError('the connection has closed');
    for (const errand of [...this.#sent.values(), ...this.#held.takeAll()]) errand.fail(gone);
    this.#sent.clear();
    await this.#options.upstream.close();
  }

  /** @returns an id that no client's request has */
  newId(): string {
    this.#lastId++;
    return `${OWN_ID}${this.#lastId}`;
  }

  dispatch(errand: Errand): void {
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

  /** Sends what needs no answer; nobody hears it who is away. */
  send(message: Message, envelope: Envelope): void {
    if (this.#state === 'up') this.#options.upstream.send(message, envelope);
  }

  /** @param cancellation what tells the upstream, if it was asked */
  withdraw(id: RequestId, cancellation: Message): void {
    this.memory.listens.delete(id);
    if (this.#held.remove(id) !== undefined) return;
    const errand = this.#sent.get(id);
    this.#sent.delete(id);
    if (errand !== undefined) this.send(cancellation, errand.envelope);
  }

  // What the upstream tells.

  message(message: Message, { relatedTo }: Envelope): void {
    if (this.#state === 'closed') return;
    if (message.kind === 'response') return this.#settle(message);
    const { method } = message;
    // A subscription that was sent anew is acknowledged once more.
    const isAcknowledged = method === 'notifications/subscriptions/acknowledged';
    if (isAcknowledged && !this.memory.acknowledge(message)) return;
    if (message.kind === 'request' && method !== 'ping') this.#noteAsking(relatedTo);
    const origin = relatedTo === undefined ? undefined : this.#sent.get(relatedTo)?.origin;
    this.#options.listener.heard(message, origin);
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
    const lost = [...this.#sent.values()];
    this.#sent.clear();
    if (isFinal) for (const errand of this.#held.takeAll()) errand.fail(new UpstreamError(reason));
    for (const errand of lost) {
      if (errand.repeats === 0 || isFinal) errand.fail(new UpstreamError(reason));
      else this.#repeat(errand);
    }
    this.#options.listener.lost(reason, isFinal);
    this.#options.listener.settled();
  }

  failed(id: RequestId, error: UpstreamError, mayRepeat: boolean): void {
    const errand = this.#sent.get(id);
    if (errand === undefined) return;
    this.#sent.delete(id);
    if (mayRepeat && errand.repeats > 0) {
      errand.repeats--;
      this.dispatch(errand);
      return;
    }
    errand.fail(error);
    this.#options.listener.settled();
  }

  unsent(id: RequestId): void {
    const errand = this.#sent.get(id);
    this.#sent.delete(id);
    if (errand?.waits === true) this.#held.add(errand, this.#awayReason);
    else errand?.fail(new UpstreamError(this.#awayReason));
  }

  drained(): void {
    this.#options.listener.drained();
  }

  #settle(message: Message): void {
    const errand = this.#sent.get(message.id!);
    // Answers to what was withdrawn come too; nobody waits for them.
    if (errand === undefined) return;
    this.#sent.delete(message.id!);
    errand.settle(message);
    this.#options.listener.settled();
  }

  /** What the client answers may go into the answer to its request; over stdio it may be any of them. */
  #noteAsking(relatedTo: RequestId | undefined): void {
    const related = relatedTo === undefined ? undefined : this.#sent.get(relatedTo);
    for (const errand of related === undefined ? this.#sent.values() : [related]) {
      errand.hasAsked = true;
    }
  }

  /** Holds what was lost, to be sent once more. */
  #repeat(errand: Errand): void {
    // A subscription is asked for as long as it lasts.
    if (errand.message.method !== 'subscriptions/listen') errand.repeats--;
    this.#held.add(errand, this.#awayReason);
  }

  // Beginning anew.

  /** Tells an upstream that has begun anew what the client had told it, and the client of it. */
  async #restore(): Promise<void> {
    const { upstream, logger, listener } = this.#options;
    listener.doubted();
    this.#state = 'restoring';
    const { initialize, version, logLevel, subscriptions } = this.memory;
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
        logger.info('a session was restored', { subscriptions: subscriptions.size });
      }
    } catch (error) {
      // It went away once more, and that is told.
      if (error instanceof UpstreamError) return;
      throw error;
    }
    this.#begin();
    this.#tellOfChanges();
  }

  #begin(): void {
    this.#state = 'up';
    for (const errand of this.#held.takeAll()) this.dispatch(errand);
    this.#options.listener.drained();
  }

  #exchange(message: Message): Promise<Answer> {
    const own = message.withId(this.newId());
    return new Promise((resolve, reject) => {
      this.#sent.set(own.id!, {
        ...{ message: own, envelope: {}, origin: undefined, waits: false, repeats: 0 },
        hasAsked: false,
        settle: (response) => resolve(answerOf(response)),
        fail: reject,
      });
      this.#options.upstream.send(own, {});
    });
  }

  /** What has changed while it was away nobody has told. */
  #tellOfChanges(): void {
    for (const message of noticesOf(this.memory, EVERYTHING)) {
      this.#options.listener.heard(message, undefined);
    }
  }
}
