import { ReadBatch } from './read-batch.ts';
import type { Tier, TierHolder, TierLockRead } from './tier.ts';
import type { TierGuard } from './tier-guard.ts';

/** A level that has locks. */
export type LockingTier = Tier & Required<Pick<Tier, 'lockMany' | 'unlockMany'>>;

/** Whoever is to be waited for after so many is not: where loads fail, nobody queues to fail in turn. */
const MOST_HOLDERS = 2;
/** A lease ends by the clock of the level: this much later it has not ended as it should. */
const OVERDUE_MS = 100;
const SHORTEST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 100;
/** Of the time waited so far, what the next wait takes at most: so nobody asks often for long. */
const WAIT_SHARE = 1 / 4;

export function hasLocks(tier: Tier): tier is LockingTier {
  return typeof tier.lockMany === 'function' && typeof tier.unlockMany === 'function';
}

/** Locks of a second level, of which each lets one process load what the level lacks. */
export class LoadLocks {
  readonly leaseMs: number;
  readonly #tier: LockingTier;
  readonly #guard: TierGuard;
  readonly #reads: ReadBatch<TierLockRead>;
  /** By name: those who wait for its holder. */
  readonly #waiting = new Map<string, Set<() => void>>();
  /** What is given back next, and when all has been. */
  #returned = new Map<string, string>();
  #returning: Promise<void> = Promise.resolve();

  constructor(tier: LockingTier, guard: TierGuard, leaseMs: number) {
    this.#tier = tier;
    this.#guard = guard;
    this.leaseMs = leaseMs;
    const look = (names: readonly string[]) => tier.lockMany(names, leaseMs);
    this.#reads = new ReadBatch(look, guard);
  }

  /** @returns as `Tier.lockMany`, perhaps of more names; `undefined` where it cannot be told */
  read(names: readonly string[]): Promise<TierLockRead | undefined> {
    return this.#reads.read(names);
  }

  /** Whether somebody waits for the holder of a name. */
  isAwaited(name: string): boolean {
    return this.#waiting.has(name);
  }

  /** @returns resolves when one of the names has changed, time is up, or the signal has fired */
  async wait(names: readonly string[], ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        for (const name of names) this.#leave(name, wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake, { once: true });
      for (const name of names) {
        const waiting = this.#waiting.get(name);
        if (waiting === undefined) this.#waiting.set(name, new Set([wake]));
        else waiting.add(wake);
      }
    });
  }

  /** There may be something new under some names; `undefined`: under any of them. */
  wake(names: readonly string[] = [...this.#waiting.keys()]): void {
    for (const name of names) for (const wake of [...(this.#waiting.get(name) ?? [])]) wake();
  }

  /** Gives locks back; where that fails, they end with their lease. */
  release(locks: ReadonlyMap<string, string>): void {
    if (locks.size === 0) return;
    const isFirst = this.#returned.size === 0;
    for (const [name, lock] of locks) this.#returned.set(name, lock);
    if (isFirst) this.#returning = Promise.all([this.#returning, this.#giveBack()]).then(() => {});
  }

  /** @returns resolves when what was released is given back, or cannot be */
  settled(): Promise<void> {
    return this.#returning;
  }

  #leave(name: string, wake: () => void): void {
    const waiting = this.#waiting.get(name);
    waiting?.delete(wake);
    if (waiting?.size === 0) this.#waiting.delete(name);
  }

  async #giveBack(): Promise<void> {
    await Promise.resolve(); // what is released in one go is sent together
    const locks = this.#returned;
    this.#returned = new Map();
    await this.#guard.attempt('unlock', () => this.#tier.unlockMany(locks));
    // Another load of this process may wait for it: nobody else tells it of what this one does.
    this.wake([...locks.keys()]);
  }
}

/** How long one load waits for others. */
export class LoadPatience {
  readonly #leaseMs: number;
  readonly #beganMs = performance.now();
  readonly #holders = new Map<string, { id: string; untilMs: number; count: number }>();

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Whether a holder is waited for (still): for no longer than the lease, and not one after the other. */
  isLeft(name: string, { id }: TierHolder): boolean {
    const known = this.#holders.get(name);
    const nowMs = performance.now();
    if (known?.id === id) return nowMs < known.untilMs;
    const count = (known?.count ?? 0) + 1;
    this.#holders.set(name, { id, untilMs: nowMs + this.#leaseMs + OVERDUE_MS, count });
    return count <= MOST_HOLDERS;
  }

  /** @returns ms until the next look, no later than the end of the first lease */
  nextWaitMs(holders: Iterable<TierHolder>): number {
    const shareMs = (performance.now() - this.#beganMs) * WAIT_SHARE;
    const evenMs = Math.min(Math.max(shareMs, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
    // Others have begun to wait at the same moment, and must not go on asking at the same ones.
    let waitMs = evenMs * (0.75 + Math.random() / 2);
    for (const { leftMs } of holders) if (leftMs >= 0) waitMs = Math.min(waitMs, leftMs + 1);
    return waitMs;
  }
}
