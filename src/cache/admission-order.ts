import type { HeapCore, MainBounds } from '../native/heap-core.ts';
import { AdmissionWindow } from './admission-window.ts';
import type { Bounds } from './cache-options.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import { deadlineOf, type Entry } from './entry.ts';
import { isOver, type Ledger } from './ledger.ts';
import { MainRegion } from './main-region.ts';
import type { Order, Residence } from './order.ts';
import { WindowSlack } from './window-slack.ts';

/** The window's share of both bounds; figures in ARCHITECTURE.md. */
const WINDOW_SHARE = 0.1;

/** How the bounds are divided. */
interface Shares {
  readonly windowEntries: number;
  readonly windowBytes: number;
  /** What JS lets into main while moka has not decided: the window gives way by half. */
  readonly mainEntries: number;
  readonly mainBytes: number;
  readonly core: MainBounds;
  /** What main holds when all is settled. */
  readonly settledBytes: number;
  /** The heaviest entry that is kept. */
  readonly entryBytes: number;
}

/**
 * A window of newcomers in front of moka's TinyLFU (W-TinyLFU; Einziger et al., ACM TOS 2017).
 *
 * Nothing waits for moka: what leaves the window is offered through a ring, what moka evicts or
 * refuses comes back through another and is freed at the next set, tick or `settle`. Until then it
 * counts, so both bounds hold at all times. A set that would pass them asks moka at once, but once a
 * tick only; in a flood the window leaves some slack for what is undecided, and where that is used
 * up, what leaves it is dropped without moka's opinion.
 */
export class AdmissionOrder<V> implements Order<V> {
  readonly #ledger: Ledger;
  readonly #residence: Residence<V>;
  /** Without background work each offer is decided before the call returns. */
  readonly #inline: boolean;
  readonly #main: MainRegion<V>;
  readonly #window = new AdmissionWindow<V>();
  readonly #wheel: DeadlineWheel;
  /** At or before the first deadline in the window, which is scanned then. */
  #windowDeadline = Infinity;
  #shares: Shares;
  #slack: WindowSlack;
  #undecided = false;
  /** The clock at the last set, and at the last set that waited for moka. */
  #now = -1;
  #settledAt = -1;

  constructor(
    ledger: Ledger,
    residence: Residence<V>,
    now: number,
    core: HeapCore,
    inline: boolean,
  ) {
    this.#ledger = ledger;
    this.#residence = residence;
    this.#inline = inline;
    this.#main = new MainRegion<V>(core);
    this.#wheel = new DeadlineWheel(now);
    this.#shares = sharesOf(ledger);
    this.#slack = new WindowSlack(this.#shares.windowEntries);
  }

  get maxEntryBytes(): number {
    return this.#shares.entryBytes;
  }

  admit(entry: Entry<V>, now: number): void {
    this.#now = now;
    this.#slack.relax(this.#now);
    if (entry.weight > this.#shares.windowBytes) {
      this.#offerAndSettle(entry);
    } else {
      this.#window.push(entry);
      this.#expectInWindow(entry);
    }
    this.#trim(entry);
  }

  touch(entry: Entry<V>, now: number): void {
    entry.accessedAt = now;
    // Without background work every access is told, whatever the clock reads.
    if (!this.#inline) entry.recordedAt = now;
    if (entry.slot >= 0) this.#main.recordAccess(entry.slot);
  }

  reweigh(entry: Entry<V>, formerWeight: number): void {
    this.#now = entry.born;
    if (entry.slot >= 0) {
      this.#main.reweigh(entry, formerWeight);
    } else {
      this.#window.weightBytes += entry.weight - formerWeight;
      if (entry.weight > this.#shares.windowBytes) {
        this.#window.remove(entry);
        this.#offerAndSettle(entry);
      }
    }
    this.#trim(entry);
  }

  reschedule(entry: Entry<V>): void {
    if (entry.slot < 0) {
      this.#expectInWindow(entry);
      return;
    }
    const deadline = deadlineOf(entry);
    this.#wheel.scheduleByThen(entry.slot, deadline);
    this.#residence.expectDeadline(deadline);
  }

  forget(entry: Entry<V>): void {
    if (entry.slot < 0) {
      this.#window.remove(entry);
      return;
    }
    this.#wheel.cancel(entry.slot);
    this.#main.remove(entry);
  }

  takeDue(now: number): Entry<V>[] {
    const due: Entry<V>[] = [];
    for (const slot of this.#wheel.takeDue(now)) {
      const entry = this.#main.slots.at(slot)!;
      const deadline = deadlineOf(entry);
      if (now > deadline) due.push(entry);
      else this.#wheel.schedule(slot, deadline);
    }
    if (now > this.#windowDeadline) {
      this.#windowDeadline = Infinity;
      for (const entry of this.#window) {
        const deadline = deadlineOf(entry);
        if (now > deadline) due.push(entry);
        else this.#windowDeadline = Math.min(this.#windowDeadline, deadline);
      }
    }
    for (const entry of due) this.forget(entry);
    return due.sort((a, b) => deadlineOf(a) - deadlineOf(b));
  }

  nextDue(): number {
    return Math.min(this.#wheel.nextDue(), this.#windowDeadline + 1);
  }

  resize(): void {
    this.#shares = sharesOf(this.#ledger);
    this.#slack = new WindowSlack(this.#shares.windowEntries);
    const { core, settledBytes } = this.#shares;
    this.#main.resize(core, settledBytes, this.maxEntryBytes, this.#evict);
    for (const entry of [...this.#window]) {
      if (entry.weight > this.maxEntryBytes) this.#evictFromWindow(entry);
    }
    this.#trim();
  }

  settle(): void {
    do {
      this.#undecided = false;
      this.#main.settle(true, this.#evict);
      this.#trim();
    } while (this.#undecided);
  }

  clear(): void {
    this.#window.clear();
    this.#wheel.clear();
    this.#windowDeadline = Infinity;
    this.#main.clear();
  }

  rebase(delta: number): void {
    this.#wheel.rebase(delta);
    this.#windowDeadline -= delta;
  }

  residents(): Entry<V>[] {
    const entries = [...this.#main.slots, ...this.#window];
    return entries.sort((a, b) => a.accessedAt - b.accessedAt);
  }

  close(): void {
    this.clear();
  }

  /** Moves on what the window has too much of, and drops what the bounds have no room for. */
  #trim(newcomer?: Entry<V>): void {
    const window = this.#window;
    for (;;) {
      const over = isOver(this.#ledger);
      if (!over && this.#isWindowWithinShare()) return;
      if (over && this.#main.takeNotices(this.#evict)) continue;
      const entry = window.oldest();
      const asksMoka = over && this.#maySettle();
      if (asksMoka && !this.#main.hasRoom()) {
        this.#settleMain();
      } else if (entry === undefined) {
        if (!this.#makeRoomInMain(newcomer)) return;
      } else if ((!over || asksMoka) && this.#mainTakesMore()) {
        window.remove(entry);
        this.#offer(entry);
        if (asksMoka || this.#inline) this.#settleMain();
      } else if (over) {
        this.#evictFromWindow(entry);
        this.#slack.widen(this.#now);
      } else {
        // The ring is full and there is room: the window keeps more than its share for a while.
        return;
      }
    }
  }

  /**
   * Whether this set may wait for moka, a few µs: always without background work, else once a tick.
   * So a store that is not flooded drops nothing unseen and needs no slack.
   */
  #maySettle(): boolean {
    if (this.#inline) return true;
    if (this.#settledAt === this.#now) return false;
    this.#settledAt = this.#now;
    return true;
  }

  #isWindowWithinShare(): boolean {
    const { windowEntries, windowBytes } = this.#shares;
    const share = 1 - this.#slack.share;
    return (
      this.#window.size <= windowEntries * share && this.#window.weightBytes <= windowBytes * share
    );
  }

  #mainTakesMore(): boolean {
    return (
      this.#main.size < this.#shares.mainEntries &&
      this.#main.weightBytes < this.#shares.mainBytes &&
      this.#main.hasRoom()
    );
  }

  #offer(entry: Entry<V>): void {
    this.#main.offer(entry);
    this.#undecided = true;
    this.reschedule(entry);
  }

  /** An entry larger than the window passes it by; moka decides at once, so the bounds hold. */
  #offerAndSettle(entry: Entry<V>): void {
    if (!this.#main.hasRoom()) this.#settleMain();
    this.#offer(entry);
    this.#settleMain();
  }

  /** moka decides on all that was offered; without background work a rebuild ends here too. */
  #settleMain(): void {
    this.#main.settle(this.#inline, this.#evict);
  }

  /**
   * The window is empty and main alone is over a bound, because an entry of it grew.
   *
   * @returns whether anything could leave
   */
  #makeRoomInMain(newcomer: Entry<V> | undefined): boolean {
    this.#main.settle(true, this.#evict);
    if (!isOver(this.#ledger)) return true;
    // moka's scaled weights are rounded, the ledger's bytes are exact: the newcomer gives way.
    const resident = newcomer !== undefined && this.#main.slots.at(newcomer.slot) === newcomer;
    const victim = resident ? newcomer : this.#main.slots.first();
    if (victim === undefined) return false;
    this.forget(victim);
    this.#residence.evict(victim);
    return true;
  }

  #evictFromWindow(entry: Entry<V>): void {
    this.#window.remove(entry);
    this.#residence.evict(entry);
  }

  /** Main has let go of it. */
  readonly #evict = (entry: Entry<V>): void => {
    this.#wheel.cancel(entry.slot);
    this.#residence.evict(entry);
  };

  #expectInWindow(entry: Entry<V>): void {
    const deadline = deadlineOf(entry);
    if (deadline < this.#windowDeadline) this.#windowDeadline = deadline;
    this.#residence.expectDeadline(deadline);
  }
}

/** Divides the bounds between window and main. */
export function sharesOf(bounds: Bounds): Shares {
  const { maxEntries, maxBytes } = bounds;
  const windowEntries = Math.max(1, Math.floor(maxEntries * WINDOW_SHARE));
  const windowBytes = Math.floor((maxBytes * windowEntries) / maxEntries);
  return {
    windowEntries,
    windowBytes,
    mainEntries: maxEntries - Math.ceil(windowEntries / 2),
    mainBytes: maxBytes - Math.ceil(windowBytes / 2),
    core: { mainEntries: Math.max(1, maxEntries - windowEntries), maxEntries, maxBytes },
    settledBytes: maxBytes - windowBytes,
    entryBytes: Math.ceil(maxBytes / 2),
  };
}
