/** Where an entry of a `SegmentedQueue` stands. */
const Segment = { window: 0, probation: 1, protected: 2, none: 3 } as const;

/** No node. */
export const NONE = -1;

/** Sentinels of the three lists stand before the nodes. */
const SENTINELS = 3;

/** Words of a node, side by side so that they come with one cache line. */
const NODE_WORDS_LOG = 2;
const NODE_WORDS = 1 << NODE_WORDS_LOG;
const OLDER = 0;
const NEWER = 1;
/** Cost and, in the lowest bits, segment. */
const PLACE = 2;
const HASH = 3;
const SEGMENT_BITS = 2;
const SEGMENT_MASK = 3;

/** The largest cost of a node, and of all that a queue holds. */
export const MOST_COST = 2 ** 28;

/** The share of main that is for entries that were used again there (SLRU). */
const PROTECTED_SHARE = 0.8;

/** What moves from one segment to the next in one call, at most: a new division comes in steps. */
const MOST_MOVES = 8;

/**
 * The order of entries under W-TinyLFU (Einziger, Friedman and Manes, ACM TOS 2017): a window of
 * newcomers in order of use, and a main region of two such lists, probation and protected. Who leaves
 * is the caller's to decide.
 *
 * Entries are small integers, "nodes", each with the hash of its key; all stands in one typed array,
 * which the garbage collector need not look through. A window of the whole capacity is plain LRU.
 */
export class SegmentedQueue {
  /** What each segment holds, in units of cost. */
  readonly #held = new Float64Array(SENTINELS);
  #words: Int32Array;
  #windowCost = 0;
  #mainCost = 0;
  #protectedCost = 0;

  /** @param nodes how many there is room for at first */
  constructor(nodes: number) {
    this.#words = new Int32Array(NODE_WORDS * (SENTINELS + nodes));
    this.clear();
  }

  /** What all of it holds, in units of cost. */
  get cost(): number {
    return this.#held[0]! + this.#held[1]! + this.#held[2]!;
  }

  /**
   * Divides `capacity` anew. Nothing moves at once: the window gives up its oldest, or main its least
   * used, as entries come and are used.
   *
   * @param capacity units of cost
   * @param windowCost units of cost that are the window's
   */
  divide(capacity: number, windowCost: number): void {
    this.#windowCost = windowCost;
    this.#mainCost = capacity - windowCost;
    this.#protectedCost = this.#mainCost * PROTECTED_SHARE;
  }

  has(node: number): boolean {
    const place = this.#words[at(node) + PLACE];
    return place !== undefined && (place & SEGMENT_MASK) !== Segment.none;
  }

  hashOf(node: number): number {
    return this.#words[at(node) + HASH]!;
  }

  costOf(node: number): number {
    return this.#words[at(node) + PLACE]! >> SEGMENT_BITS;
  }

  /**
   * A new entry; it passes the window by where it is larger than that.
   *
   * @param cost at most `MOST_COST`
   * @returns the entry that has just left the window, the youngest of main, or NONE
   */
  enter(node: number, hash: number, cost: number): number {
    if (at(node) >= this.#words.length) this.#grow(node + 1);
    this.#words[at(node) + HASH] = hash;
    if (cost > this.#windowCost) {
      this.#link(Segment.probation, at(node), cost);
      return node;
    }
    this.#link(Segment.window, at(node), cost);
    return this.#held[0]! > this.#windowCost ? this.#spill() : NONE;
  }

  /** An entry was used: it is the youngest of its segment, and of protected if it was in probation. */
  touch(node: number): void {
    const held = this.#held;
    const words = this.#words;
    const place = words[at(node) + PLACE]!;
    const segment = place & SEGMENT_MASK;
    if (segment !== Segment.window) {
      // While main gives way to a larger window, what is still used moves on there.
      if (held[1]! + held[2]! >= this.#mainCost && held[0]! < this.#windowCost) {
        this.#move(node, Segment.window);
        return;
      }
      if (segment === Segment.probation && this.#protectedCost > 0) {
        this.#move(node, Segment.protected);
        this.#demote();
        return;
      }
    }
    // The sentinel is the newer neighbour of the youngest.
    if (words[at(node) + NEWER] !== segment << NODE_WORDS_LOG) this.#move(node, segment);
  }

  /** @returns the entry that has just left the window for it, as `enter` */
  reweigh(node: number, cost: number): number {
    const words = this.#words;
    const place = words[at(node) + PLACE]!;
    const segment = place & SEGMENT_MASK;
    this.#held[segment] = this.#held[segment]! + cost - (place >> SEGMENT_BITS);
    words[at(node) + PLACE] = (cost << SEGMENT_BITS) | segment;
    if (segment !== Segment.window) return NONE;
    if (cost <= this.#windowCost) return this.#spill();
    this.#move(node, Segment.probation);
    return node;
  }

  remove(node: number): void {
    this.#unlink(at(node));
    this.#words[at(node) + PLACE] = Segment.none;
  }

  /** Who leaves next for `candidate`, main's least used; the candidate itself where main has no other. */
  victim(candidate: number): number {
    let node = this.#oldestOf(Segment.probation);
    if (node === candidate && node !== NONE) node = this.#youngerThan(node);
    if (node === NONE) node = this.#oldestOf(Segment.protected);
    if (node !== NONE) return node;
    return candidate === NONE ? this.#oldestOf(Segment.window) : candidate;
  }

  /** The next victim after `node`, or NONE; the window's entries are none. */
  nextVictim(node: number, candidate: number): number {
    const segment = this.#words[at(node) + PLACE]! & SEGMENT_MASK;
    let next = this.#youngerThan(node);
    if (next === candidate && next !== NONE) next = this.#youngerThan(next);
    if (next === NONE && segment === Segment.probation) next = this.#oldestOf(Segment.protected);
    return next;
  }

  clear(): void {
    this.#held.fill(0);
    for (let word = 0; word < this.#words.length; word += NODE_WORDS) {
      this.#words[word + PLACE] = Segment.none;
    }
    for (let sentinel = 0; sentinel < SENTINELS * NODE_WORDS; sentinel += NODE_WORDS) {
      this.#words[sentinel + OLDER] = sentinel;
      this.#words[sentinel + NEWER] = sentinel;
    }
  }

  /** The next younger entry of the same segment, or NONE. */
  #youngerThan(node: number): number {
    return nodeAt(this.#words[at(node) + NEWER]!);
  }

  #oldestOf(segment: number): number {
    return nodeAt(this.#words[(segment << NODE_WORDS_LOG) + NEWER]!);
  }

  /** Moves on what the window has too much of. */
  #spill(): number {
    let last = NONE;
    for (let moves = 0; moves < MOST_MOVES && this.#held[0]! > this.#windowCost; moves++) {
      last = this.#oldestOf(Segment.window);
      this.#move(last, Segment.probation);
    }
    return last;
  }

  #demote(): void {
    for (let moves = 0; moves < MOST_MOVES && this.#held[2]! > this.#protectedCost; moves++) {
      this.#move(this.#oldestOf(Segment.protected), Segment.probation);
    }
  }

  #move(node: number, segment: number): void {
    this.#link(segment, at(node), this.#unlink(at(node)));
  }

  /** As the youngest: the sentinel's older neighbour. */
  #link(segment: number, word: number, cost: number): void {
    const words = this.#words;
    const sentinel = segment << NODE_WORDS_LOG;
    const youngest = words[sentinel + OLDER]!;
    words[sentinel + OLDER] = word;
    words[youngest + NEWER] = word;
    words[word + OLDER] = youngest;
    words[word + NEWER] = sentinel;
    words[word + PLACE] = (cost << SEGMENT_BITS) | segment;
    this.#held[segment] = this.#held[segment]! + cost;
  }

  /** @returns its cost */
  #unlink(word: number): number {
    const words = this.#words;
    const older = words[word + OLDER]!;
    const newer = words[word + NEWER]!;
    words[older + NEWER] = newer;
    words[newer + OLDER] = older;
    const place = words[word + PLACE]!;
    const cost = place >> SEGMENT_BITS;
    const segment = place & SEGMENT_MASK;
    this.#held[segment] = this.#held[segment]! - cost;
    return cost;
  }

  #grow(nodes: number): void {
    const former = this.#words;
    const room = Math.max(SENTINELS + nodes, 2 * (former.length / NODE_WORDS));
    this.#words = new Int32Array(NODE_WORDS * room);
    this.#words.set(former);
    for (let word = former.length; word < this.#words.length; word += NODE_WORDS) {
      this.#words[word + PLACE] = Segment.none;
    }
  }
}

/** Where the words of a node begin. */
function at(node: number): number {
  return (node + SENTINELS) << NODE_WORDS_LOG;
}

/** The node whose words begin there; NONE for a sentinel. */
function nodeAt(word: number): number {
  const node = (word >> NODE_WORDS_LOG) - SENTINELS;
  return node < 0 ? NONE : node;
}
