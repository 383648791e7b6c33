import { NOTICE_WORDS, OPERATION_WORDS, Word } from '../native/heap-block.ts';
import type { HeapCore, MainBounds } from '../native/heap-core.ts';
import type { Entry } from './entry.ts';
import { writeKeyHash } from './key-hash.ts';
import { SlotTable } from './slot-table.ts';

/** Kinds of operation; `crates/core/src/heap_core.rs` has the same numbers. */
const OFFER = 1;
const REMOVE = 2;
const REWEIGH = 3;

/**
 * The entries that moka has or is being asked to take, and the rings over which it hears of them.
 *
 * Offers may be refused here when the ring is full; removals and new weights are never lost. What
 * moka evicts or refuses comes back as a notice of slot and ticket, and counts only where the ticket
 * is that of the entry now in the slot.
 */
export class MainRegion<V> {
  size = 0;
  weightBytes = 0;
  readonly slots = new SlotTable<V>();
  readonly #core: HeapCore;
  readonly #words: Int32Array;
  readonly #accesses: number;
  readonly #accessMask: number;
  readonly #operations: number;
  readonly #operationCapacity: number;
  readonly #notices: number;
  readonly #noticeMask: number;
  #accessHead: number;
  #operationHead: number;
  /** As last seen; the core may be further. */
  #operationTail: number;
  #noticeTail: number;
  #nextTicket = 0;

  constructor(core: HeapCore) {
    const words = core.words;
    this.#core = core;
    this.#words = words;
    this.#operationCapacity = words[Word.operationCapacity]!;
    this.#accesses = Word.header;
    this.#operations = this.#accesses + words[Word.accessCapacity]!;
    this.#notices = this.#operations + this.#operationCapacity * OPERATION_WORDS;
    this.#accessMask = words[Word.accessCapacity]! - 1;
    this.#noticeMask = words[Word.noticeCapacity]! - 1;
    // A core may have served another order before.
    this.#accessHead = words[Word.accessHead]!;
    this.#operationHead = Atomics.load(words, Word.operationHead);
    this.#operationTail = Atomics.load(words, Word.operationTail);
    this.#noticeTail = Atomics.load(words, Word.noticeTail);
  }

  /** Whether the ring takes another operation now. */
  hasRoom(): boolean {
    if (((this.#operationHead - this.#operationTail) | 0) < this.#operationCapacity) return true;
    this.#operationTail = Atomics.load(this.#words, Word.operationTail);
    return ((this.#operationHead - this.#operationTail) | 0) < this.#operationCapacity;
  }

  /** Asks moka to take an entry; the caller has looked at `hasRoom`. */
  offer(entry: Entry<V>): void {
    this.slots.take(entry);
    entry.ticket = this.#nextTicket;
    // Unique among stays in one slot, which is what it is compared with: it may wrap.
    this.#nextTicket = (this.#nextTicket + 1) | 0;
    this.size++;
    this.weightBytes += entry.weight;
    const words = this.#words;
    const at = this.#operationAt();
    words[at] = OFFER;
    words[at + 1] = entry.slot;
    words[at + 2] = entry.ticket;
    writeKeyHash(words, at + 3, entry.uri, words[Word.seedLow]!, words[Word.seedHigh]!);
    this.#writeBytes(at + 5, entry.weight);
    words[at + 7] = Math.min(entry.accessCount, 255);
    this.#publishOperation();
  }

  /** An entry that was invalidated or has expired. */
  remove(entry: Entry<V>): void {
    this.#tell(REMOVE, entry);
    this.#release(entry);
  }

  reweigh(entry: Entry<V>, formerWeight: number): void {
    this.weightBytes += entry.weight - formerWeight;
    this.#tell(REWEIGH, entry);
  }

  /** Plain writes: a lost access costs nothing. */
  recordAccess(slot: number): void {
    const head = this.#accessHead;
    this.#words[this.#accesses + (head & this.#accessMask)] = slot;
    this.#accessHead = (head + 1) | 0;
    this.#words[Word.accessHead] = this.#accessHead;
  }

  /** Takes what has left out of main and hands it to `evicted`. @returns whether anything had */
  takeNotices(evicted: (entry: Entry<V>) => void): boolean {
    const words = this.#words;
    const head = Atomics.load(words, Word.noticeHead);
    if (head === this.#noticeTail) return false;
    let any = false;
    for (; this.#noticeTail !== head; this.#noticeTail = (this.#noticeTail + 1) | 0) {
      const at = this.#notices + (this.#noticeTail & this.#noticeMask) * NOTICE_WORDS;
      const entry = this.slots.at(words[at]!);
      if (entry === undefined || entry.ticket !== words[at + 1]) continue;
      this.#release(entry);
      evicted(entry);
      any = true;
    }
    Atomics.store(words, Word.noticeTail, head);
    return any;
  }

  /** Has the core do all that waits, and takes what left because of it. */
  settle(finish: boolean, evicted: (entry: Entry<V>) => void): void {
    let more = true;
    while (more) {
      more = this.#core.settle(finish);
      this.takeNotices(evicted);
    }
  }

  resize(
    bounds: MainBounds,
    mainBytes: number,
    maxEntryBytes: number,
    evicted: (entry: Entry<V>) => void,
  ): void {
    const more = this.#core.resize(bounds, mainBytes, maxEntryBytes);
    this.takeNotices(evicted);
    if (more) this.settle(false, evicted);
  }

  clear(): void {
    this.#core.clear();
    this.#operationTail = this.#operationHead;
    this.#noticeTail = Atomics.load(this.#words, Word.noticeHead);
    Atomics.store(this.#words, Word.noticeTail, this.#noticeTail);
    this.slots.clear();
    this.size = 0;
    this.weightBytes = 0;
  }

  #tell(kind: typeof REMOVE | typeof REWEIGH, entry: Entry<V>): void {
    // The core only takes operations out here; what left because of them is taken later.
    while (!this.hasRoom()) this.#core.settle(false);
    const at = this.#operationAt();
    this.#words[at] = kind;
    this.#words[at + 1] = entry.slot;
    this.#words[at + 2] = entry.ticket;
    this.#writeBytes(at + 5, entry.weight);
    this.#publishOperation();
  }

  #release(entry: Entry<V>): void {
    this.slots.release(entry.slot);
    this.size--;
    this.weightBytes -= entry.weight;
  }

  #operationAt(): number {
    const place = this.#operationHead & (this.#operationCapacity - 1);
    return this.#operations + place * OPERATION_WORDS;
  }

  #writeBytes(at: number, bytes: number): void {
    this.#words[at] = bytes | 0;
    this.#words[at + 1] = Math.floor(bytes / 2 ** 32);
  }

  #publishOperation(): void {
    this.#operationHead = (this.#operationHead + 1) | 0;
    Atomics.store(this.#words, Word.operationHead, this.#operationHead);
  }
}
