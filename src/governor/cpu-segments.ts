import type { ThreadClock } from './thread-clock.ts';

/** Whom CPU time is charged to. */
export interface CpuAccount {
  cpuTimeMs: number;
  /** Since descriptors and memory were last looked at: whose share of what has changed. */
  recentCpuMs: number;
}

/**
 * Charges the time of this thread to whoever's code runs on it.
 *
 * The clock is read only where the account changes, not at each callback: a chain of a thousand awaits of one tool
 * costs two readings.
 */
export class CpuSegments {
  readonly #clock: ThreadClock;
  #account: CpuAccount | undefined;
  #sinceMs = 0;

  constructor(clock: ThreadClock) {
    this.#clock = clock;
  }

  /** From now on `account` pays; `undefined` is nobody's time. */
  switchTo(account: CpuAccount | undefined): void {
    if (account === this.#account) return;
    const nowMs = this.#clock();
    this.#charge(nowMs);
    this.#account = account;
    this.#sinceMs = nowMs;
  }

  /** Brings the account that pays now up to date. */
  settle(): void {
    if (this.#account === undefined) return;
    const nowMs = this.#clock();
    this.#charge(nowMs);
    this.#sinceMs = nowMs;
  }

  get account(): CpuAccount | undefined {
    return this.#account;
  }

  #charge(nowMs: number): void {
    if (this.#account === undefined) return;
    const spentMs = nowMs - this.#sinceMs;
    this.#account.cpuTimeMs += spentMs;
    this.#account.recentCpuMs += spentMs;
  }
}
