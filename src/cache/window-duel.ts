import { MOST_MOVES, NONE, SegmentedQueue } from './segmented-queue.ts';
import type { UseCounts } from './use-counts.ts';

/**
 * Shares of the capacity that the window may have: from nearly all TinyLFU, which is best for loops
 * and skewed popularity, to plain LRU, which is best where what is new is used soon.
 */
export const WINDOW_SHARES: readonly number[] = [0.01, 0.1, 0.35, 1];

/** The share before anything is known: none of the workloads measured is far from its best with it. */
export const FIRST_SHARE = 0.1;

/** Entries of a shadow, at least half of this and at most this. */
const SHADOW_ENTRIES = 256;

/** One key in this many is followed where the cache is small: all of them. */
const DENSEST_SAMPLE = 1;

/** What remains of a score after each round of as many accesses as a shadow has entries. */
const DECAY = 0.98;

/** A lead below so many standard deviations of a count of hits may be chance. */
const MARGIN = 0.15;

/** In `#nodes`: no shadow has the slot. */
const NOWHERE = 0;
/** What stands there for node 0. */
const FIRST_NODE = 1;

/** Keys return if one in so many accesses is one that some shadow has. */
const FEWEST_RETURNING = 64;

interface Shadow {
  readonly queue: SegmentedQueue;
  score: number;
}

/**
 * Finds which share of the cache its window of newcomers should have.
 *
 * A random sample of the keys goes through one small cache for each share, scaled down like the sample
 * (as in miniature simulations; Waldspurger et al., USENIX ATC 2017). The share whose shadow hits most,
 * of late, is the one. What loses is told from what wins within some ten times the capacity of accesses;
 * switching costs little, since queues change step by step.
 *
 * Keys are known by their slots. One that is in a shadow must keep its slot: the duel tells which have
 * left all of them.
 */
export class WindowDuel {
  /** The share that has been best so far. */
  share: number;
  /** Whether it pays to remember who left: of late some keys came back. */
  areReturning = true;
  readonly #uses: UseCounts;
  /** One key in so many is in the sample. */
  readonly #sample: number;
  /** Keys until the next one of the sample. */
  #skip = 0;
  readonly #capacity: number;
  readonly #shadows: Shadow[];
  /** By slot: its node in the shadows, counted from `FIRST_NODE`. */
  #nodes = new Int32Array(0);
  /** By node. */
  readonly #slots: number[] = [];
  /** In how many shadows each node is. */
  readonly #places: number[] = [];
  readonly #free: number[] = [];
  #left: number[] = [];
  #random = 1;
  readonly #roundLength: number;
  #roundSeen = 0;
  /** Of the rounds so far, each for half of the next. */
  #recentSeen = 0;
  #recentHits = 0;
  #weightSeen = 0;
  #leader: number;

  /**
   * @param entries how many the cache holds when it is full
   * @param capacity of the cache in units of cost
   * @param uses counts by slot
   * @param share of `WINDOW_SHARES`, that the cache has now
   */
  constructor(entries: number, capacity: number, uses: UseCounts, share: number) {
    this.share = share;
    this.#leader = WINDOW_SHARES.indexOf(share);
    let sample = DENSEST_SAMPLE;
    while (entries / sample > SHADOW_ENTRIES) sample *= 2;
    this.#uses = uses;
    this.#sample = sample;
    this.#capacity = capacity / sample;
    this.#roundLength = Math.max(1, Math.round(entries / sample));
    this.#shadows = WINDOW_SHARES.map((share) => {
      const queue = new SegmentedQueue(this.#roundLength);
      queue.divide(this.#capacity, windowCost(this.#capacity, share, capacity / entries));
      return { queue, score: 0 };
    });
  }

  /** Whether any shadow has it. */
  follows(slot: number): boolean {
    return (this.#nodes[slot] ?? NOWHERE) !== NOWHERE;
  }

  /** The slots that any shadow has. */
  followed(): number[] {
    return this.#slots.filter((slot, node) => this.#nodes[slot] === FIRST_NODE + node);
  }

  /**
   * Whether the next new key is one of the sample. To be asked once for each, and kept.
   *
   * The gaps are drawn, not the keys, which is the same (geometric distribution) and costs a subtraction.
   */
  draw(): boolean {
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    this.#skip = this.#drawGap();
    return true;
  }

  /**
   * A key of the sample was used.
   *
   * @returns whether the share may have changed or slots have left all shadows
   */
  observe(slot: number, cost: number): boolean {
    if (slot >= this.#nodes.length) this.#grow(slot + 1);
    return cost <= this.#capacity && this.#replay(slot, cost);
  }

  /** The slots that have left all shadows since the last call. */
  takeLeft(): readonly number[] {
    const left = this.#left;
    if (left.length > 0) this.#left = [];
    return left;
  }

  #replay(slot: number, cost: number): boolean {
    const place = this.#nodes[slot]!;
    if (place !== NOWHERE) this.#recentHits++;
    this.#recentSeen++;
    const node = place === NOWHERE ? this.#take(slot) : place - FIRST_NODE;
    for (const shadow of this.#shadows) {
      if (shadow.queue.has(node)) {
        shadow.queue.touch(node);
        shadow.score++;
      } else {
        this.#enter(shadow.queue, node, cost);
      }
    }
    if (this.#places[node] === 0) this.#release(node);
    this.#weightSeen++;
    if (++this.#roundSeen >= this.#roundLength) return this.#endRound();
    return this.#left.length > 0;
  }

  #enter(queue: SegmentedQueue, node: number, cost: number): void {
    this.#places[node]!++;
    let newcomer = queue.enter(node, cost);
    for (let moves = 0; moves < MOST_MOVES && newcomer !== NONE; moves++) {
      this.#admit(queue, newcomer, node);
      newcomer = queue.overflow();
    }
    while (queue.cost > this.#capacity) this.#drop(queue, queue.victim(NONE), node);
  }

  /** Lets a newcomer into main, if that has room or it is used more often than who leaves for it. */
  #admit(queue: SegmentedQueue, newcomer: number, kept: number): void {
    while (queue.cost > this.#capacity) {
      const victim = queue.victim(newcomer);
      if (this.#usesOf(newcomer) <= this.#usesOf(victim)) {
        this.#drop(queue, newcomer, kept);
        return;
      }
      this.#drop(queue, victim, kept);
    }
    queue.promote(newcomer);
  }

  #usesOf(node: number): number {
    return this.#uses.countOf(this.#slots[node]!);
  }

  /** @param kept is not released yet, even if no shadow has it */
  #drop(queue: SegmentedQueue, node: number, kept: number): void {
    queue.remove(node);
    this.#places[node]!--;
    if (this.#places[node] === 0 && node !== kept) this.#release(node);
  }

  #endRound(): true {
    this.areReturning = this.#recentHits * FEWEST_RETURNING >= this.#recentSeen;
    this.#recentSeen /= 2;
    this.#recentHits /= 2;
    this.#roundSeen = 0;
    const scores = this.#shadows.map(({ score }) => score);
    const best = scores.indexOf(Math.max(...scores));
    const lead = scores[best]! - scores[this.#leader]!;
    if (lead > MARGIN * Math.sqrt(this.#weightSeen)) {
      this.#leader = best;
      this.share = WINDOW_SHARES[best]!;
    }
    for (const shadow of this.#shadows) shadow.score *= DECAY;
    this.#weightSeen *= DECAY;
    return true;
  }

  #drawGap(): number {
    if (this.#sample === 1) return 0;
    return Math.floor(Math.log(1 - this.#nextRandom()) / Math.log(1 - 1 / this.#sample));
  }

  /** 0 to 1, less than that: the high bits of a linear congruential generator (Knuth). */
  #nextRandom(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) | 0;
    return (this.#random >>> 8) / 2 ** 24;
  }

  #take(slot: number): number {
    const node = this.#free.pop() ?? this.#slots.length;
    this.#slots[node] = slot;
    this.#places[node] = 0;
    this.#nodes[slot] = FIRST_NODE + node;
    for (const { queue } of this.#shadows) queue.reserve(node + 1);
    return node;
  }

  #release(node: number): void {
    const slot = this.#slots[node]!;
    this.#nodes[slot] = NOWHERE;
    this.#left.push(slot);
    this.#free.push(node);
  }

  #grow(slots: number): void {
    const former = this.#nodes;
    this.#nodes = new Int32Array(Math.max(64, 2 ** Math.ceil(Math.log2(slots))));
    this.#nodes.set(former);
  }
}

/** @returns the units of cost of a window of that share: room for one ordinary entry at least */
export function windowCost(capacity: number, share: number, ordinaryCost: number): number {
  return Math.min(capacity, Math.max(ordinaryCost, Math.round(capacity * share)));
}
