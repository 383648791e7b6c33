import { DeadlineWheel } from './deadline-wheel.ts';
import { deadlineOf, type Entry } from './entry.ts';
import { ExpiryTimer, type Expiring } from './expiry-timer.ts';
import type { SlotTable } from './slot-table.ts';
import type { StoreClock } from './store-clock.ts';

/**
 * When each slot is to be looked at next, and the timer that does.
 *
 * What is scheduled is the slot, not the entry in it: when the entry leaves or lives longer, the slot
 * stays where it is, is looked at then and scheduled anew. So a set into a slot that is scheduled
 * already costs one comparison, and no dead entry is kept until its deadline.
 */
export class ExpirySchedule<V> {
  readonly #slots: SlotTable<V>;
  readonly #clock: StoreClock;
  readonly #wheel: DeadlineWheel;
  readonly #timer: ExpiryTimer | undefined;

  /** @param owner what the timer runs, where the clock ticks by itself */
  constructor(slots: SlotTable<V>, clock: StoreClock, owner: Expiring) {
    this.#slots = slots;
    this.#clock = clock;
    this.#wheel = new DeadlineWheel(clock.read());
    this.#timer = clock.ticking ? new ExpiryTimer(owner) : undefined;
  }

  /** An entry is new in its slot, or has another deadline. */
  expect(entry: Entry<V>): void {
    const deadline = deadlineOf(entry);
    this.#wheel.scheduleByThen(entry.slot, deadline);
    if (this.#timer !== undefined && deadline < this.#timer.armedFor) {
      // Reads the word as it is: moving the origin now would move it under this deadline.
      this.#timer.arm(deadline + 1, this.#clock.read());
    }
  }

  /** Those that have expired by `now`, earliest first; arms the timer for the next. */
  takeDue(now: number): Entry<V>[] {
    const due: Entry<V>[] = [];
    for (const slot of this.#wheel.takeDue(now)) {
      const entry = this.#slots.at(slot);
      if (entry === undefined) continue;
      const deadline = deadlineOf(entry);
      if (now > deadline) due.push(entry);
      else this.#wheel.schedule(slot, deadline);
    }
    this.#arm(now);
    return due.sort((a, b) => deadlineOf(a) - deadlineOf(b));
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
