import type {
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, MessageExtraInfo } from '@modelcontextprotocol/sdk/types.js';

import { describeError } from '../describe-value.ts';
import { overrideMethod } from './method-override.ts';

/** What passes a transport, to be taken up or handed on. */
export interface Tapped {
  receive(message: JSONRPCMessage, extra?: MessageExtraInfo): void;
  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void>;
  closed(): void;
}

/**
 * Stands between a transport and the SDK. It takes the place of `onmessage`, `onclose` and `send`,
 * which are public, so that the server keeps the transport that it was given.
 */
export class TransportTap {
  readonly #transport: Transport;
  readonly #toServer: NonNullable<Transport['onmessage']>;
  readonly #toClient: Transport['send'];
  readonly #undoes: (() => void)[];

  /** @param transport with the SDK's callbacks in place */
  constructor(transport: Transport, tapped: Tapped) {
    this.#transport = transport;
    const { onmessage, onclose } = transport;
    this.#toServer = (message, extra) => onmessage?.call(transport, message, extra);
    const receive: NonNullable<Transport['onmessage']> = (message, extra) =>
      tapped.receive(message, extra);
    const close = (): void => {
      tapped.closed();
      onclose?.call(transport);
    };
    transport.onmessage = receive;
    transport.onclose = close;
    let toClient!: Transport['send'];
    const undoSend = overrideMethod(transport, 'send', (send) => {
      toClient = send;
      return (message, options) => tapped.send(message, options);
    });
    this.#toClient = toClient;
    this.#undoes = [
      undoSend,
      () => {
        if (transport.onmessage === receive) restore(transport, 'onmessage', onmessage);
        if (transport.onclose === close) restore(transport, 'onclose', onclose);
      },
    ];
  }

  /** Hands on to the server, within the call by which the transport did so. */
  toServer(message: JSONRPCMessage, extra?: MessageExtraInfo): void {
    this.#toServer(message, extra);
  }

  toClient(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    return this.#toClient(message, options);
  }

  /** Tells the transport's listener, which the SDK forwards to its server's, of a failure. */
  report(what: string, cause: unknown): void {
    this.#transport.onerror?.(new Error(`${what}: ${describeError(cause)}`, { cause }));
  }

  /** Leaves the transport as it was, unless others have wrapped it since: then all passes as it comes. */
  remove(): void {
    for (const undo of this.#undoes) undo();
  }
}

function restore<Name extends 'onmessage' | 'onclose'>(
  transport: Transport,
  name: Name,
  former: Transport[Name],
): void {
  if (former === undefined) delete transport[name];
  else transport[name] = former;
}
