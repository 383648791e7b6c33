/** What a store holds and may hold; one object, shared by the store and its order. */
export interface Ledger {
  size: number;
  weightBytes: number;
  maxEntries: number;
  maxBytes: number;
  /** Heavier entries are not kept; the order's word. */
  maxEntryBytes: number;
}

/** @returns whether the store holds more than one of its bounds allows. */
export function isOver(ledger: Ledger): boolean {
  return ledger.size > ledger.maxEntries || ledger.weightBytes > ledger.maxBytes;
}
