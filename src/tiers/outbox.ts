import type { Invalidation } from './invalidation.ts';
import { type Pending, PendingQueue } from './pending-queue.ts';
import type { Tier, TierListener, TierWrite } from './tier.ts';
import type { TierGuard } from './tier-guard.ts';
import type { TierJournal } from './tier-journal.ts';

/** Sent together at most: what a level gets in one piece stays small. */
const BATCH = 500;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 5_000;

/** What an outbox is about. */
export interface OutboxTarget {
  readonly tier: Tier;
  /** Who writes and invalidates. */
  readonly by: TierListener;
  readonly guard: TierGuard;
  readonly journal: TierJournal;
  readonly maxPending: number;
  /** The level has kept newer entries under these names. */
  superseded(names: readonly string[]): void;
}

/**
 * Tells a second level what was loaded, set and invalidated, in order. What fails stays, and is told
 * again when the level is back.
 */
export class Outbox {
  readonly #target: OutboxTarget;
  readonly #queue = new PendingQueue();
  #sending: readonly Pending[] = [];
  #isRunning = false;
  #isScheduled = false;
  #retries = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(target: OutboxTarget) {
    this.#target = target;
  }

  /** Writes and invalidations that have not reached the level yet. */
  get size(): number {
    return this.#queue.size;
  }

  /**
   * What a loader made; leaves in the next turn of the event loop, with all others of this one.
   *
   * @param settle called when it has reached the level, was overtaken, or is kept for later
   */
  write(write: TierWrite, settle?: () => void): void {
    if (this.#isClosed) return settle?.();
    this.#queue.addWrite(write, settle);
    this.#bound();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      void this.flush();
    });
  }

  /** What was set. @returns resolves when it has reached the level, or is kept for later */
  put(writes: readonly TierWrite[]): Promise<void> {
    return this.#start(
      writes.map((write) => this.#awaited((settle) => this.#queue.addWrite(write, settle))),
    );
  }

  /** @returns as `put` */
  drop(invalidation: Invalidation): Promise<void> {
    return this.#start([this.#awaited((settle) => this.#queue.addDrop(invalidation, settle))]);
  }

  /** @returns a value that was set and has not reached the level yet */
  find(name: string): TierWrite | undefined {
    return this.#queue.find(name);
  }

  /** Whether an invalidation that has not reached the level yet makes an entry of it invalid. */
  covers(name: string, tags: readonly string[]): boolean {
    return this.#queue.covers(name, tags);
  }

  /** Sends what there is, in order. @returns resolves when nothing is left, or the level fails */
  async flush(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    clearTimeout(this.#timer);
    try {
      while (this.#queue.size > 0 && !this.#isClosed) {
        if (!(await this.#sendBatch())) {
          this.#defer();
          return;
        }
        this.#retries = 0;
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Sends what there is. @returns resolves when all of it has reached the level, or failed */
  async settled(): Promise<void> {
    const last = this.#queue.last ?? this.#sending.at(-1);
    if (last === undefined || this.#isClosed) return;
    const settled = this.#awaited((settle) => {
      const { settle: before } = last;
      last.settle = () => {
        before?.();
        settle();
      };
    });
    void this.flush();
    await settled;
  }

  /** Gives up what is left. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#queue.done(this.#sending);
    this.#queue.clear();
  }

  #awaited(add: (settle: () => void) => void): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise(add);
  }

  async #start(sent: readonly Promise<void>[]): Promise<void> {
    this.#bound();
    await Promise.resolve(); // what is set or invalidated in one go is sent together
    void this.flush();
    await Promise.all(sent);
  }

  async #sendBatch(): Promise<boolean> {
    const batch = this.#queue.take(BATCH);
    if (batch.length === 0) return true;
    this.#sending = batch;
    const { tier, guard, by, journal } = this.#target;
    const drops = batch.flatMap(({ drop }) => (drop === undefined ? [] : [drop.invalidation]));
    const writes = batch.flatMap(({ write, isDeferred }) =>
      write === undefined ? [] : [{ ...write, isRepeated: isDeferred }],
    );
    const outcome = await (writes.length > 0
      ? guard.attempt('write', () => tier.setMany(writes, by))
      : guard.attempt('invalidate', () => tier.invalidate(drops, by)));
    this.#sending = [];
    if (this.#isClosed) return true;
    if (outcome === undefined) {
      this.#queue.putBack(batch);
      return false;
    }
    const replayed = batch.filter(({ isDeferred }) => isDeferred).length;
    if (replayed > 0) journal.tell('replayed', { count: replayed });
    const newer = outcome.result ?? [];
    if (newer.length > 0) {
      journal.tell('superseded', { count: newer.length });
      this.#target.superseded(newer);
    }
    this.#queue.done(batch);
    return true;
  }

  #defer(): void {
    const count = this.#queue.defer();
    if (count > 0) this.#target.journal.tell('deferred', { count });
    if (this.#isClosed) return;
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#retries++, LAST_RETRY_MS);
    this.#timer = setTimeout(() => void this.flush(), delayMs).unref();
  }

  /** To give up an invalidation would be to serve what is stale: everything is invalidated instead. */
  #bound(): void {
    const { size } = this.#queue;
    if (size <= this.#target.maxPending + this.#sending.length) return;
    this.#target.journal.tell('overflowed', { count: size });
    this.#queue.clear();
    this.#queue.addDrop({ kind: 'all' });
  }
}
