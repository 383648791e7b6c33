/** Lifetimes and tags that differ from the ordinary; most entries have none and share no object. */
export interface EntryExtras {
  /** ms after the last access at which the entry expires; 0 = off. */
  readonly idleTtlMs: number;
  readonly tags: readonly string[];
}

/**
 * One resident of a heap store.
 *
 * Every field that the hit path reads is a small integer while the store runs on the native clock:
 * a double field would be a heap object of its own, which costs a set more than all else in it
 * (design notes: ARCHITECTURE.md, "Time in an entry").
 */
export class Entry<V> {
  // What a hit reads and writes comes first, so that it shares a cache line or two.
  value: V;
  /** When the value was set, on the store's clock. */
  born = 0;
  /**
   * Up to this age a hit needs no further check. The whole time to live where that is short enough
   * and nothing else ends the entry; a negative one sends every hit to the slow path.
   */
  fastTtl = 0;
  accessCount = 0;
  /** Last access, on the store's clock. */
  accessedAt = 0;
  /** The epoch in which an access was last told to the order; another one in the same is not. */
  recordedIn = -1;
  slot = -1;
  uri: string;
  /** Bytes; as long as it is not weighed, so many at the most. */
  weight = 0;
  isWeighed = true;
  extras: EntryExtras | undefined = undefined;
  /** Time to live in ms; 0 = never expires. */
  ttlMs = 0;

  constructor(uri: string, value: V) {
    this.uri = uri;
    this.value = value;
  }

  /** The life of a value begins; who holds the entry, and where, stays as it is. */
  begin(
    value: V,
    weight: number,
    now: number,
    fastTtl: number,
    ttlMs: number,
    extras: EntryExtras | undefined,
  ): void {
    this.value = value;
    this.weight = weight;
    this.isWeighed = true;
    this.born = now;
    this.fastTtl = fastTtl;
    this.ttlMs = ttlMs;
    this.accessedAt = now;
    this.accessCount = 0;
    this.extras = extras;
  }
}

/** @returns the clock value up to which the entry lives, inclusive; Infinity = for ever. */
export function deadlineOf(entry: Entry<unknown>): number {
  const byAge = entry.ttlMs === 0 ? Infinity : entry.born + entry.ttlMs;
  const idleTtlMs = entry.extras?.idleTtlMs ?? 0;
  return idleTtlMs === 0 ? byAge : Math.min(byAge, entry.accessedAt + idleTtlMs);
}
