import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

import type { Logger } from '../logger.ts';
import { atMost, DRAIN_MS } from '../mcp/endpoint.ts';
import type { Front } from './front.ts';
import { MessageLines } from './message-lines.ts';
import {
  errorAnswer,
  INVALID_REQUEST,
  PARSE_ERROR,
  parseMessages,
  type Answer,
  type Message,
} from './message.ts';
import type { ClientLink, Relay } from './relay.ts';

export interface StdioFrontOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly maxMessageBytes: number;
  /** Makes the way to the upstream; not open yet. */
  readonly newRelay: (client: ClientLink) => Relay;
  readonly logger: Logger;
}

/** How much may wait for a client that does not read. */
const MAX_UNREAD_BYTES = 1_048_576;

/** One client over stdin and stdout. */
export class StdioFront implements Front, ClientLink {
  readonly ended: Promise<string>;
  readonly #options: StdioFrontOptions;
  readonly #relay: Relay;
  readonly #ended: (reason: string) => void;
  /** What waits until the client reads on: not even text yet, where the cache has it. */
  readonly #unsent: { readonly text: string }[] = [];
  #isFailed = false;
  #isDraining = false;

  constructor(options: StdioFrontOptions) {
    this.#options = options;
    let ended!: (reason: string) => void;
    this.ended = new Promise((resolve) => {
      ended = resolve;
    });
    this.#ended = ended;
    this.#relay = options.newRelay(this);
    this.#listen();
    this.#relay.open();
  }

  get failed(): boolean {
    return this.#isFailed;
  }

  get sessions(): number {
    return 1;
  }

  send(message: Message): void {
    this.#send(message);
    // Answers from the cache come without the upstream, which is paused by others.
    if (this.isClogged) this.#options.input.pause();
  }

  get isClogged(): boolean {
    return this.#unsent.length > 0 || this.#isOutputFull;
  }

  end(reason: string): void {
    this.#isFailed = true;
    this.#ended(reason);
  }

  async drain(): Promise<void> {
    const { input, output } = this.#options;
    this.#isDraining = true;
    input.pause();
    if (!output.errored) {
      await atMost(
        DRAIN_MS,
        this.#relay.idle().then(() => this.#flushed()),
      );
    }
    await this.#relay.close();
    input.destroy();
  }

  #listen(): void {
    const { input, output, maxMessageBytes, logger } = this.#options;
    const lines = new MessageLines(
      maxMessageBytes,
      (line) => this.#take(line),
      ({ bytes }) => {
        const reason = `a line of ${bytes} bytes is longer than ${maxMessageBytes}`;
        logger.warn('a line was dropped', { reason });
        this.#refuse(errorAnswer(INVALID_REQUEST, `Invalid request: ${reason}`));
      },
    );
    input.on('data', (chunk: Buffer) => {
      lines.push(chunk);
      if (this.#relay.isClogged || this.isClogged) input.pause();
    });
    this.#relay.onDrained = () => this.#takeIn();
    input.once('end', () => this.#ended('end of input'));
    input.once('error', (error) => this.#ended(`the input failed: ${error.message}`));
    output.on('drain', () => {
      this.#sendMore();
      if (this.isClogged) return;
      this.#relay.clientDrained();
      this.#takeIn();
    });
    // EPIPE: the client is gone, and with it everybody who could be told so.
    output.on('error', () => this.#ended('nobody reads the output'));
  }

  /** Goes on with the input where neither side has more than it takes. */
  #takeIn(): void {
    const { input } = this.#options;
    if (!this.#isDraining && !this.#relay.isClogged && !this.isClogged) input.resume();
  }

  #take(line: string): void {
    let messages: readonly Message[];
    try {
      messages = parseMessages(line);
    } catch (error) {
      const { message: reason } = error as Error;
      this.#options.logger.warn('a line was ignored', { reason });
      const isJson = !(error instanceof SyntaxError);
      this.#refuse(
        isJson
          ? errorAnswer(INVALID_REQUEST, `Invalid request: ${reason}`)
          : errorAnswer(PARSE_ERROR, 'Parse error'),
      );
      return;
    }
    // Who is told apart from nobody is one.
    for (const message of messages) this.#relay.receive(message, { partition: this.#relay.id });
  }

  /** What has no id that is known (JSON-RPC 2.0, section 5). */
  #refuse(answer: Answer): void {
    this.#send({ text: JSON.stringify({ jsonrpc: '2.0', id: null, ...answer }) });
  }

  #send(message: { readonly text: string }): void {
    if (this.isClogged) this.#unsent.push(message);
    else this.#write(message);
  }

  #sendMore(): void {
    let sent = 0;
    while (sent < this.#unsent.length && !this.#isOutputFull) this.#write(this.#unsent[sent++]!);
    this.#unsent.splice(0, sent);
  }

  #write({ text }: { readonly text: string }): void {
    const { output } = this.#options;
    if (output.writable) output.write(`${text}\n`);
  }

  get #isOutputFull(): boolean {
    return this.#options.output.writableLength > MAX_UNREAD_BYTES;
  }

  async #flushed(): Promise<void> {
    const { output } = this.#options;
    while (this.#unsent.length > 0) await once(output, 'drain');
    await new Promise<void>((resolve) => {
      output.write('', () => resolve());
    });
  }
}
