import type { EntryTable } from './entry-table.ts';
import { isOver, type Ledger } from './ledger.ts';
import type { Order, Residence } from './order.ts';

const NONE = -1;

/**
 * Exact least-recently-used order, in plain JS.
 *
 * Every access moves its entry to the front at once; nothing is recorded for later, so `a, b, a`
 * within one tick of the clock is in order. A doubly linked list over slot numbers.
 */
export class LruOrder implements Order {
  entryShare: number;
  readonly #ledger: Ledger;
  readonly #table: EntryTable<unknown>;
  readonly #residence: Residence;
  #older = new Int32Array(64).fill(NONE);
  #newer = new Int32Array(64).fill(NONE);
  #newest = NONE;
  #oldest = NONE;

  /**
   * @param entryShare the share of `maxBytes` that one entry may have, of which a later order of the
   * same store may allow less than all
   */
  constructor(
    ledger: Ledger,
    table: EntryTable<unknown>,
    residence: Residence,
    entryShare: number,
  ) {
    this.entryShare = entryShare;
    // Each use moves its entry, also where the last did.
    table.toldMark = NONE;
    this.#ledger = ledger;
    this.#table = table;
    this.#residence = residence;
  }

  readBounds(): void {
    this.#ledger.maxEntryBytes = Math.ceil(this.#ledger.maxBytes * this.entryShare);
  }

  admit(slot: number): void {
    while (slot >= this.#older.length) this.#grow();
    this.#linkNewest(slot);
    this.#trim();
  }

  touch(slot: number): void {
    if (slot === this.#newest) return;
    this.#unlink(slot);
    this.#linkNewest(slot);
  }

  reweigh(): void {
    this.#trim();
  }

  lighten(): void {
    // Weights are the ledger's.
  }

  forget(slot: number): void {
    this.#unlink(slot);
    this.#residence.release(slot);
  }

  resize(): void {
    this.readBounds();
    // What is too heavy by itself leaves first, so that nothing else has to for it.
    for (const slot of this.residents()) {
      if (this.#table.weightOf(slot) > this.#ledger.maxEntryBytes) this.#evict(slot);
    }
    this.#trim();
  }

  clear(): void {
    this.#newest = NONE;
    this.#oldest = NONE;
  }

  residents(): number[] {
    const residents: number[] = [];
    for (let slot = this.#oldest; slot !== NONE; slot = this.#newer[slot]!) residents.push(slot);
    return residents;
  }

  #trim(): void {
    while (isOver(this.#ledger)) this.#evict(this.#oldest);
  }

  #evict(slot: number): void {
    this.#unlink(slot);
    this.#residence.evict(slot);
    this.#residence.release(slot);
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
