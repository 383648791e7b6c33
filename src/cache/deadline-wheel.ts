const LEVELS = 6;
const SPAN = 64;
const NONE = -1;

/** Width in ms of one bucket of each level: 1, 64, 4096, … */
const WIDTHS = Array.from({ length: LEVELS }, (_, level) => SPAN ** level);
/** The farthest that a bucket can stand for, about two years; later deadlines are looked at then. */
const HORIZON = SPAN ** LEVELS - 1;

function copyInto<T extends Int32Array | Float64Array>(to: T, from: T): T {
  to.set(from);
  return to;
}

/** Place of the `turn`-th bucket of a level; a clock may stand below 0. */
function bucketOf(level: number, turn: number): number {
  const place = turn % SPAN;
  return level * SPAN + (place < 0 ? place + SPAN : place);
}

/**
 * Hierarchical timing wheel (Varghese and Lauck, SOSP 1987) over slot numbers: scheduling and
 * cancelling take constant time, and no dead entry is kept until its deadline.
 *
 * Lists run through arrays indexed by slot, so an entry carries nothing for it and the garbage
 * collector sees no pointers.
 */
export class DeadlineWheel {
  #cursor: number;
  readonly #heads = new Int32Array(LEVELS * SPAN).fill(NONE);
  #next = new Int32Array(0);
  #previous = new Int32Array(0);
  /** Bucket of each slot; NONE where the slot is not scheduled. */
  #buckets = new Int32Array(0);
  /** First ms at which the slot is due; Infinity where it is not scheduled. */
  #due = new Float64Array(0);

  constructor(now: number) {
    this.#cursor = Math.floor(now);
  }

  /** @param deadline last ms at which the entry of `slot` lives; Infinity schedules nothing. */
  schedule(slot: number, deadline: number): void {
    this.cancel(slot);
    if (deadline === Infinity) return;
    if (slot >= this.#buckets.length) this.#grow(slot + 1);
    this.#due[slot] = Math.floor(deadline) + 1;
    this.#link(slot);
  }

  /**
   * Whether a slot need not be scheduled for a deadline: it is looked at before that, and again then.
   * So a deadline that moves on costs nothing.
   */
  isDueBy(slot: number, deadline: number): boolean {
    return this.#due[slot]! <= deadline || deadline === Infinity;
  }

  cancel(slot: number): void {
    const bucket = this.#buckets[slot];
    if (bucket === undefined || bucket === NONE) return;
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    if (previous === NONE) this.#heads[bucket] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#buckets[slot] = NONE;
    this.#due[slot] = Infinity;
  }

  /**
   * Takes out every slot that is due at `now`, earliest first.
   *
   * A fractional `now`, or one before an earlier one, also returns what is due later by the exact
   * time; the caller looks at the deadline and schedules again what still lives.
   */
  takeDue(now: number): number[] {
    const target = Math.max(this.#cursor, Math.ceil(now));
    const from = this.#cursor;
    this.#cursor = target;
    const due: number[] = [];
    for (let level = 0; level < LEVELS; level++) {
      const width = WIDTHS[level]!;
      const first = Math.floor(from / width);
      const last = Math.floor(target / width);
      if (level > 0 && first === last) break;
      const count = Math.min(SPAN, last - first + 1);
      for (let step = 0; step < count; step++) {
        this.#takeBucket(bucketOf(level, last - step), target, due);
      }
    }
    due.sort((a, b) => this.#due[a]! - this.#due[b]!);
    for (const slot of due) this.#due[slot] = Infinity;
    return due;
  }

  /** @returns a ms at or before the first at which a slot is due; Infinity when none is scheduled. */
  nextDue(): number {
    if (this.#heads[bucketOf(0, this.#cursor)] !== NONE) return this.#cursor;
    let earliest = Infinity;
    for (let level = 0; level < LEVELS; level++) {
      const width = WIDTHS[level]!;
      const current = Math.floor(this.#cursor / width);
      // What the current bucket of a level holds is a whole turn ahead: its own was cascaded.
      for (let step = 1; step <= SPAN; step++) {
        if (this.#heads[bucketOf(level, current + step)] === NONE) continue;
        earliest = Math.min(earliest, (current + step) * width);
        break;
      }
    }
    return earliest;
  }

  /** Moves the origin of time: what was due at `t` is due at `t - delta`. */
  rebase(delta: number): void {
    const scheduled: number[] = [];
    for (let slot = 0; slot < this.#buckets.length; slot++) {
      if (this.#buckets[slot] !== NONE) scheduled.push(slot);
    }
    this.#heads.fill(NONE);
    this.#cursor -= delta;
    for (const slot of scheduled) {
      this.#due[slot]! -= delta;
      this.#link(slot);
    }
  }

  clear(): void {
    this.#heads.fill(NONE);
    this.#buckets.fill(NONE);
    this.#due.fill(Infinity);
  }

  #takeBucket(bucket: number, target: number, due: number[]): void {
    let slot = this.#heads[bucket]!;
    this.#heads[bucket] = NONE;
    while (slot !== NONE) {
      const next = this.#next[slot]!;
      this.#buckets[slot] = NONE;
      if (this.#due[slot]! <= target) due.push(slot);
      else this.#link(slot);
      slot = next;
    }
  }

  #link(slot: number): void {
    // What is due already waits in the bucket of the cursor, which every call of takeDue looks at.
    const ahead = Math.max(0, Math.min(this.#due[slot]! - this.#cursor, HORIZON));
    let level = 0;
    while (level < LEVELS - 1 && ahead >= WIDTHS[level + 1]!) level++;
    const bucket = bucketOf(level, Math.floor((this.#cursor + ahead) / WIDTHS[level]!));
    const head = this.#heads[bucket]!;
    this.#next[slot] = head;
    this.#previous[slot] = NONE;
    if (head !== NONE) this.#previous[head] = slot;
    this.#heads[bucket] = slot;
    this.#buckets[slot] = bucket;
  }

  #grow(slots: number): void {
    const capacity = Math.max(64, 2 ** Math.ceil(Math.log2(slots)));
    this.#next = copyInto(new Int32Array(capacity), this.#next);
    this.#previous = copyInto(new Int32Array(capacity), this.#previous);
    this.#buckets = copyInto(new Int32Array(capacity).fill(NONE), this.#buckets);
    this.#due = copyInto(new Float64Array(capacity).fill(Infinity), this.#due);
  }
}
