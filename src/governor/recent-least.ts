/** The least value of about the last span of time: of the half of it that is under way, and of that before. */
export class RecentLeast {
  readonly #halfMs: number;
  #half = -Infinity;
  #now = Infinity;
  #before = Infinity;

  constructor(spanMs: number) {
    this.#halfMs = spanMs / 2;
  }

  /** Adds a value. @returns the least of late */
  least(value: number, atMs: number): number {
    const half = Math.floor(atMs / this.#halfMs);
    if (half !== this.#half) {
      // What is older than the half before says nothing any more.
      this.#before = half === this.#half + 1 ? this.#now : Infinity;
      this.#now = Infinity;
      this.#half = half;
    }
    this.#now = Math.min(this.#now, value);
    return Math.min(this.#now, this.#before);
  }
}
