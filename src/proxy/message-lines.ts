const NEWLINE = 10;
/** An id stands at one of the ends of a message: `{"jsonrpc":"2.0","id":1,…` or `…,"id":1}`. */
const END_BYTES = 256;

/** What is told of a line that was too long. */
export interface DroppedLine {
  readonly bytes: number;
  readonly head: string;
  readonly tail: string;
}

/**
 * Cuts a stream into lines, and drops those that are too long while they arrive: what a peer sends
 * without a line break must not fill the memory, and must not end the connection.
 */
export class MessageLines {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  readonly #onDrop: (line: DroppedLine) => void;
  /** The beginning of a line whose end has not arrived. */
  #parts: Buffer[] = [];
  #bytes = 0;
  #head = Buffer.alloc(0);
  #tail = Buffer.alloc(0);

  constructor(
    maxBytes: number,
    onLine: (line: string) => void,
    onDrop: (line: DroppedLine) => void,
  ) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onDrop = onDrop;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#take(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    if (start < chunk.length) this.#take(chunk.subarray(start));
  }

  #take(part: Buffer): void {
    const before = this.#bytes;
    this.#bytes += part.length;
    if (this.#bytes <= this.#maxBytes) {
      this.#parts.push(part);
      return;
    }
    if (before <= this.#maxBytes) {
      const whole = Buffer.concat([...this.#parts, part.subarray(0, END_BYTES)]);
      this.#head = Buffer.from(whole.subarray(0, END_BYTES));
      this.#parts = [];
    }
    this.#tail = Buffer.from(Buffer.concat([this.#tail, part]).subarray(-END_BYTES));
  }

  #endLine(): void {
    if (this.#bytes > this.#maxBytes) {
      const [head, tail] = [this.#head.toString(), this.#tail.toString()];
      this.#onDrop({ bytes: this.#bytes, head, tail });
    } else {
      const [first] = this.#parts;
      const line = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts);
      const text = line.toString().trim();
      if (text !== '') this.#onLine(text);
    }
    this.#parts = [];
    this.#bytes = 0;
    this.#head = Buffer.alloc(0);
    this.#tail = Buffer.alloc(0);
  }
}

/** @returns the id of the response that a line may have been. */
export function responseIdOf({ head, tail }: DroppedLine): string | number | undefined {
  if (head.includes('"method"')) return undefined;
  const found =
    /^\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d+|"[^"\\]*")/.exec(head) ??
    /"id"\s*:\s*(\d+|"[^"\\]*")\s*\}\s*$/.exec(tail) ??
    /"id"\s*:\s*(\d+|"[^"\\]*")\s*,\s*"jsonrpc"\s*:\s*"2\.0"\s*\}\s*$/.exec(tail) ??
    /"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d+|"[^"\\]*")\s*\}\s*$/.exec(tail);
  return found?.[1] === undefined ? undefined : (JSON.parse(found[1]) as string | number);
}
