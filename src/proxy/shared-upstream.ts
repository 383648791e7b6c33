import { SUBSCRIPTION_KEY } from './era.ts';
import {
  errorAnswer,
  isObject,
  Message,
  reasonOf,
  type JsonObject,
  type RequestId,
} from './message.ts';
import type { Envelope, Upstream, UpstreamListener } from './upstream.ts';
import type { UpstreamError } from './upstream-error.ts';

const METHOD_NOT_FOUND = -32_601;

interface Sent {
  readonly view: View;
  readonly id: RequestId;
  readonly token: unknown;
  readonly isListen: boolean;
}

/**
 * One upstream for the requests of revision 2026-07-28 that come without a session: each says
 * everything itself, and is answered under a number of its own. What cannot be told to belong to one
 * of them goes to none.
 */
export class SharedUpstream implements UpstreamListener {
  readonly #upstream: Upstream;
  readonly #onAgain: () => void;
  readonly #onFinal: () => void;
  readonly #views = new Set<View>();
  readonly #sent = new Map<RequestId, Sent>();
  #lastId = 0;
  #state: { readonly isUp: boolean; readonly reason: string } = { isUp: false, reason: '' };

  /** @param onAgain called before it is used after it was away @param onFinal when it is given up */
  constructor(upstream: Upstream, onAgain: () => void, onFinal: () => void) {
    this.#upstream = upstream;
    this.#onAgain = onAgain;
    this.#onFinal = onFinal;
    upstream.open(this);
  }

  /** Requests that use it now. */
  get uses(): number {
    return this.#views.size;
  }

  newView(): Upstream {
    return new View(this);
  }

  async close(): Promise<void> {
    await this.#upstream.close();
  }

  join(view: View): void {
    this.#views.add(view);
    if (this.#state.isUp) view.listener.up(false);
    else if (this.#state.reason !== '') view.listener.down(this.#state.reason, false);
  }

  leave(view: View): void {
    this.#views.delete(view);
    for (const [id, sent] of this.#sent) {
      if (sent.view !== view) continue;
      this.#sent.delete(id);
      this.#cancel(id, 'its client has left');
    }
  }

  send(view: View, message: Message, envelope: Envelope): void {
    if (message.kind === 'request') {
      this.#lastId++;
      const id = `shared:${this.#lastId}`;
      const { progressToken: token } = message.meta;
      const isListen = message.method === 'subscriptions/listen';
      this.#sent.set(id, { view, id: message.id!, token, isListen });
      const named = message.withId(id);
      const sent = token === undefined ? named : withMeta(named, { progressToken: id });
      this.#upstream.send(sent, envelope);
      return;
    }
    if (message.kind !== 'notification' || message.method !== 'notifications/cancelled') return;
    for (const [id, sent] of this.#sent) {
      if (sent.view !== view || sent.id !== message.params['requestId']) continue;
      this.#sent.delete(id);
      this.#cancel(id, reasonOf(message));
    }
  }

  get isClogged(): boolean {
    return this.#upstream.isClogged;
  }

  message(message: Message): void {
    if (message.kind === 'response') {
      const sent = this.#sent.get(message.id!);
      if (sent === undefined) return;
      this.#sent.delete(message.id!);
      sent.view.listener.message(readdressed(message.withId(sent.id), sent), {});
      return;
    }
    if (message.kind === 'request') {
      // On this revision a server asks in its results.
      const answer = errorAnswer(METHOD_NOT_FOUND, 'Method not found');
      this.#upstream.send(Message.response(message.id!, answer), {});
      return;
    }
    const sent = this.#addressee(message);
    sent?.view.listener.message(readdressed(message, sent), { relatedTo: sent.id });
  }

  up(isAgain: boolean): void {
    this.#state = { isUp: true, reason: '' };
    if (isAgain) this.#onAgain();
    for (const view of this.#views) view.listener.up(isAgain);
  }

  down(reason: string, isFinal: boolean): void {
    this.#state = { isUp: false, reason };
    this.#sent.clear();
    if (isFinal) this.#onFinal();
    for (const view of this.#views) view.listener.down(reason, isFinal);
  }

  failed(id: RequestId, error: UpstreamError, mayRepeat: boolean): void {
    const sent = this.#sent.get(id);
    this.#sent.delete(id);
    sent?.view.listener.failed(sent.id, error, mayRepeat);
  }

  unsent(id: RequestId): void {
    const sent = this.#sent.get(id);
    this.#sent.delete(id);
    sent?.view.listener.unsent(sent.id);
  }

  drained(): void {
    for (const view of this.#views) view.listener.drained();
  }

  #cancel(id: RequestId, reason: string): void {
    if (!this.#state.isUp) return;
    this.#upstream.send(
      Message.notification('notifications/cancelled', { requestId: id, reason }),
      {},
    );
  }

  #addressee({ method, params, meta }: Message): Sent | undefined {
    if (method === 'notifications/progress') {
      return this.#sent.get(params['progressToken'] as RequestId);
    }
    const subscription = meta[SUBSCRIPTION_KEY];
    if (subscription !== undefined) return this.#sent.get(subscription as RequestId);
    const answering = [...this.#sent.values()].filter(({ isListen }) => !isListen);
    return answering.length === 1 ? answering[0] : undefined;
  }
}

/** The shared upstream as one request sees it. */
class View implements Upstream {
  listener!: UpstreamListener;
  readonly #shared: SharedUpstream;

  constructor(shared: SharedUpstream) {
    this.#shared = shared;
  }

  open(listener: UpstreamListener): void {
    this.listener = listener;
    this.#shared.join(this);
  }

  send(message: Message, envelope: Envelope): void {
    this.#shared.send(this, message, envelope);
  }

  get isClogged(): boolean {
    return this.#shared.isClogged;
  }

  // One client that does not read must not hold up the others: its front cuts it off.
  pause(): void {}
  resume(): void {}
  restart(): void {}

  close(): Promise<void> {
    this.#shared.leave(this);
    return Promise.resolve();
  }
}

/** Under the names that the client gave. */
function readdressed(message: Message, { id, token }: Sent): Message {
  if (message.kind === 'response') {
    const meta = message.result?.['_meta'];
    if (!isObject(meta) || meta[SUBSCRIPTION_KEY] === undefined) return message;
    const result = { ...message.result, _meta: { ...meta, [SUBSCRIPTION_KEY]: id } };
    return Message.of({ ...message.body, result });
  }
  if (message.method === 'notifications/progress') {
    return Message.of({ ...message.body, params: { ...message.params, progressToken: token } });
  }
  return SUBSCRIPTION_KEY in message.meta ? withMeta(message, { [SUBSCRIPTION_KEY]: id }) : message;
}

function withMeta(message: Message, changes: JsonObject): Message {
  const params = { ...message.params, _meta: { ...message.meta, ...changes } };
  return Message.of({ ...message.body, params });
}
