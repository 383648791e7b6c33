import { Buffer } from 'node:buffer';

const NEWLINE = 10;

/** Who takes what a stream of lines is split into; each may end the splitting for now. */
export interface LineTaker {
  /** A whole line without its end, in UTF-8. @returns whether it was taken: else it comes again by `pass` */
  line(text: string): boolean;
  /** Bytes of lines that were not taken, with their ends, in the order of arrival. */
  pass(bytes: Buffer): void;
  /** Whether no more is to be taken for now. */
  isFull(): boolean;
}

/**
 * Finds the lines of a stream that may be taken, and passes all else on as it comes: of a line that is
 * too long to be taken nothing is held.
 */
export class LineSplitter {
  readonly #taker: LineTaker;
  readonly #maxLineBytes: number;
  /** The beginning of a line that may still be taken. */
  #head: Buffer | undefined;
  /** Whether the end of a line that is passed on has not arrived. */
  #isPassing = false;

  /** @param maxLineBytes of a line that may be taken */
  constructor(maxLineBytes: number, taker: LineTaker) {
    this.#maxLineBytes = maxLineBytes;
    this.#taker = taker;
  }

  /** @returns what is left of the bytes where the taker is full; none of it was looked at. */
  split(chunk: Buffer): Buffer | undefined {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#taker.isFull()) return chunk.subarray(start);
      this.#endLine(chunk, start, end + 1);
      start = end + 1;
    }
    if (start < chunk.length) {
      if (this.#taker.isFull()) return chunk.subarray(start);
      this.#begin(chunk.subarray(start));
    }
    return undefined;
  }

  #endLine(chunk: Buffer, start: number, end: number): void {
    if (this.#head === undefined && !this.#isPassing) {
      this.#take(chunk, start, end);
      return;
    }
    const rest = chunk.subarray(start, end);
    const line = this.#head === undefined ? rest : Buffer.concat([this.#head, rest]);
    this.#head = undefined;
    if (this.#isPassing) this.#taker.pass(line);
    else this.#take(line, 0, line.length);
    this.#isPassing = false;
  }

  /** Of a line that is taken nothing is made but its text. */
  #take(bytes: Buffer, start: number, end: number): void {
    const isShort = end - start <= this.#maxLineBytes;
    if (isShort && this.#taker.line(bytes.toString('utf8', start, end - 1))) return;
    this.#taker.pass(bytes.subarray(start, end));
  }

  #begin(part: Buffer): void {
    if (this.#isPassing) {
      this.#taker.pass(part);
      return;
    }
    const head = this.#head === undefined ? part : Buffer.concat([this.#head, part]);
    this.#isPassing = head.length > this.#maxLineBytes;
    this.#head = this.#isPassing ? undefined : head;
    if (this.#isPassing) this.#taker.pass(head);
  }
}
