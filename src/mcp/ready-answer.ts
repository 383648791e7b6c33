import { Buffer } from 'node:buffer';
import type { Writable } from 'node:stream';

import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';

/** What is kept of an answer, to be sent as it is. */
export interface ReadyAnswer {
  /** The result as JSON in UTF-8: an object that has members. Nobody may write to it. */
  readonly result: Buffer;
  /**
   * Members that the result gets when it is sent, as JSON without the braces: what changes with time,
   * such as the `ttlMs` that remains.
   */
  readonly hints?: string | undefined;
}

/** What stands around the bytes of an answer on its way. */
export interface Envelope {
  readonly before: string;
  readonly after: string;
}

/** A line of stdio. */
export const LINE: Envelope = { before: '', after: '\n' };
/** The body of an HTTP response. */
export const BODY: Envelope = { before: '', after: '' };
/** An event of a stream, as the SDK writes it. */
export const EVENT: Envelope = { before: 'event: message\ndata: ', after: '\n\n' };

/** Up to here one copy costs less than a write of several parts; in bytes. */
const COPIED_BYTES = 32 * 1024;
/** A character of a string in UTF-8. */
const MAX_CHARACTER_BYTES = 3;

/** The message that answers a request, around bytes that are sent as they are kept. */
export class ReadyMessage {
  readonly #head: string;
  readonly #result: Buffer;
  /** How much of the result goes out: all of it but the brace before which hints are put in. */
  readonly #resultBytes: number;
  readonly #tail: string;

  constructor(id: JSONRPCRequest['id'], { result, hints }: ReadyAnswer, envelope: Envelope) {
    // Spelled as JSON.stringify does, which is what the SDK sends, whatever the client wrote.
    this.#head = `${envelope.before}{"jsonrpc":"2.0","id":${idText(id)},"result":`;
    const isWhole = hints === undefined;
    this.#result = result;
    this.#resultBytes = result.byteLength - (isWhole ? 0 : 1);
    this.#tail = `${isWhole ? '' : `,${hints}}`}}${envelope.after}`;
  }

  /** @returns the bytes of messages one after the other, in one copy */
  static join(messages: readonly ReadyMessage[]): Buffer {
    let bound = 0;
    for (const message of messages) bound += message.maxBytes;
    const joined = Buffer.allocUnsafe(bound);
    let length = 0;
    let text = '';
    for (const message of messages) {
      length += joined.write(text + message.#head, length);
      // A brace too many is written over by what follows.
      joined.set(message.#result, length);
      length += message.#resultBytes;
      text = message.#tail;
    }
    length += joined.write(text, length);
    return joined.subarray(0, length);
  }

  get byteLength(): number {
    return Buffer.byteLength(this.#head) + this.#resultBytes + Buffer.byteLength(this.#tail);
  }

  /** No less than `byteLength`, and known at once. */
  get maxBytes(): number {
    const around = (this.#head.length + this.#tail.length) * MAX_CHARACTER_BYTES;
    return around + this.#result.byteLength;
  }

  /** Whether a copy costs less than a write of several parts. */
  get isSmall(): boolean {
    return this.#result.byteLength <= COPIED_BYTES;
  }

  /** Writes all of it at once, so that nothing else gets between. */
  writeTo(stream: Writable): void {
    if (this.isSmall) {
      stream.write(ReadyMessage.join([this]));
      return;
    }
    stream.cork();
    stream.write(this.#head);
    stream.write(this.#result.subarray(0, this.#resultBytes));
    stream.write(this.#tail);
    stream.uncork();
  }
}

function idText(id: JSONRPCRequest['id']): string {
  return typeof id === 'number' ? String(id === 0 ? 0 : id) : JSON.stringify(id);
}
