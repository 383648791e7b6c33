import type {
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/sdk/shared/transport.js';
import type {
  JSONRPCMessage,
  MessageExtraInfo,
  RequestId,
} from '@modelcontextprotocol/sdk/types.js';

/** What is told of the load, and may hold answers back. */
export interface Intake {
  note(unanswered: number): void;
  room(): Promise<void> | undefined;
}

/** A transport that knows which requests have not been answered. */
export class DrainableTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  readonly #inner: Transport;
  readonly #intake: Intake | undefined;
  /** How many requests of an id: nothing keeps a client from using one twice. */
  readonly #unanswered = new Map<RequestId, number>();
  #count = 0;
  /** What waits to be written, in the order in which it was made. */
  readonly #held: (() => void)[] = [];
  #onDrained: () => void = () => {};

  constructor(inner: Transport, intake?: Intake) {
    this.#inner = inner;
    this.#intake = intake;
  }

  async start(): Promise<void> {
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message, extra) => {
      this.#noteReceived(message);
      this.onmessage?.(message, extra);
    };
    await this.#inner.start();
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.#held.length === 0 && this.#intake?.room() === undefined) {
      return this.#write(message, options);
    }
    return new Promise((resolve, reject) => {
      this.#held.push(() => void this.#write(message, options).then(resolve, reject));
      if (this.#held.length === 1) void this.#writeHeld();
    });
  }

  async #writeHeld(): Promise<void> {
    for (let write = this.#held[0]; write !== undefined; write = this.#held[0]) {
      await this.#intake?.room();
      write();
      this.#held.shift();
    }
  }

  async #write(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const sent = this.#inner.send(message, options);
    // Written, though perhaps not flushed: a peer that reads nothing must not hold up the drain.
    if (!('method' in message) && message.id !== undefined) this.#settle(message.id);
    await sent;
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  /** Resolves when every request that has arrived so far is answered or withdrawn. */
  async drained(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  #noteReceived(message: JSONRPCMessage): void {
    if (!('method' in message)) return;
    if ('id' in message) this.#note(message.id, 1);
    else if (message.method === 'notifications/cancelled') {
      // The SDK sends no answer to what the client has withdrawn.
      this.#settle(message.params?.['requestId'] as RequestId);
    }
  }

  #settle(id: RequestId): void {
    if (this.#unanswered.has(id)) this.#note(id, -1);
    if (this.#count === 0) this.#onDrained();
  }

  #note(id: RequestId, change: number): void {
    const count = (this.#unanswered.get(id) ?? 0) + change;
    if (count === 0) this.#unanswered.delete(id);
    else this.#unanswered.set(id, count);
    this.#count += change;
    this.#intake?.note(this.#count);
  }
}
