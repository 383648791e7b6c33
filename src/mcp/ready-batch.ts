import type { Writable } from 'node:stream';

import { ReadyMessage } from './ready-answer.ts';

/** With so much at hand, in bytes, what is to go out together goes out. */
const MAX_BATCH_BYTES = 64 * 1024;

/**
 * Answers that are found one after the other in a turn and go out in one write: to be flushed before
 * anything else may write, and before the turn ends. A write of sixteen parts takes the system some
 * three times as long as one of the same bytes.
 */
export class ReadyBatch {
  readonly #stream: Writable;
  #messages: ReadyMessage[] = [];
  #bytes = 0;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  add(message: ReadyMessage): void {
    if (!message.isSmall) {
      this.flush();
      message.writeTo(this.#stream);
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.maxBytes;
    if (this.#bytes >= MAX_BATCH_BYTES) this.flush();
  }

  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    this.#stream.write(ReadyMessage.join(messages));
  }
}
