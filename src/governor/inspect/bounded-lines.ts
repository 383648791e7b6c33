const NEWLINE = 10;

/** Cuts a stream of bytes into lines of UTF-8, holding no more than one line at a time. */
export class BoundedLines {
  readonly #maxLineBytes: number;
  /** The beginning of a line whose end has not arrived, and room for more. */
  #buffer = Buffer.alloc(0);
  #length = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /**
   * @returns the lines that a piece completes, without their ends
   * @throws RangeError once a line is longer than the bound, whether or not its end has arrived
   */
  *take(piece: Buffer): IterableIterator<string> {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      this.#add(piece.subarray(start, end));
      const line = this.#buffer.toString('utf8', 0, this.#length);
      this.#length = 0;
      start = end + 1;
      yield line;
    }
    this.#add(piece.subarray(start));
  }

  #add(part: Buffer): void {
    const length = this.#length + part.length;
    if (length > this.#maxLineBytes) {
      throw new RangeError(`a line is longer than ${this.#maxLineBytes} bytes`);
    }
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#maxLineBytes, length * 2));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    part.copy(this.#buffer, this.#length);
    this.#length = length;
  }
}
