/**
 * A source of time for tests and for hosts that keep their own.
 *
 * A store that is given one does no background work: time passes for it when `now()` says so and
 * one of its methods is called; `sync()` settles everything that is due.
 */
export interface Clock {
  /** @returns the time in ms; may be fractional, must not be NaN. */
  now(): number;
}
