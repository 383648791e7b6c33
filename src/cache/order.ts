import type { Entry } from './entry.ts';

/**
 * Decides who stays, by the slots of entries: an exact LRU list, or admission by frequency.
 *
 * The store has entered an entry into its map, its slots and its ledger before it tells the order. An
 * order evicts through the store's `Residence`, and nothing is pending when a call returns.
 */
export interface Order<V> {
  /** Takes the bounds of the ledger, and tells it the heaviest entry that this order can keep. */
  readBounds(): void;
  /** A new entry; returns with both bounds held. */
  admit(entry: Entry<V>): void;
  /** A resident was read or overwritten. */
  touch(entry: Entry<V>): void;
  /** A resident has a new weight; returns with both bounds held. */
  reweigh(entry: Entry<V>): void;
  /** A resident was found to be lighter than it was thought to be. */
  lighten(entry: Entry<V>): void;
  /** A resident is about to leave: invalidated or expired. */
  forget(entry: Entry<V>): void;
  /** Who is there, least recently used first. */
  residents(): Entry<V>[];
  /** The ledger's bounds have changed: takes them, and returns with both held. */
  resize(): void;
  /** Every resident is gone. */
  clear(): void;
}

/** What an order asks of its store. */
export interface Residence<V> {
  /** Takes a resident out; the order has already let go of it. */
  evict(entry: Entry<V>): void;
}
