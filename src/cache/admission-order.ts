import type { Entry } from './entry.ts';
import { FrequencySketch } from './frequency-sketch.ts';
import { hashKey } from './key-hash.ts';
import { isOver, type Ledger } from './ledger.ts';
import type { Order, Residence } from './order.ts';
import { MOST_COST, NONE, SegmentedQueue } from './segmented-queue.ts';
import type { SlotTable } from './slot-table.ts';
import { FIRST_SHARE, WindowDuel, windowCost } from './window-duel.ts';

/** Uses are told at most once while this part of the residents is replaced (figures: ARCHITECTURE.md). */
const EPOCHS_PER_TURNOVER = 16;

/** Victims that are looked at for one newcomer before it is let in. */
const MOST_VICTIMS = 32;

/** An estimate of the entries that fit is good enough within this factor. */
const ESTIMATE_TOLERANCE = 2;

/**
 * W-TinyLFU (Einziger, Friedman and Manes, ACM TOS 2017): a window of newcomers in front of a main
 * region, into which only those are let that are asked for more often than who would leave for them.
 * With `adaptive`, the window's share follows the workload.
 *
 * All of it is settled when a call returns. What bounds each part is the larger of an entry's shares
 * of both bounds of the cache; the cache's own bounds are exact.
 */
export class AdmissionOrder<V> implements Order<V> {
  readonly #ledger: Ledger;
  readonly #slots: SlotTable<V>;
  readonly #residence: Residence<V>;
  readonly #adaptive: boolean;
  readonly #queue: SegmentedQueue;
  readonly #sketch: FrequencySketch;
  #duel: WindowDuel | undefined;
  #duelEntries = 0;
  #share: number = FIRST_SHARE;
  /** Cost of an entry that is bounded by number, and of all that the cache may hold. */
  #ordinaryCost = 1;
  #capacity = 1;
  #costPerByte = 0;
  /** New entries until the next epoch. */
  #epochLeft = 0;

  constructor(ledger: Ledger, slots: SlotTable<V>, residence: Residence<V>, adaptive: boolean) {
    this.#ledger = ledger;
    this.#slots = slots;
    this.#residence = residence;
    this.#adaptive = adaptive;
    this.#queue = new SegmentedQueue(ledger.size);
    this.#sketch = new FrequencySketch(ledger.size);
  }

  readBounds(): void {
    const { maxEntries, maxBytes } = this.#ledger;
    this.#ledger.maxEntryBytes = Math.ceil(maxBytes / 2);
    this.#ordinaryCost = Math.floor(MOST_COST / maxEntries);
    this.#capacity = this.#ordinaryCost * maxEntries;
    this.#costPerByte = this.#capacity / maxBytes;
    this.#divideQueue();
  }

  admit(entry: Entry<V>): void {
    const hash = hashKey(entry.uri);
    const cost = this.#costOf(entry.weight);
    this.#sketch.increment(hash);
    const candidate = this.#queue.enter(entry.slot, hash, cost);
    if (isOver(this.#ledger)) this.#trim(candidate);
    this.#observe(hash, cost);
    if (--this.#epochLeft <= 0) this.#beginEpoch();
  }

  touch(entry: Entry<V>): void {
    entry.recordedIn = this.#ledger.epoch;
    const { slot } = entry;
    const hash = this.#queue.hashOf(slot);
    this.#sketch.increment(hash);
    this.#queue.touch(slot);
    this.#observe(hash, this.#queue.costOf(slot));
  }

  reweigh(entry: Entry<V>): void {
    this.#trim(this.#queue.reweigh(entry.slot, this.#costOf(entry.weight)));
  }

  lighten(entry: Entry<V>): void {
    this.#queue.reweigh(entry.slot, this.#costOf(entry.weight));
  }

  forget(entry: Entry<V>): void {
    this.#queue.remove(entry.slot);
  }

  resize(): void {
    this.readBounds();
    for (const entry of [...this.#slots]) {
      if (entry.weight > this.#ledger.maxEntryBytes) this.#evict(entry.slot);
    }
    for (const entry of this.#slots) {
      this.#queue.reweigh(entry.slot, this.#costOf(entry.weight));
    }
    this.#duel = undefined;
    this.#trim(NONE);
    this.#beginEpoch();
  }

  clear(): void {
    this.#queue.clear();
    this.#sketch.clear();
  }

  residents(): Entry<V>[] {
    return [...this.#slots].sort((a, b) => a.accessedAt - b.accessedAt);
  }

  /** Drops what the bounds have no room for. @param newcomer to main, which has to be worth its place */
  #trim(newcomer: number): void {
    let candidate = newcomer;
    while (isOver(this.#ledger)) {
      if (candidate !== NONE && !this.#isWorthItsPlace(candidate)) {
        this.#evict(candidate);
        candidate = NONE;
      } else {
        this.#evict(this.#queue.victim(candidate));
      }
    }
  }

  /** Whether it is used more often than each of those that would have to leave for it. */
  #isWorthItsPlace(candidate: number): boolean {
    const { size, maxEntries, weightBytes, maxBytes } = this.#ledger;
    const frequency = this.#sketch.frequency(this.#queue.hashOf(candidate));
    let entriesOver = size - maxEntries;
    let bytesOver = weightBytes - maxBytes;
    let victim = this.#queue.victim(candidate);
    for (let looks = 0; looks < MOST_VICTIMS && victim !== NONE; looks++) {
      if (this.#sketch.frequency(this.#queue.hashOf(victim)) >= frequency) return false;
      entriesOver--;
      bytesOver -= this.#slots.at(victim)!.weight;
      if (entriesOver <= 0 && bytesOver <= 0) return true;
      victim = this.#queue.nextVictim(victim, candidate);
    }
    return true;
  }

  #evict(slot: number): void {
    this.#queue.remove(slot);
    this.#residence.evict(this.#slots.at(slot)!);
  }

  #observe(hash: number, cost: number): void {
    if (this.#duel?.observe(hash, cost) !== true) return;
    this.#share = this.#duel.share;
    this.#divideQueue();
  }

  /** From here on uses of the same entries are told again. */
  #beginEpoch(): void {
    const { size } = this.#ledger;
    this.#ledger.epoch = (this.#ledger.epoch + 1) | 0;
    this.#epochLeft = Math.max(1, Math.floor(size / EPOCHS_PER_TURNOVER));
    this.#sketch.fit(size);
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
    this.#duelEntries = fitting;
    this.#duel = new WindowDuel(fitting, this.#capacity, this.#sketch, this.#share);
  }

  #divideQueue(): void {
    const window = windowCost(this.#capacity, this.#share, this.#ordinaryCost);
    this.#queue.divide(this.#capacity, window);
  }

  #costOf(weight: number): number {
    return Math.max(this.#ordinaryCost, Math.ceil(weight * this.#costPerByte));
  }
}
