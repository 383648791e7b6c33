import { randomUUID } from 'node:crypto';

import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

import { INVALID_PARAMS, JsonRpcError } from './json-rpc-error.ts';

/** A subscription that was asked for and is not yet authorized. */
interface Arrival {
  readonly uri: string;
  withdrawn: boolean;
}

/** One client of a server: its id and its subscriptions, for as long as its transport is open. */
export class Connection {
  readonly id: string = randomUUID();
  readonly transport: Transport;
  readonly #subscriptions = new Map<string, () => void>();
  readonly #arrivals = new Set<Arrival>();
  readonly #ends = new Set<() => void>();
  readonly #maxSubscriptions: number;
  #closed = false;

  /** @param transport its `onclose` is called as before, and then ends the subscriptions. */
  constructor(transport: Transport, maxSubscriptions: number) {
    this.transport = transport;
    this.#maxSubscriptions = maxSubscriptions;
    const onclose = transport.onclose;
    transport.onclose = () => {
      this.close();
      onclose?.call(transport);
    };
  }

  /**
   * Subscribes to a URI; a second time, the later reader's copy is watched. An unsubscription that
   * comes while `authorized` is pending is later than the subscription, and wins.
   *
   * @param authorized rejects where the subscription is refused
   * @param watch starts watching and returns what ends it
   * @throws (rejects with) JSON-RPC -32602 where the connection has its fill of subscriptions
   */
  async subscribe(uri: string, authorized: Promise<void>, watch: () => () => void): Promise<void> {
    const arrival = { uri, withdrawn: false };
    this.#arrivals.add(arrival);
    try {
      await authorized;
    } finally {
      this.#arrivals.delete(arrival);
    }
    if (this.#closed || arrival.withdrawn) return;
    const former = this.#subscriptions.get(uri);
    if (former === undefined && this.#subscriptions.size >= this.#maxSubscriptions) {
      throw new JsonRpcError(
        INVALID_PARAMS,
        `Too many subscriptions: a connection may have ${this.#maxSubscriptions}`,
      );
    }
    this.#subscriptions.set(uri, watch());
    former?.();
  }

  unsubscribe(uri: string): void {
    for (const arrival of this.#arrivals) {
      if (arrival.uri === uri) arrival.withdrawn = true;
    }
    this.#subscriptions.get(uri)?.();
    this.#subscriptions.delete(uri);
  }

  /** @param end called when it closes; at once where it has */
  onClose(end: () => void): void {
    if (this.#closed) end();
    else this.#ends.add(end);
  }

  close(): void {
    this.#closed = true;
    for (const end of this.#ends) end();
    this.#ends.clear();
    for (const end of this.#subscriptions.values()) end();
    this.#subscriptions.clear();
  }
}
