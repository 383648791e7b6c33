import { DeadlineWheel } from './deadline-wheel.ts';
import type { EntryTable } from './entry-table.ts';
import { ExpiryTimer, type Expiring } from './expiry-timer.ts';
import type { StoreClock } from './store-clock.ts';

/**
 * When each slot is to be looked at next, and the timer that does.
 *
 * What is scheduled is the slot, not the entry in it: when the entry leaves or lives longer, the slot
 * stays where it is, is looked at then and scheduled anew. So a set into a slot that is scheduled
 * already costs one comparison, and no dead entry is kept until its deadline.
 */
export class ExpirySchedule {
  readonly #table: EntryTable<unknown>;
  readonly #clock: StoreClock;
  readonly #wheel: DeadlineWheel;
  readonly #timer: ExpiryTimer | undefined;

  /** @param owner what the timer runs, where the clock ticks by itself */
  constructor(table: EntryTable<unknown>, clock: StoreClock, owner: Expiring) {
    this.#table = table;
    this.#clock = clock;
    this.#wheel = new DeadlineWheel(clock.read());
    this.#timer = clock.ticking ? new ExpiryTimer(owner) : undefined;
  }

  /** An entry is new in its slot, or has another deadline. */
  expect(slot: number): void {
    const deadline = this.#table.deadlineOf(slot);
    if (!this.#wheel.isDueBy(slot, deadline)) this.#schedule(slot, deadline);
  }

  #schedule(slot: number, deadline: number): void {
    this.#wheel.schedule(slot, deadline);
    if (this.#timer !== undefined && deadline < this.#timer.armedFor) {
      // The first whole ms at which it is due, as in the wheel: until then nothing is looked for. Reads
      // the word as it is: moving the origin now would move it under this deadline.
      this.#timer.arm(Math.floor(deadline) + 1, this.#clock.read());
    }
  }

  /** The slots of those that have expired by `now`, earliest first; arms the timer for the next. */
  takeDue(now: number): number[] {
    // Nothing is due before the timer is: looking through the wheel and arming anew takes 10 µs.
    if (this.#timer !== undefined && now < this.#timer.armedFor) return [];
    const table = this.#table;
    const due: number[] = [];
    for (const slot of this.#wheel.takeDue(now)) {
      if (table.values[slot] === undefined) {
        table.endSchedule(slot);
        continue;
      }
      const deadline = table.deadlineOf(slot);
      if (now > deadline) due.push(slot);
      else this.#wheel.schedule(slot, deadline);
    }
    this.#arm(now);
    return due.sort((a, b) => table.deadlineOf(a) - table.deadlineOf(b));
  }

  /** The clock's origin has moved by `delta` ms. */
  rebase(delta: number): void {
    this.#wheel.rebase(delta);
    this.#arm(0);
  }

  clear(): void {
    this.#wheel.clear();
    this.#timer?.disarm();
  }

  #arm(now: number): void {
    this.#timer?.arm(this.#wheel.nextDue(), now);
  }
}
