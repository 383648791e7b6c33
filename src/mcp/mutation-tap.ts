import type {
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';

import { fieldsOf, type MutatingCalls, type PendingCall } from './mutating-calls.ts';
import type { ToolCall } from './task-calls.ts';
import { TransportTap } from './transport-tap.ts';

/** What a tap tells of. */
export interface MutationHost {
  readonly calls: MutatingCalls;
  /** A call has succeeded, which its client does not know yet: that waits for this. */
  succeeded(call: ToolCall): Promise<void> | undefined;
  /** A client has subscribed to a URI, or does so no more. */
  readonly subscribed: ((tap: MutationTap, uri: string, isSubscribed: boolean) => void) | undefined;
  closed(tap: MutationTap): void;
}

/** What a request was about that is still to be answered. */
type Pending =
  | PendingCall
  | { readonly about: 'subscription'; readonly uri: string; readonly isSubscribed: boolean };

/** Listens at one transport for calls of tools that change something, and for subscriptions. */
export class MutationTap {
  readonly #host: MutationHost;
  readonly #tap: TransportTap;
  readonly #pending = new Map<RequestId, Pending>();

  /** @param transport with the SDK's callbacks in place */
  constructor(transport: Transport, host: MutationHost) {
    this.#host = host;
    this.#tap = new TransportTap(transport, {
      receive: (message, extra) => {
        this.#note(message);
        this.#tap.toServer(message, extra);
      },
      send: (message, options) => this.#send(message, options),
      closed: () => this.remove(),
    });
  }

  /** Tells the client, behind what was sent before. */
  tell(method: string, params: Record<string, unknown>): void {
    const failed = (error: unknown): void =>
      this.#tap.report('a notification could not be sent', error);
    this.#tap.toClient({ jsonrpc: '2.0', method, params }).catch(failed);
  }

  remove(): void {
    this.#pending.clear();
    this.#tap.remove();
    this.#host.closed(this);
  }

  #note(message: JSONRPCMessage): void {
    if (!('method' in message)) return;
    if (!('id' in message)) {
      // Of what is cancelled nobody knows how far it came: there is no success to tell of.
      const { requestId } = fieldsOf(message.params);
      if (message.method === 'notifications/cancelled')
        this.#pending.delete(requestId as RequestId);
      return;
    }
    const pending = this.#pendingOf(message);
    if (pending === undefined) this.#pending.delete(message.id);
    else this.#pending.set(message.id, pending);
  }

  #pendingOf({ method, params }: JSONRPCRequest): Pending | undefined {
    if (method !== 'resources/subscribe' && method !== 'resources/unsubscribe') {
      return this.#host.calls.pendingOf(method, params);
    }
    const { uri } = fieldsOf(params);
    if (typeof uri !== 'string' || this.#host.subscribed === undefined) return undefined;
    return { about: 'subscription', uri, isSubscribed: method === 'resources/subscribe' };
  }

  async #send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const done = this.#settle(message);
    if (done !== undefined) await done;
    return this.#tap.toClient(message, options);
  }

  #settle(message: JSONRPCMessage): Promise<void> | undefined {
    const { calls } = this.#host;
    if ('method' in message) return this.#succeeded(calls.told(message.method, message.params));
    const pending = message.id === undefined ? undefined : this.#pending.get(message.id);
    if (pending === undefined || message.id === undefined) return undefined;
    this.#pending.delete(message.id);
    if (!('result' in message)) return undefined;
    if (pending.about !== 'subscription') {
      return this.#succeeded(calls.answered(pending, message.result));
    }
    this.#host.subscribed?.(this, pending.uri, pending.isSubscribed);
    return undefined;
  }

  #succeeded(call: ToolCall | undefined): Promise<void> | undefined {
    return call === undefined ? undefined : this.#host.succeeded(call);
  }
}
