import type { Socket } from 'node:net';
import { describeError, describeValue } from '../../describe-value.ts';
import { BoundedLines } from './bounded-lines.ts';

/** The longest line that a client may send. */
const MAX_REQUEST_BYTES = 65_536;
export const MIN_INTERVAL_MS = 100;
export const MAX_INTERVAL_MS = 60_000;
const DEFAULT_INTERVAL_MS = 1_000;
/** A client that takes nothing for this long does not watch. */
const STALLED_MS = 3 * MAX_INTERVAL_MS;
/** How long a client that was refused may take to read why. */
const FAREWELL_MS = 1_000;
/** How much of what it still sends is read. */
const MAX_UNHEARD_BYTES = 1_048_576;

/**
 * A client of an inspection endpoint. It gets a line with a snapshot at once and each `intervalMs`, none while it has
 * not taken the last one: it never has more than one in this process's memory. Nothing of it keeps the process alive.
 */
export class Watcher {
  readonly #socket: Socket;
  readonly #takeLine: () => string;
  readonly #lines = new BoundedLines(MAX_REQUEST_BYTES);
  #timer: NodeJS.Timeout | undefined;
  #isRefused = false;
  #unheardBytes = 0;

  /**
   * @param takeLine - makes the line that is sent
   * @param isGreeted - whether it is told before it has asked
   */
  constructor(socket: Socket, takeLine: () => string, isGreeted: boolean) {
    this.#socket = socket;
    this.#takeLine = takeLine;
    socket.unref();
    socket.setTimeout(STALLED_MS, () => socket.destroy());
    // Of a connection that is gone, which `close` tells.
    socket.on('error', () => {});
    socket.once('close', () => clearInterval(this.#timer));
    socket.on('data', (piece: Buffer) => this.#receive(piece));
    if (isGreeted) this.#watch(DEFAULT_INTERVAL_MS);
  }

  /** Says why in a last line, and hangs up. */
  refuse(reason: string): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    clearInterval(this.#timer);
    this.#socket.end(`${JSON.stringify({ error: reason })}\n`);
    setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #receive(piece: Buffer): void {
    if (this.#isRefused) {
      // To hang up with something unread may take the answer away from the client; but there is an end to that.
      this.#unheardBytes += piece.length;
      if (this.#unheardBytes > MAX_UNHEARD_BYTES) this.#socket.pause();
      return;
    }
    try {
      for (const line of this.#lines.take(piece)) this.#watch(intervalOf(line));
    } catch (error) {
      this.refuse(describeError(error));
    }
  }

  #watch(intervalMs: number): void {
    const isFirst = this.#timer === undefined;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tell(), intervalMs).unref();
    if (isFirst) this.#tell();
  }

  #tell(): void {
    if (this.#socket.writableLength > 0 || !this.#socket.writable) return;
    try {
      this.#socket.write(this.#takeLine());
    } catch (error) {
      this.refuse(`there is no snapshot: ${describeError(error)}`);
    }
  }
}

/** @throws Error naming what a line must be */
function intervalOf(line: string): number {
  let asked: unknown;
  try {
    asked = JSON.parse(line);
  } catch {
    asked = undefined;
  }
  const isObject = typeof asked === 'object' && asked !== null && !Array.isArray(asked);
  const [[name, value] = [], ...rest] = isObject ? Object.entries(asked as object) : [];
  const isInterval =
    name === 'intervalMs' &&
    rest.length === 0 &&
    typeof value === 'number' &&
    value >= MIN_INTERVAL_MS &&
    value <= MAX_INTERVAL_MS;
  if (isInterval) return value;
  throw new Error(
    `a line must be {"intervalMs":N}, N from ${MIN_INTERVAL_MS} to ${MAX_INTERVAL_MS}, got ${describeValue(line)}`,
  );
}
