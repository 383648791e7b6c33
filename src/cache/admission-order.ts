import type { EntryTable } from './entry-table.ts';
import { isOver, type Ledger } from './ledger.ts';
import type { Order, Residence } from './order.ts';
import { MOST_COST, MOST_MOVES, NONE as NO_NODE, SegmentedQueue } from './segmented-queue.ts';
import { UseCounts } from './use-counts.ts';
import { FIRST_SHARE, WindowDuel, windowCost } from './window-duel.ts';

// A constant of this module is part of the compiled code; an imported one is loaded at each use.
const NONE = NO_NODE;

/** Uses are told at most once while this part of the residents is replaced (figures: ARCHITECTURE.md). */
const EPOCHS_PER_TURNOVER = 4;

/** Victims that are looked at for one newcomer before it is let in. */
const MOST_VICTIMS = 32;

/** An estimate of the entries that fit is good enough within this factor. */
const ESTIMATE_TOLERANCE = 2;

/** So many ghosts may always stay, however few residents there are. */
const FEWEST_GHOSTS = 64;

/** Keys of a V8 Map, less what a duel may hold of those that left. */
const MOST_KEYS = 2 ** 24 - 2 ** 14;

/**
 * W-TinyLFU (Einziger, Friedman and Manes, ACM TOS 2017): a window of newcomers in front of a main
 * region, into which only those are let that are asked for more often than who would leave for them.
 * With `adaptive`, the window's share follows the workload.
 *
 * How often a key was used is known as long as it has its slot. That is longer than it has an entry: as
 * many keys as there are residents stay on as ghosts, without their values.
 *
 * All of it is settled when a call returns. What bounds each part is the larger of an entry's shares
 * of both bounds of the cache; the cache's own bounds are exact.
 */
export class AdmissionOrder implements Order {
  readonly #ledger: Ledger;
  readonly #table: EntryTable<unknown>;
  readonly #residence: Residence;
  readonly #adaptive: boolean;
  readonly #queue: SegmentedQueue;
  readonly #uses: UseCounts;
  #duel: WindowDuel | undefined;
  #duelEntries = 0;
  #share: number = FIRST_SHARE;
  /** Cost of an entry that is bounded by number, and of all that the cache may hold. */
  #ordinaryCost = 1;
  #capacity = 1;
  #costPerByte = 0;
  /** New entries until the next epoch. */
  #epochLeft = 0;

  constructor(ledger: Ledger, table: EntryTable<unknown>, residence: Residence, adaptive: boolean) {
    this.#ledger = ledger;
    this.#table = table;
    this.#residence = residence;
    this.#adaptive = adaptive;
    this.#queue = new SegmentedQueue(ledger.size);
    this.#uses = new UseCounts(this.#queue);
    table.toldMark = table.epoch;
  }

  readBounds(): void {
    const { maxEntries, maxBytes } = this.#ledger;
    this.#ledger.maxEntryBytes = Math.ceil(maxBytes / 2);
    this.#ordinaryCost = Math.floor(MOST_COST / maxEntries);
    this.#capacity = this.#ordinaryCost * maxEntries;
    this.#costPerByte = this.#capacity / maxBytes;
    this.#divideQueue();
  }

  admit(slot: number, isKnown: boolean): void {
    const queue = this.#queue;
    queue.reserve(slot + 1);
    const isSampled = isKnown ? this.#uses.count(slot) : this.#begin(slot);
    const cost = this.#costOf(this.#table.weightOf(slot));
    const candidate = queue.enter(slot, cost);
    if (isSampled) this.#observe(slot, cost);
    if (candidate !== NONE || isOver(this.#ledger)) this.#settle(candidate);
    if (--this.#epochLeft <= 0) this.#beginEpoch();
  }

  touch(slot: number): void {
    const queue = this.#queue;
    this.#table.setToldIn(slot, this.#table.epoch);
    const isSampled = this.#uses.count(slot);
    queue.touch(slot);
    if (isSampled) this.#observe(slot, queue.costOf(slot));
  }

  reweigh(slot: number): void {
    const hasLeft = this.#queue.reweigh(slot, this.#costOf(this.#table.weightOf(slot)));
    this.#settle(hasLeft ? slot : this.#queue.overflow());
  }

  lighten(slot: number): void {
    this.#queue.reweigh(slot, this.#costOf(this.#table.weightOf(slot)));
  }

  forget(slot: number): void {
    // However few are left, memory for keys follows.
    this.#fitGhosts();
    this.#bury(slot);
  }

  resize(): void {
    this.readBounds();
    const residents = this.residents();
    for (const slot of residents) {
      if (this.#table.weightOf(slot) > this.#ledger.maxEntryBytes) this.#evict(slot);
      else this.#queue.reweigh(slot, this.#costOf(this.#table.weightOf(slot)));
    }
    this.#endDuel();
    this.#settle(this.#queue.overflow());
    this.#beginEpoch();
  }

  clear(): void {
    this.#queue.clear();
    this.#uses.clear();
    this.#duel = undefined;
    this.#duelEntries = 0;
  }

  residents(): number[] {
    const table = this.#table;
    return Array.from(table.keys.keys())
      .filter((slot) => this.#queue.has(slot))
      .sort((a, b) => table.accessedAtOf(a) - table.accessedAtOf(b));
  }

  /**
   * Moves on what the window has no room for, and drops what the bounds have none for.
   *
   * @param candidate for a place in main, or NONE
   */
  #settle(candidate: number): void {
    const queue = this.#queue;
    const ledger = this.#ledger;
    let newcomer = candidate;
    // What nearly all sets of a full cache come to.
    if (
      candidate !== NONE &&
      ledger.size === ledger.maxEntries + 1 &&
      ledger.weightBytes <= ledger.maxBytes
    ) {
      this.#compete(candidate);
      newcomer = queue.overflow();
      if (newcomer === NONE) return;
    }
    this.#settleAll(newcomer);
  }

  /** One entry is too many: the newcomer leaves, unless it is used more often than main's least used. */
  #compete(newcomer: number): void {
    const victim = this.#queue.victim(newcomer);
    if (this.#uses.countOf(newcomer) > this.#uses.countOf(victim)) {
      this.#queue.promote(newcomer);
      this.#evict(victim);
    } else {
      this.#evict(newcomer);
    }
  }

  #settleAll(candidate: number): void {
    const queue = this.#queue;
    const ledger = this.#ledger;
    let newcomer = candidate;
    for (let moves = 0; moves < MOST_MOVES && newcomer !== NONE; moves++) {
      if (!isOver(ledger) || this.#makeRoomFor(newcomer)) queue.promote(newcomer);
      else this.#evict(newcomer);
      newcomer = queue.overflow();
    }
    while (isOver(ledger)) this.#evict(queue.victim(NONE));
  }

  /** Evicts for a newcomer, if it is used more often than each of those that would have to leave. */
  #makeRoomFor(newcomer: number): boolean {
    const { size, maxEntries, weightBytes, maxBytes } = this.#ledger;
    const uses = this.#uses.countOf(newcomer);
    let entriesOver = size - maxEntries;
    let bytesOver = weightBytes - maxBytes;
    let victim = this.#queue.victim(newcomer);
    for (let looks = 0; looks < MOST_VICTIMS && victim !== NONE; looks++) {
      if (this.#uses.countOf(victim) >= uses) return false;
      entriesOver--;
      bytesOver -= this.#table.weightOf(victim);
      if (entriesOver <= 0 && bytesOver <= 0) break;
      victim = this.#queue.nextVictim(victim, newcomer);
    }
    while (isOver(this.#ledger)) {
      victim = this.#queue.victim(newcomer);
      // Main has nobody else: the rest is the window's.
      if (victim === newcomer) return false;
      this.#evict(victim);
    }
    return true;
  }

  #evict(slot: number): void {
    this.#residence.evict(slot);
    this.#bury(slot);
  }

  /** An entry has left; its key stays for a while, and others of its kind have to go. */
  #bury(slot: number): void {
    const queue = this.#queue;
    const oldest = queue.bury(slot);
    if (oldest === NONE) return;
    this.#release(oldest);
    // A list that has become too long grows shorter, without a long stop.
    if (queue.ghosts > queue.mostGhosts) this.#release(queue.exorcise());
  }

  /** A key is a ghost no more. */
  #release(slot: number): void {
    if (this.#uses.isMarked(slot) && this.#duel?.follows(slot) === true) return;
    this.#residence.release(slot);
  }

  /** As many as residents; few while nobody returns, as in a scan, whom to remember costs memory only. */
  #fitGhosts(): void {
    const { size } = this.#ledger;
    const most = this.#duel?.areReturning === false ? size >> 4 : size;
    this.#queue.mostGhosts = Math.max(0, Math.min(Math.max(most, FEWEST_GHOSTS), MOST_KEYS - size));
  }

  /** A key that nothing is known of. @returns whether the duel wants to know of its uses */
  #begin(slot: number): boolean {
    const isSampled = this.#duel !== undefined && this.#duel.draw();
    this.#uses.begin(slot, isSampled);
    return isSampled;
  }

  /** A key of the sample was used. */
  #observe(slot: number, cost: number): void {
    const duel = this.#duel;
    if (duel === undefined || !duel.observe(slot, cost)) return;
    for (const left of duel.takeLeft()) {
      if (!this.#queue.has(left) && !this.#queue.isGhost(left)) this.#residence.release(left);
    }
    this.#fitGhosts();
    if (duel.share === this.#share) return;
    this.#share = duel.share;
    this.#divideQueue();
  }

  /** From here on uses of the same entries are told again. */
  #beginEpoch(): void {
    const { size } = this.#ledger;
    this.#table.epoch = (this.#table.epoch + 1) | 0;
    this.#table.toldMark = this.#table.epoch;
    this.#epochLeft = Math.max(1, Math.floor(size / EPOCHS_PER_TURNOVER));
    this.#uses.fit(size);
    this.#fitGhosts();
    if (this.#adaptive) this.#fitDuel();
  }

  /** Shadows are scaled by how many entries fit; with the byte bound that is an estimate. */
  #fitDuel(): void {
    const { size, weightBytes, maxEntries, maxBytes } = this.#ledger;
    const fitting = Math.min(maxEntries, (size * maxBytes) / Math.max(1, weightBytes));
    const isGood =
      this.#duel !== undefined &&
      fitting <= this.#duelEntries * ESTIMATE_TOLERANCE &&
      fitting * ESTIMATE_TOLERANCE >= this.#duelEntries;
    if (isGood) return;
    this.#endDuel();
    this.#duelEntries = fitting;
    this.#duel = new WindowDuel(fitting, this.#capacity, this.#uses, this.#share);
    for (const slot of this.#table.keys.keys()) this.#uses.mark(slot, this.#duel.draw());
  }

  /** Keys that only the duel knew go. */
  #endDuel(): void {
    for (const slot of this.#duel?.followed() ?? []) {
      if (!this.#queue.has(slot) && !this.#queue.isGhost(slot)) this.#residence.release(slot);
    }
    this.#duel = undefined;
  }

  #divideQueue(): void {
    const window = windowCost(this.#capacity, this.#share, this.#ordinaryCost);
    this.#queue.divide(this.#capacity, window);
  }

  #costOf(weight: number): number {
    return Math.max(this.#ordinaryCost, Math.ceil(weight * this.#costPerByte));
  }
}
