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
  readonly #tail: string;

  constructor(id: JSONRPCRequest['id'], { result, hints }: ReadyAnswer, envelope: Envelope) {
    // Spelled as JSON.stringify does, which is what the SDK sends, whatever the client wrote.
    this.#head = `${envelope.before}{"jsonrpc":"2.0","id":${idText(id)},"result":`;
    const isWhole = hints === undefined;
    this.#result = isWhole ? result : result.subarray(0, -1);
    this.#tail = `${isWhole ? '' : `,${hints}}`}}${envelope.after}`;
  }

  get byteLength(): number {
    return Buffer.byteLength(this.#head) + this.#result.byteLength + Buffer.byteLength(this.#tail);
  }

  /**
   * Writes all of it at once, so that nothing else gets between.
   *
   * @returns whether the stream takes more, as `write` does
   */
  writeTo(stream: Writable): boolean {
    if (this.#result.byteLength <= COPIED_BYTES) return stream.write(this.#joined());
    stream.cork();
    stream.write(this.#head);
    stream.write(this.#result);
    const takesMore = stream.write(this.#tail);
    stream.uncork();
    return takesMore;
  }

  #joined(): Buffer {
    const result = this.#result;
    const around = (this.#head.length + this.#tail.length) * MAX_CHARACTER_BYTES;
    const joined = Buffer.allocUnsafe(around + result.byteLength);
    let length = joined.write(this.#head);
    length += result.copy(joined, length);
    length += joined.write(this.#tail, length);
    return joined.subarray(0, length);
  }
}

function idText(id: JSONRPCRequest['id']): string {
  return typeof id === 'number' ? String(id === 0 ? 0 : id) : JSON.stringify(id);
}
