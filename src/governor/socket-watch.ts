import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';

/** Told of each socket as it is opened, in the context of who opens it. */
export type SocketOpened = (socket: Socket, pooled: boolean) => void;

/** Whether an agent of node:http keeps the socket for whoever asks next. */
export function isPooled(socket: Socket): boolean {
  return socket.listenerCount('agentRemove') > 0;
}

/**
 * Sees the sockets of this thread as Node announces them: those of net, http, and of undici, which is fetch. Those of
 * https are no `net.client.socket` and are taken from their request.
 */
export class SocketWatch {
  readonly #opened: SocketOpened;
  readonly #inContext: () => (run: () => void) => void;
  readonly #known = new WeakSet<Socket>();
  readonly #channels: readonly (readonly [string, (message: unknown) => void])[] = [
    ['net.client.socket', (message) => this.#see((message as { socket: Socket }).socket, false)],
    ['net.server.socket', (message) => this.#see((message as { socket: Socket }).socket, false)],
    [
      'undici:client:connected',
      (message) => this.#see((message as { socket: Socket }).socket, true),
    ],
    [
      'http.client.request.start',
      (message) => this.#request((message as { request: ClientRequest }).request),
    ],
  ];

  /** @param inContext - keeps the context of its call, and returns what runs a function in it */
  constructor(opened: SocketOpened, inContext: () => (run: () => void) => void) {
    this.#opened = opened;
    this.#inContext = inContext;
    for (const [name, listener] of this.#channels) subscribe(name, listener);
  }

  close(): void {
    for (const [name, listener] of this.#channels) unsubscribe(name, listener);
  }

  #see(socket: Socket, pooled: boolean): void {
    const known = this.#known.has(socket);
    this.#known.add(socket);
    // undici's sockets are announced by net as well; only undici tells that they are pooled.
    if (!known || pooled) this.#opened(socket, pooled);
  }

  #request(request: ClientRequest): void {
    if (request.socket !== null) return;
    const run = this.#inContext();
    request.once('socket', (socket) => run(() => this.#see(socket, false)));
  }
}
