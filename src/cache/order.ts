/**
 * Decides who stays, by the slots of entries: an exact LRU list, or admission by frequency.
 *
 * The store has entered an entry into its map, its table and its ledger before it tells the order. An
 * order evicts through the store's `Residence`, and nothing is pending when a call returns.
 */
export interface Order {
  /** Takes the bounds of the ledger, and tells it the heaviest entry that this order can keep. */
  readBounds(): void;
  /**
   * A new entry; returns with both bounds held.
   *
   * @param isKnown whether its slot and key have stayed since an entry left there
   */
  admit(slot: number, isKnown: boolean): void;
  /** A resident was read or overwritten. */
  touch(slot: number): void;
  /** A resident has a new weight; returns with both bounds held. */
  reweigh(slot: number): void;
  /** A resident was found to be lighter than it was thought to be. */
  lighten(slot: number): void;
  /** A resident has left: invalidated or expired. Its slot is the order's to release. */
  forget(slot: number): void;
  /** Who is there, least recently used first. */
  residents(): number[];
  /** The ledger's bounds have changed: takes them, and returns with both held. */
  resize(): void;
  /** Every resident is gone, and every slot. */
  clear(): void;
}

/** What an order asks of its store. */
export interface Residence {
  /** Takes a resident out; the order has already let go of it, and still has its slot to release. */
  evict(slot: number): void;
  /** Forgets the key of a slot whose entry has left, and frees the slot. */
  release(slot: number): void;
}
