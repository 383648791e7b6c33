/** Half of the window at the most. */
const WIDEST = 1 / 2;

/** Time without a drop after which the slack is halved. */
const CALM_MS = 100;

/**
 * The share of the window that stays empty for entries that moka has not decided on.
 *
 * None while moka keeps up, so that a quiet store uses its bounds to the full; one entry's worth
 * after the first entry that had to be dropped for want of room, doubled by each further one, halved
 * again after a calm.
 */
export class WindowSlack {
  /** 0 to 1/2. */
  share = 0;
  readonly #narrowest: number;
  #changedAt = 0;

  constructor(windowEntries: number) {
    this.#narrowest = Math.min(1 / windowEntries, WIDEST);
  }

  /** An entry was dropped at `now`, a clock value. */
  widen(now: number): void {
    this.share = this.share === 0 ? this.#narrowest : Math.min(this.share * 2, WIDEST);
    this.#changedAt = now;
  }

  /** Time has come to `now`. */
  relax(now: number): void {
    if (this.share === 0) return;
    // The clock's origin may have moved up.
    this.#changedAt = Math.min(this.#changedAt, now);
    if (now - this.#changedAt <= CALM_MS) return;
    this.#changedAt = now;
    this.share = this.share > this.#narrowest ? this.share / 2 : 0;
  }
}
