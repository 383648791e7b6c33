/** Deadlines closer together than this share one run of the timer; well under the 50 ms promised. */
const COALESCE_MS = 10;

/**
 * Longest sleep. The timer runs on a clock that stands still in suspend and the deadlines do not,
 * so after a suspend what has expired is freed at most this late (it is never returned meanwhile).
 */
const LONGEST_MS = 60_000;

/** What the timer runs. */
export interface Expiring {
  expireInBackground(): void;
}

/** One unreferenced timer; keeps neither the process nor a dropped store alive. */
export class ExpiryTimer {
  /** The clock value that the timer was armed for; Infinity while it is not, -Infinity since it has fired. */
  armedFor = Infinity;
  readonly #store: WeakRef<Expiring>;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Expiring) {
    this.#store = new WeakRef(store);
  }

  /**
   * @param due clock value at which to look next; Infinity only disarms
   * @param now the clock
   */
  arm(due: number, now: number): void {
    this.disarm();
    if (due === Infinity) return;
    this.armedFor = due;
    const store = this.#store;
    const wait = Math.min(Math.max(Math.ceil(due - now), COALESCE_MS), LONGEST_MS);
    this.#timer = setTimeout(() => {
      // Whether or not that is the time it was armed for, it has to be armed anew.
      this.armedFor = -Infinity;
      store.deref()?.expireInBackground();
    }, wait);
    this.#timer.unref();
  }

  disarm(): void {
    this.armedFor = Infinity;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
