import { statSync } from 'node:fs';
import { descriptorKind, listDescriptors } from './descriptor-list.ts';
import type { InlineAccount } from './inline-account.ts';

/** An observation is trusted this long: many executions may ask in one turn. */
const FRESH_MS = 2;

/**
 * Divides what only the whole process shows (its descriptors, its memory) among the executions that run.
 *
 * What has come since the last look is charged to who ran: a descriptor to the one that ran longest, memory in
 * proportion. With one execution at a time that is nearly exact, with several an estimate, and is called one.
 */
export class SharedLedger {
  readonly #active = new Set<InlineAccount>();
  readonly #owners = new Map<number, InlineAccount | undefined>();
  #residentBytes = 0;
  #observedAtMs = -Infinity;
  #openCount = -1;
  #lastLook: Promise<void> | undefined;

  /** Lets an execution take part; what is open at this moment is not its own. */
  join(account: InlineAccount): void {
    if (this.#active.size === 0) this.#refresh();
    this.#active.add(account);
  }

  /** Looks for the last time on behalf of an execution, once for all that end in one turn, and lets it go. */
  async leave(account: InlineAccount): Promise<void> {
    this.#lastLook ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#lastLook = undefined;
        if (descriptorCount() !== this.#openCount || !this.#isFresh()) this.observe();
        resolve();
      });
    });
    await this.#lastLook;
    this.#active.delete(account);
  }

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
      const held = [...this.#active].reduce((sum, account) => sum + account.memoryBytes, 0);
      this.#divide(-Math.min(held, -changeBytes), (account) => account.memoryBytes);
    }
  }

  #divide(bytes: number, shareOf: (account: InlineAccount) => number): void {
    const whole = [...this.#active].reduce((sum, account) => sum + shareOf(account), 0);
    if (whole === 0) return;
    for (const account of this.#active) account.noteMemory((bytes * shareOf(account)) / whole);
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
