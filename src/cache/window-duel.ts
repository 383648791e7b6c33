import type { FrequencySketch } from './frequency-sketch.ts';
import { NONE, SegmentedQueue } from './segmented-queue.ts';

/**
 * Shares of the capacity that the window may have: from nearly all TinyLFU, which is best for loops
 * and skewed popularity, to plain LRU, which is best where what is new is used soon.
 */
export const WINDOW_SHARES: readonly number[] = [0.01, 0.1, 0.35, 1];

/** The share before anything is known: none of the workloads measured is far from its best with it. */
export const FIRST_SHARE = 0.1;

/** Entries of a shadow, at least half of this and at most this. */
const SHADOW_ENTRIES = 512;

/** One key in this many is followed where the cache is small: all of them. */
const DENSEST_SAMPLE = 1;

/** What remains of a score after each round of as many accesses as a shadow has entries. */
const DECAY = 0.98;

/** A lead below so many standard deviations of a count of hits may be chance. */
const MARGIN = 0.15;

interface Shadow {
  readonly queue: SegmentedQueue;
  score: number;
}

/**
 * Finds which share of the cache its window of newcomers should have.
 *
 * A sample of the keys, taken by hash, goes through one small cache for each share, scaled down like
 * the sample (as in miniature simulations; Waldspurger et al., USENIX ATC 2017). The share whose
 * shadow hits most, of late, is the one. What loses is told from what wins within some ten times the
 * capacity of accesses; switching costs little, since queues change step by step.
 */
export class WindowDuel {
  /** The share that has been best so far. */
  share: number;
  readonly #sketch: FrequencySketch;
  readonly #sampleMask: number;
  readonly #capacity: number;
  readonly #shadows: Shadow[];
  /** The sampled keys that any shadow holds, by hash; a collision costs accuracy. */
  readonly #nodes = new Map<number, number>();
  #hashes: number[] = [];
  /** In how many shadows each node is. */
  #places: number[] = [];
  #free: number[] = [];
  readonly #roundLength: number;
  #roundSeen = 0;
  #weightSeen = 0;
  #leader: number;

  /**
   * @param entries how many the cache holds when it is full
   * @param capacity of the cache in units of cost
   * @param sketch counts of the keys of the whole cache
   * @param share of `WINDOW_SHARES`, that the cache has now
   */
  constructor(entries: number, capacity: number, sketch: FrequencySketch, share: number) {
    this.share = share;
    this.#leader = WINDOW_SHARES.indexOf(share);
    let sample = DENSEST_SAMPLE;
    while (entries / sample > SHADOW_ENTRIES) sample *= 2;
    this.#sketch = sketch;
    this.#sampleMask = sample - 1;
    this.#capacity = capacity / sample;
    this.#roundLength = Math.max(1, Math.round(entries / sample));
    this.#shadows = WINDOW_SHARES.map((share) => {
      const queue = new SegmentedQueue(this.#roundLength);
      queue.divide(this.#capacity, windowCost(this.#capacity, share, capacity / entries));
      return { queue, score: 0 };
    });
  }

  /**
   * A key was used. Costs a mask for most keys.
   *
   * @returns whether another share leads from now on
   */
  observe(hash: number, cost: number): boolean {
    if (((hash >>> 8) & this.#sampleMask) !== 0 || cost > this.#capacity) return false;
    const node = this.#nodes.get(hash) ?? this.#take(hash);
    for (const shadow of this.#shadows) {
      if (shadow.queue.has(node)) {
        shadow.queue.touch(node);
        shadow.score++;
      } else {
        this.#enter(shadow.queue, node, hash, cost);
      }
    }
    if (this.#places[node] === 0) this.#release(node);
    this.#weightSeen++;
    return ++this.#roundSeen >= this.#roundLength && this.#endRound();
  }

  #enter(queue: SegmentedQueue, node: number, hash: number, cost: number): void {
    let candidate = queue.enter(node, hash, cost);
    this.#places[node] = this.#places[node]! + 1;
    while (queue.cost > this.#capacity) {
      const victim = queue.victim(candidate);
      const isAdmitted =
        candidate === NONE ||
        this.#sketch.frequency(queue.hashOf(candidate)) >
          this.#sketch.frequency(queue.hashOf(victim));
      const leaver = isAdmitted ? victim : candidate;
      if (leaver === candidate) candidate = NONE;
      queue.remove(leaver);
      this.#places[leaver] = this.#places[leaver]! - 1;
      if (this.#places[leaver] === 0 && leaver !== node) this.#release(leaver);
    }
  }

  #endRound(): boolean {
    this.#roundSeen = 0;
    const scores = this.#shadows.map(({ score }) => score);
    const best = scores.indexOf(Math.max(...scores));
    const lead = scores[best]! - scores[this.#leader]!;
    const isNew = lead > MARGIN * Math.sqrt(this.#weightSeen);
    if (isNew) {
      this.#leader = best;
      this.share = WINDOW_SHARES[best]!;
    }
    for (const shadow of this.#shadows) shadow.score *= DECAY;
    this.#weightSeen *= DECAY;
    return isNew;
  }

  #take(hash: number): number {
    const node = this.#free.pop() ?? this.#hashes.length;
    this.#hashes[node] = hash;
    this.#places[node] = 0;
    this.#nodes.set(hash, node);
    return node;
  }

  #release(node: number): void {
    this.#nodes.delete(this.#hashes[node]!);
    this.#free.push(node);
  }
}

/** @returns the units of cost of a window of that share: room for one ordinary entry at least */
export function windowCost(capacity: number, share: number, ordinaryCost: number): number {
  return Math.min(capacity, Math.max(ordinaryCost, Math.round(capacity * share)));
}
