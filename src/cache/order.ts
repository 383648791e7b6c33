import type { Entry } from './entry.ts';

/**
 * Decides who stays: an exact LRU list or a window in front of moka.
 *
 * The store has entered an entry into its map and its ledger before it tells the order, and has
 * taken it out of both before `forget`. An order evicts through the store's `Residence`.
 */
export interface Order<V> {
  /** Heaviest entry that this order can keep, in bytes. */
  readonly maxEntryBytes: number;
  /** A new entry, which may have been made before `now`; returns with both bounds held. */
  admit(entry: Entry<V>, now: number): void;
  /** A resident was read or overwritten at `now`. */
  touch(entry: Entry<V>, now: number): void;
  /** A resident has a new weight; returns with both bounds held. */
  reweigh(entry: Entry<V>, formerWeight: number): void;
  /** A resident has a new deadline. */
  reschedule(entry: Entry<V>): void;
  /** A resident is gone: invalidated or expired. */
  forget(entry: Entry<V>): void;
  /** Takes out, earliest first, what may have expired by `now`; what still lives is rescheduled. */
  takeDue(now: number): Entry<V>[];
  /** A clock value at or before the next deadline; Infinity when there is none. */
  nextDue(): number;
  /** Who is there, least recently used first; for the change to another order. */
  residents(): Entry<V>[];
  /** The ledger's bounds have changed; returns with both held. */
  resize(): void;
  /** Settles all pending policy work. */
  settle(): void;
  /** Every resident is gone. */
  clear(): void;
  /** The clock's origin has moved by `delta` ms. */
  rebase(delta: number): void;
  close(): void;
}

/** What an order asks of its store. */
export interface Residence<V> {
  /** Takes a resident out of map and ledger; the order has already let go of it. */
  evict(entry: Entry<V>): void;
  /** An entry lives until `deadline`, a clock value; Infinity = for ever. */
  expectDeadline(deadline: number): void;
}
