/** Where an entry of a `SegmentedQueue` stands. */
const Segment = { window: 0, probation: 1, protected: 2, ghosts: 3, none: 4 } as const;

/** No node. */
export const NONE = -1;

/** Sentinels of the four lists stand before the nodes. */
const SENTINELS = 4;

/**
 * Words of a node, side by side so that they come with one cache line. They are placed by bits, not sums:
 * compiled code looks for no overflow.
 */
const NODE_WORDS_LOG = 2;
const NODE_WORDS = 1 << NODE_WORDS_LOG;
const OLDER = 0;
const NEWER = 1;
/** Cost and, in the lowest bits, segment. */
const PLACE = 2;
const TAG = 3;
/** Where the sentinels of two lists begin. */
const WINDOW = Segment.window << NODE_WORDS_LOG;
const GHOSTS = Segment.ghosts << NODE_WORDS_LOG;

const SEGMENT_BITS = 3;
const SEGMENT_MASK = 7;

/** The largest cost of a node, and of all that a queue holds. */
export const MOST_COST = 2 ** 27;

/** The share of main that is for entries that were used again there (SLRU). */
const PROTECTED_SHARE = 0.8;

/** What moves from one segment to the next in one call, at most: a new division comes in steps. */
export const MOST_MOVES = 8;

/**
 * The order of entries under W-TinyLFU (Einziger, Friedman and Manes, ACM TOS 2017): a window of
 * newcomers in order of use, and a main region of two such lists, probation and protected. Who leaves
 * is the caller's to decide. Those who left may stay in a fourth list as ghosts, which cost nothing.
 *
 * Entries are small integers, "nodes", each with a word for its owner, the tag; all stands in one typed
 * array, which the garbage collector need not look through. A window of the whole capacity is plain LRU.
 */
export class SegmentedQueue {
  /** Who leaves when there are more ghosts than so many, the caller hears from `bury`. */
  mostGhosts = 0;
  /** What each segment holds, in units of cost. */
  readonly #held = new Int32Array(SENTINELS);
  /**
   * `NODE_WORDS` words for each sentinel and node, another array after growth. For who counts uses in the
   * tags; all else in it is the queue's own.
   */
  words: Int32Array;
  #windowCost = 0;
  #mainCost = 0;
  #protectedCost = 0;

  /** @param nodes how many there is room for at first */
  constructor(nodes: number) {
    this.words = new Int32Array(NODE_WORDS * (SENTINELS + nodes));
    this.clear();
  }

  /** What all of it holds, in units of cost. */
  get cost(): number {
    return this.#held[0]! + this.#held[1]! + this.#held[2]!;
  }

  /** How many ghosts there are. */
  get ghosts(): number {
    return this.#held[Segment.ghosts]!;
  }

  /**
   * Divides `capacity` anew. Nothing moves at once: the window gives up its oldest, or main its least
   * used, as entries come and are used.
   *
   * @param capacity units of cost
   * @param windowCost units of cost that are the window's
   */
  divide(capacity: number, windowCost: number): void {
    this.#windowCost = Math.floor(windowCost);
    this.#mainCost = Math.floor(capacity - windowCost);
    this.#protectedCost = Math.floor(this.#mainCost * PROTECTED_SHARE);
  }

  /** Whether it is in the window or in main. */
  has(node: number): boolean {
    const place = this.words[at(node) | PLACE];
    return place !== undefined && (place & SEGMENT_MASK) < Segment.ghosts;
  }

  isGhost(node: number): boolean {
    return (this.words[at(node) | PLACE]! & SEGMENT_MASK) === Segment.ghosts;
  }

  costOf(node: number): number {
    return this.words[at(node) | PLACE]! >> SEGMENT_BITS;
  }

  /** Makes room for nodes below this number. */
  reserve(nodes: number): void {
    if (at(nodes) > this.words.length) this.#grow(nodes);
  }

  /**
   * A new entry, or a ghost that returns; it passes the window by where it is larger than that.
   *
   * @param node there is room for it
   * @param cost at most `MOST_COST`
   * @returns who asks for a place in main: this one, if it passes by, or as `overflow`
   */
  enter(node: number, cost: number): number {
    const { words } = this;
    const held = this.#held;
    const word = (node + SENTINELS) << NODE_WORDS_LOG;
    if ((words[word | PLACE]! & SEGMENT_MASK) === Segment.ghosts) this.#unlink(word);
    if (cost > this.#windowCost) {
      this.#link(Segment.probation, word, cost);
      return node;
    }
    // As `#link`, which costs as much again to call.
    const youngest = words[WINDOW | OLDER]!;
    words[WINDOW | OLDER] = word;
    words[youngest | NEWER] = word;
    words[word | OLDER] = youngest;
    words[word | NEWER] = WINDOW;
    words[word | PLACE] = (cost << SEGMENT_BITS) | Segment.window;
    held[0] = held[0]! + cost;
    return held[0] > this.#windowCost ? nodeAt(words[WINDOW | NEWER]!) : NONE;
  }

  /** Who has to leave the window next, as it is too large, or NONE. */
  overflow(): number {
    return this.#held[0]! > this.#windowCost ? this.#oldestOf(Segment.window) : NONE;
  }

  /** An entry of the window becomes the youngest of probation. */
  promote(node: number): void {
    this.#move(node, Segment.probation);
  }

  /** An entry was used: it is the youngest of its segment, and of protected if it was in probation. */
  touch(node: number): void {
    const held = this.#held;
    const { words } = this;
    const place = words[at(node) | PLACE]!;
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
    if (words[at(node) | NEWER] !== segment << NODE_WORDS_LOG) this.#move(node, segment);
  }

  /** @returns whether it has left the window, being too large for it now */
  reweigh(node: number, cost: number): boolean {
    const { words } = this;
    const place = words[at(node) | PLACE]!;
    const segment = place & SEGMENT_MASK;
    this.#held[segment] = this.#held[segment]! + cost - (place >> SEGMENT_BITS);
    words[at(node) | PLACE] = (cost << SEGMENT_BITS) | segment;
    if (segment !== Segment.window || cost <= this.#windowCost) return false;
    this.promote(node);
    return true;
  }

  remove(node: number): void {
    this.#unlink(at(node));
    this.words[at(node) | PLACE] = Segment.none;
  }

  /**
   * An entry leaves and becomes the youngest ghost.
   *
   * @returns the oldest ghost, which is none any more, if there are too many
   */
  bury(node: number): number {
    const { words } = this;
    const held = this.#held;
    const word = (node + SENTINELS) << NODE_WORDS_LOG;
    const older = words[word | OLDER]!;
    const newer = words[word | NEWER]!;
    const place = words[word | PLACE]!;
    const segment = place & SEGMENT_MASK;
    words[older | NEWER] = newer;
    words[newer | OLDER] = older;
    held[segment] = held[segment]! - (place >> SEGMENT_BITS);
    const youngest = words[GHOSTS | OLDER]!;
    words[GHOSTS | OLDER] = word;
    words[youngest | NEWER] = word;
    words[word | OLDER] = youngest;
    words[word | NEWER] = GHOSTS;
    words[word | PLACE] = (1 << SEGMENT_BITS) | Segment.ghosts;
    held[3] = held[3]! + 1;
    return held[3] > this.mostGhosts ? this.exorcise() : NONE;
  }

  /** The oldest ghost is none any more. @returns which it was, or NONE */
  exorcise(): number {
    const { words } = this;
    const word = words[GHOSTS | NEWER]!;
    const node = nodeAt(word);
    if (node === NONE) return NONE;
    const newer = words[word | NEWER]!;
    words[GHOSTS | NEWER] = newer;
    words[newer | OLDER] = GHOSTS;
    words[word | PLACE] = Segment.none;
    this.#held[3] = this.#held[3]! - 1;
    return node;
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
    const segment = this.words[at(node) | PLACE]! & SEGMENT_MASK;
    let next = this.#youngerThan(node);
    if (next === candidate && next !== NONE) next = this.#youngerThan(next);
    if (next === NONE && segment === Segment.probation) next = this.#oldestOf(Segment.protected);
    return next;
  }

  clear(): void {
    this.#held.fill(0);
    for (let word = 0; word < this.words.length; word += NODE_WORDS) {
      this.words[word | PLACE] = Segment.none;
    }
    for (let sentinel = 0; sentinel < SENTINELS * NODE_WORDS; sentinel += NODE_WORDS) {
      this.words[sentinel | OLDER] = sentinel;
      this.words[sentinel | NEWER] = sentinel;
    }
  }

  /** The next younger entry of the same segment, or NONE. */
  #youngerThan(node: number): number {
    return nodeAt(this.words[at(node) | NEWER]!);
  }

  #oldestOf(segment: number): number {
    return nodeAt(this.words[(segment << NODE_WORDS_LOG) | NEWER]!);
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
    const { words } = this;
    const sentinel = segment << NODE_WORDS_LOG;
    const youngest = words[sentinel | OLDER]!;
    words[sentinel | OLDER] = word;
    words[youngest | NEWER] = word;
    words[word | OLDER] = youngest;
    words[word | NEWER] = sentinel;
    words[word | PLACE] = (cost << SEGMENT_BITS) | segment;
    this.#held[segment] = this.#held[segment]! + cost;
  }

  /** @returns its cost */
  #unlink(word: number): number {
    const { words } = this;
    const older = words[word | OLDER]!;
    const newer = words[word | NEWER]!;
    words[older | NEWER] = newer;
    words[newer | OLDER] = older;
    const place = words[word | PLACE]!;
    const cost = place >> SEGMENT_BITS;
    const segment = place & SEGMENT_MASK;
    this.#held[segment] = this.#held[segment]! - cost;
    return cost;
  }

  #grow(nodes: number): void {
    const former = this.words;
    const room = Math.max(SENTINELS + nodes, 2 * (former.length / NODE_WORDS));
    this.words = new Int32Array(NODE_WORDS * room);
    this.words.set(former);
    for (let word = former.length; word < this.words.length; word += NODE_WORDS) {
      this.words[word | PLACE] = Segment.none;
    }
  }
}

/** Where the tag of a node stands among the words: free for its owner, and kept until that changes it. */
export function tagAt(node: number): number {
  return ((node + SENTINELS) << NODE_WORDS_LOG) | TAG;
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
