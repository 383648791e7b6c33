/** Delays between attempts: each twice as long as the one before, up to a bound. */
export class BackOff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  #nextMs: number;

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#nextMs = firstMs;
  }

  /** @returns how long to wait before the next attempt, in ms */
  next(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(this.#longestMs, Math.max(1, delayMs) * 2);
    return delayMs;
  }

  reset(): void {
    this.#nextMs = this.#firstMs;
  }
}
