/** Half of the window at the most. */
const WIDEST = 1 / 2;

/** Offers without a drop, per entry of slack, after which the slack is halved. */
const CALM_OFFERS = 16;

/**
 * The share of the window that stays empty for entries that moka has not decided on.
 *
 * One entry's worth while moka keeps up; doubled by each entry that had to be dropped for want of
 * room, halved again after a calm. So a quiet store uses all of its bounds but one entry, and a
 * flood drops few entries unseen.
 */
export class WindowSlack {
  /** 0 to 1/2. */
  share: number;
  readonly #narrowest: number;
  readonly #windowEntries: number;
  #offers = 0;

  constructor(windowEntries: number) {
    this.#windowEntries = windowEntries;
    this.#narrowest = Math.min(1 / windowEntries, WIDEST);
    this.share = this.#narrowest;
  }

  /** An entry was dropped. */
  widen(): void {
    this.#offers = 0;
    this.share = Math.min(this.share * 2, WIDEST);
  }

  /** An entry was offered. */
  narrow(): void {
    this.#offers++;
    if (this.#offers < CALM_OFFERS * this.#windowEntries * this.share) return;
    this.#offers = 0;
    this.share = Math.max(this.share / 2, this.#narrowest);
  }
}
