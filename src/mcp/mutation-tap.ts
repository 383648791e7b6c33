import type {
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from '@modelcontextprotocol/sdk/types.js';

import type { TaskCalls, ToolCall } from './task-calls.ts';
import { TransportTap } from './transport-tap.ts';

/** What a tap tells of. */
export interface MutationHost {
  readonly tasks: TaskCalls;
  isMutating(tool: string): boolean;
  /** A call has succeeded, which its client does not know yet: that waits for this. */
  succeeded(call: ToolCall): Promise<void> | undefined;
  /** A client has subscribed to a URI, or does so no more. */
  readonly subscribed: ((tap: MutationTap, uri: string, isSubscribed: boolean) => void) | undefined;
  closed(tap: MutationTap): void;
}

/** What a request was about that is still to be answered. */
type Pending =
  | { readonly about: 'call'; readonly call: ToolCall }
  | { readonly about: 'task'; readonly taskId: string; readonly hasResult: boolean }
  | { readonly about: 'subscription'; readonly uri: string; readonly isSubscribed: boolean };

type Fields = Readonly<Record<string, unknown>>;

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
    const { name, arguments: args, taskId, uri } = fieldsOf(params);
    switch (method) {
      case 'tools/call': {
        const isWatched = typeof name === 'string' && this.#host.isMutating(name);
        return isWatched ? { about: 'call', call: { tool: name, args } } : undefined;
      }
      case 'tasks/get':
      case 'tasks/result': {
        const isWatched = typeof taskId === 'string' && this.#host.tasks.has(taskId);
        const hasResult = method === 'tasks/result';
        return isWatched ? { about: 'task', taskId, hasResult } : undefined;
      }
      case 'resources/subscribe':
      case 'resources/unsubscribe': {
        if (typeof uri !== 'string' || this.#host.subscribed === undefined) return undefined;
        return { about: 'subscription', uri, isSubscribed: method === 'resources/subscribe' };
      }
      default:
        return undefined;
    }
  }

  async #send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const done = this.#settle(message);
    if (done !== undefined) await done;
    return this.#tap.toClient(message, options);
  }

  #settle(message: JSONRPCMessage): Promise<void> | undefined {
    if ('method' in message) {
      if (message.method !== 'notifications/tasks/status') return undefined;
      const { taskId, status } = fieldsOf(message.params);
      return this.#settleTask(taskId, status);
    }
    const pending = message.id === undefined ? undefined : this.#pending.get(message.id);
    if (pending === undefined || message.id === undefined) return undefined;
    this.#pending.delete(message.id);
    if (!('result' in message)) return undefined;
    const result = fieldsOf(message.result);
    switch (pending.about) {
      case 'call':
        return this.#settleCall(pending.call, result);
      case 'task': {
        const { taskId, hasResult } = pending;
        if (!hasResult) return this.#settleTask(taskId, result['status']);
        return this.#settleTask(taskId, isSuccess(result) ? 'completed' : 'failed');
      }
      case 'subscription':
        this.#host.subscribed?.(this, pending.uri, pending.isSubscribed);
        return undefined;
    }
  }

  #settleCall(call: ToolCall, result: Fields): Promise<void> | undefined {
    const { taskId } = fieldsOf(result['task']);
    if (typeof taskId === 'string') {
      this.#host.tasks.add(taskId, call);
      return undefined;
    }
    return isSuccess(result) ? this.#host.succeeded(call) : undefined;
  }

  #settleTask(taskId: unknown, status: unknown): Promise<void> | undefined {
    const isOver = status === 'completed' || status === 'failed' || status === 'cancelled';
    const call = isOver ? this.#host.tasks.take(taskId) : undefined;
    return call !== undefined && status === 'completed' ? this.#host.succeeded(call) : undefined;
  }
}

/** `resultType`, `inputRequests` and `requestState` come with specification 2026-07-28. */
function isSuccess({
  isError,
  resultType = 'complete',
  inputRequests,
  requestState,
}: Fields): boolean {
  const isDone = inputRequests === undefined && requestState === undefined;
  return isError !== true && resultType === 'complete' && isDone;
}

/** What comes by a transport may be anything. */
function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
