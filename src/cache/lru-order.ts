import { DeadlineWheel } from './deadline-wheel.ts';
import { deadlineOf, type Entry } from './entry.ts';
import { isOver, type Ledger } from './ledger.ts';
import type { Order, Residence } from './order.ts';
import { SlotTable } from './slot-table.ts';

const NONE = -1;

/**
 * Exact least-recently-used order, in plain JS.
 *
 * Every access moves its entry to the front at once; nothing is recorded for later, so `a, b, a`
 * within one tick of the clock is in order. A doubly linked list over slot numbers.
 */
export class LruOrder<V> implements Order<V> {
  entryShare: number;
  readonly #ledger: Ledger;
  readonly #residence: Residence<V>;
  readonly #slots = new SlotTable<V>();
  readonly #wheel: DeadlineWheel;
  #older = new Int32Array(64).fill(NONE);
  #newer = new Int32Array(64).fill(NONE);
  #newest = NONE;
  #oldest = NONE;

  /**
   * @param entryShare the share of `maxBytes` that one entry may have, of which a later order of the
   * same store may allow less than all
   */
  constructor(ledger: Ledger, residence: Residence<V>, now: number, entryShare: number) {
    this.entryShare = entryShare;
    this.#ledger = ledger;
    this.#residence = residence;
    this.#wheel = new DeadlineWheel(now);
  }

  get maxEntryBytes(): number {
    return Math.ceil(this.#ledger.maxBytes * this.entryShare);
  }

  admit(entry: Entry<V>): void {
    const slot = this.#slots.take(entry);
    if (slot >= this.#older.length) this.#grow();
    this.#linkNewest(slot);
    this.reschedule(entry);
    this.#trim();
  }

  touch(entry: Entry<V>, now: number): void {
    // recordedAt stays behind, so that the next access within this tick is told as well.
    entry.accessedAt = now;
    if (entry.slot === this.#newest) return;
    this.#unlink(entry.slot);
    this.#linkNewest(entry.slot);
  }

  reweigh(): void {
    this.#trim();
  }

  reschedule(entry: Entry<V>): void {
    const deadline = deadlineOf(entry);
    this.#wheel.scheduleByThen(entry.slot, deadline);
    this.#residence.expectDeadline(deadline);
  }

  forget(entry: Entry<V>): void {
    this.#wheel.cancel(entry.slot);
    this.#unlink(entry.slot);
    this.#slots.release(entry.slot);
  }

  takeDue(now: number): Entry<V>[] {
    const due: Entry<V>[] = [];
    for (const slot of this.#wheel.takeDue(now)) {
      const entry = this.#slots.at(slot)!;
      const deadline = deadlineOf(entry);
      if (now > deadline) {
        this.forget(entry);
        due.push(entry);
      } else this.#wheel.schedule(slot, deadline);
    }
    return due;
  }

  nextDue(): number {
    return this.#wheel.nextDue();
  }

  resize(): void {
    // What is too heavy by itself leaves first, so that nothing else has to for it.
    for (const entry of this.residents()) {
      if (entry.weight > this.maxEntryBytes) this.#evict(entry);
    }
    this.#trim();
  }

  settle(): void {
    // Nothing is ever pending.
  }

  clear(): void {
    this.#slots.clear();
    this.#wheel.clear();
    this.#newest = NONE;
    this.#oldest = NONE;
  }

  rebase(delta: number): void {
    this.#wheel.rebase(delta);
  }

  close(): void {
    this.clear();
  }

  residents(): Entry<V>[] {
    const residents: Entry<V>[] = [];
    for (let slot = this.#oldest; slot !== NONE; slot = this.#newer[slot]!) {
      residents.push(this.#slots.at(slot)!);
    }
    return residents;
  }

  #trim(): void {
    while (isOver(this.#ledger)) {
      this.#evict(this.#slots.at(this.#oldest)!);
    }
  }

  #evict(entry: Entry<V>): void {
    this.forget(entry);
    this.#residence.evict(entry);
  }

  #linkNewest(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }

  #grow(): void {
    const older = new Int32Array(this.#older.length * 2).fill(NONE);
    older.set(this.#older);
    this.#older = older;
    const newer = new Int32Array(this.#newer.length * 2).fill(NONE);
    newer.set(this.#newer);
    this.#newer = newer;
  }
}
