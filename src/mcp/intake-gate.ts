import type { Readable, Writable } from 'node:stream';

/** As many answers may be under way at once. */
export const MAX_UNANSWERED = 64;
/** What a client has not read yet; more is written once it reads on. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/** After each of them there is room, or nobody to write to. */
const EVENTS = ['drain', 'error', 'close'] as const;

/**
 * Takes no more of what a client sends while too much of what it asked for waits to be read: what is
 * held for it is at most so many answers, whatever it sends.
 */
export class IntakeGate {
  readonly #input: Readable;
  readonly #output: Writable;
  #unanswered = 0;
  #isClosed = false;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
  }

  /** @param unanswered requests that have arrived and have no answer yet */
  note(unanswered: number): void {
    this.#unanswered = unanswered;
    this.#turn();
  }

  /** What an answer waits for before it becomes bytes; `undefined` where there is room. */
  room(): Promise<void> | undefined {
    return this.#isClogged ? this.#drained() : undefined;
  }

  get #isClogged(): boolean {
    const { writableLength, writableNeedDrain, destroyed } = this.#output;
    return writableNeedDrain && writableLength > MAX_UNREAD_BYTES && !destroyed;
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const output = this.#output;
      const turn = (): void => {
        // Whoever is gone reads nothing more: the write tells.
        for (const event of EVENTS) output.off(event, turn);
        this.#turn();
        resolve();
      };
      for (const event of EVENTS) output.once(event, turn);
    });
  }

  #turn(): void {
    const isFull = this.#unanswered >= MAX_UNANSWERED || this.#isClogged;
    if (isFull === this.#isClosed) return;
    this.#isClosed = isFull;
    if (isFull) this.#input.pause();
    else this.#input.resume();
  }
}
