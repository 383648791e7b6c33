import { statSync } from 'node:fs';
import { descriptorKind, listDescriptors } from './descriptor-list.ts';
import type { InlineAccount } from './inline-account.ts';
import { RunningList } from './running-list.ts';

/** An observation is trusted this long: many executions may ask in one turn. */
const FRESH_MS = 2;

/** Whoever takes part, and is told when he may go: all that is his is known. */
export interface Participant {
  readonly result: Promise<unknown>;
  stop(reason: unknown): void;
  readonly account: InlineAccount;
  left(): void;
}

/**
 * Divides what only the whole process shows (its descriptors, its memory) among the executions that run.
 *
 * What has come since the last look is charged to who ran: a descriptor to the one that ran longest, memory in
 * proportion. With one execution at a time that is nearly exact, with several an estimate, and is called one.
 */
export class SharedLedger {
  readonly #active = new RunningList<InlineAccount>();
  readonly #owners = new Map<number, InlineAccount | undefined>();
  #residentBytes = 0;
  #observedAtMs = -Infinity;
  #openCount = -1;
  #leaving: Participant[] = [];

  /** Lets an execution take part; what is open at this moment is not its own. */
  join(participant: Participant): void {
    if (this.#active.size === 0) this.#refresh();
    participant.account.participant = participant;
    this.#active.add(participant.account);
  }

  /** Who takes part now. */
  participants(): readonly Participant[] {
    return [...this.#active].flatMap(({ participant }) => participant ?? []);
  }

  /** Looks for the last time on behalf of an execution, once for all that end in one turn, and lets it go. */
  leave(departure: Participant): void {
    this.#leaving.push(departure);
    if (this.#leaving.length === 1) setImmediate(this.#lastLook);
  }

  readonly #lastLook = (): void => {
    const leaving = this.#leaving;
    this.#leaving = [];
    if (descriptorCount() !== this.#openCount || !this.#isFresh()) this.observe();
    for (const departure of leaving) {
      this.#active.delete(departure.account);
      departure.left();
    }
  };

  /** Brings the accounts up to date, unless they are. */
  refresh(): void {
    this.#refresh();
  }

  observe(): void {
    this.#observeDescriptors();
    this.#observeMemory();
    for (const account of this.#active) account.recentCpuMs = 0;
    this.#observedAtMs = performance.now();
  }

  #isFresh(): boolean {
    return performance.now() - this.#observedAtMs < FRESH_MS;
  }

  #refresh(): void {
    if (!this.#isFresh()) this.observe();
  }

  #observeDescriptors(): void {
    const open = new Set(listDescriptors());
    const busiest = this.#busiest();
    for (const fd of open) {
      if (this.#owners.has(fd)) continue;
      const kind = descriptorKind(fd);
      if (kind === undefined) continue;
      const owner = kind === 'file' ? busiest : undefined;
      this.#owners.set(fd, owner);
      owner?.guessDescriptor(fd);
    }
    for (const [fd, owner] of this.#owners) {
      if (open.has(fd)) continue;
      this.#owners.delete(fd);
      owner?.forgetDescriptor(fd);
    }
    this.#openCount = descriptorCount();
    for (const account of this.#active) if (account.hasHandles) account.descriptorIds();
  }

  #observeMemory(): void {
    const residentBytes = process.memoryUsage.rss();
    const changeBytes = residentBytes - this.#residentBytes;
    this.#residentBytes = residentBytes;
    if (changeBytes > 0) {
      this.#divide(changeBytes, (account) => account.recentCpuMs);
    } else if (changeBytes < 0) {
      let held = 0;
      for (const account of this.#active) held += account.memoryBytes;
      this.#divide(-Math.min(held, -changeBytes), (account) => account.memoryBytes);
    }
  }

  #divide(bytes: number, shareOf: (account: InlineAccount) => number): void {
    let whole = 0;
    for (const account of this.#active) whole += shareOf(account);
    if (whole === 0) return;
    for (const account of this.#active) {
      account.noteMemory((bytes * shareOf(account)) / whole);
    }
  }

  #busiest(): InlineAccount | undefined {
    let busiest: InlineAccount | undefined;
    for (const account of this.#active) {
      if (busiest === undefined || account.recentCpuMs > busiest.recentCpuMs) busiest = account;
    }
    return busiest;
  }
}

/** How many descriptors are open, where the kernel tells it without a list (Linux 6.2); else NaN, equal to nothing. */
function descriptorCount(): number {
  if (process.platform !== 'linux') return Number.NaN;
  const { size } = statSync('/proc/self/fd');
  return size === 0 ? Number.NaN : size;
}
