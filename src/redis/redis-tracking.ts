import { Buffer } from 'node:buffer';

import { describeError } from '../describe-value.ts';
import type { Logger } from '../logger.ts';

/** What is asked of a connection that Redis tells of changes. */
export interface TrackingClient {
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(args: readonly string[]): Promise<unknown>;
  on(event: string, listener: (told?: unknown) => void): unknown;
}

/** What is told of a connection that Redis tells of changes. */
export interface TrackingListener {
  /** Somebody, perhaps this process, has changed a key; `undefined`: any of them. */
  changed(key: string | undefined): void;
  /** All is told from here on; before the first time, and after `lost`, it was not. */
  ready(): void;
  lost(cause: unknown): void;
}

/**
 * One more connection, over which Redis names every key with one of some prefixes that changes (client
 * tracking in mode BCAST, RESP3). Names only: values stay where they are.
 */
export class RedisTracking {
  /** Settled once the first attempt to be told has succeeded or failed. */
  readonly started: Promise<void>;
  readonly #client: TrackingClient;
  readonly #prefixes: readonly string[];
  readonly #listener: TrackingListener;
  readonly #logger: Logger | undefined;
  #start: () => void = () => {};
  #isReady = false;
  #isClosed = false;

  /** @param client made with `emitInvalidate`, not connected; it is closed with this */
  constructor(
    client: TrackingClient,
    prefixes: readonly string[],
    listener: TrackingListener,
    logger: Logger | undefined,
  ) {
    this.#client = client;
    this.#prefixes = prefixes;
    this.#listener = listener;
    this.#logger = logger;
    this.started = new Promise((resolve) => {
      this.#start = resolve;
    });
    client.on('ready', () => void this.#track());
    client.on('error', (cause) => this.#lose(cause));
    client.on('end', (cause) => this.#lose(cause));
    client.on('invalidate', (key) => this.#hear(key));
    client.connect().catch((cause: unknown) => this.#lose(cause));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#start();
    try {
      this.#client.destroy();
    } catch {
      // it was not open
    }
  }

  /** The client has asked for another mode as it connected: of keys that it has read itself. */
  async #track(): Promise<void> {
    const prefixes = this.#prefixes.flatMap((prefix) => ['PREFIX', prefix]);
    try {
      await this.#client.sendCommand(['CLIENT', 'TRACKING', 'OFF']);
      await this.#client.sendCommand(['CLIENT', 'TRACKING', 'ON', 'BCAST', ...prefixes]);
    } catch (cause) {
      this.#logger?.warn('Redis does not tell of changes', { cause: describeError(cause) });
      this.#lose(cause);
      return;
    }
    if (this.#isClosed) return;
    this.#isReady = true;
    this.#listener.ready();
    this.#start();
  }

  #hear(key: unknown): void {
    if (this.#isClosed) return;
    // Without a key: all of them, as after a flush.
    const isKey = typeof key === 'string' || Buffer.isBuffer(key);
    this.#listener.changed(isKey ? key.toString() : undefined);
  }

  #lose(cause: unknown): void {
    this.#start();
    if (this.#isClosed || !this.#isReady) return;
    this.#isReady = false;
    this.#logger?.warn('Redis does not tell of changes any more', { cause: describeError(cause) });
    this.#listener.lost(cause);
  }
}
