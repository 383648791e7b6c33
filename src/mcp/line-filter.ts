import { Transform, type TransformCallback } from 'node:stream';

const NEWLINE = 10;

/**
 * Lets whole lines through, one at a time, and drops those that are too long while they arrive: what
 * a peer sends without a line break must not fill the memory, and must not end the connection.
 */
export class LineFilter extends Transform {
  readonly #maxLineBytes: number;
  readonly #onDrop: (reason: string) => void;
  /** The beginning of a line whose end has not arrived. */
  #parts: Buffer[] = [];
  #length = 0;

  /** @param onDrop is told why a line was dropped */
  constructor(maxLineBytes: number, onDrop: (reason: string) => void) {
    super();
    this.#maxLineBytes = maxLineBytes;
    this.#onDrop = onDrop;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#take(chunk.subarray(start, end + 1));
      this.#endLine();
      start = end + 1;
    }
    if (start < chunk.length) this.#take(chunk.subarray(start));
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#length > 0)
      this.#onDrop(`the input ended within a line, after ${this.#length} bytes`);
    done();
  }

  #take(part: Buffer): void {
    this.#length += part.length;
    if (this.#length <= this.#maxLineBytes) this.#parts.push(part);
    else this.#parts = [];
  }

  #endLine(): void {
    if (this.#length > this.#maxLineBytes) {
      this.#onDrop(`a line of ${this.#length} bytes is longer than ${this.#maxLineBytes}`);
    } else {
      this.push(this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts));
    }
    this.#parts = [];
    this.#length = 0;
  }
}
