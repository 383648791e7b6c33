import {
  type EntryMatcher,
  entryMatcher,
  type Invalidation,
  invalidationText,
} from './invalidation.ts';
import { uriOfResourceKey } from './resource-key.ts';
import type { TierWrite } from './tier.ts';

interface PendingDrop {
  readonly invalidation: Invalidation;
  /** The same for the same invalidation. */
  readonly text: string;
  readonly matches: EntryMatcher;
}

/** Something that a second level is to be told. */
export interface Pending {
  readonly write?: TierWrite;
  readonly drop?: PendingDrop;
  /** It was tried, and has failed. */
  isDeferred: boolean;
  /** Something newer has taken its place. */
  isOver: boolean;
  /** Told once: it has reached the level, was overtaken, or has failed and is kept for later. */
  settle: (() => void) | undefined;
  /** Counts up. */
  readonly sequence: number;
}

/**
 * Writes and invalidations on their way to a second level, in order. What is taken to be sent belongs
 * to it until it is `done` or `putBack`.
 */
export class PendingQueue {
  #queue: Pending[] = [];
  /** By name: the last write of those that wait. */
  readonly #writes = new Map<string, Pending>();
  /** By name: the last value that was set, also while it is sent. */
  readonly #puts = new Map<string, Pending>();
  /** By text, of those that wait. */
  readonly #waitingDrops = new Map<string, Pending>();
  /** Also while they are sent. */
  readonly #drops = new Set<Pending>();
  #size = 0;
  #sequence = 0;

  /** How many are on their way. */
  get size(): number {
    return this.#size;
  }

  /** The one that was added last; `undefined` where none waits to be sent. */
  get last(): Pending | undefined {
    return this.#queue.at(-1);
  }

  /** Of what a loader made and what was set under one name, the last is sent. */
  addWrite(write: TierWrite, settle?: () => void): void {
    const earlier = this.#writes.get(write.name);
    // A load may have begun before the set that it comes after: the level decides between them.
    const isSetBefore = earlier?.write?.moment === undefined && write.moment !== undefined;
    if (earlier !== undefined && !isSetBefore) this.#end(earlier);
    const pending = this.#add({ write, settle });
    this.#writes.set(write.name, pending);
    if (write.moment === undefined) this.#puts.set(write.name, pending);
  }

  /** What it would make invalid need not be written first. */
  addDrop(invalidation: Invalidation, settle?: () => void): void {
    const matches = entryMatcher(invalidation);
    const text = invalidationText(invalidation);
    const earlier = this.#waitingDrops.get(text);
    const settleEarlier = earlier?.settle;
    if (earlier !== undefined) {
      earlier.settle = undefined;
      this.#end(earlier);
    }
    const settleBoth = (): void => {
      settleEarlier?.();
      settle?.();
    };
    for (const pending of this.#queue) {
      if (pending.write !== undefined && isAmong(pending.write, matches)) this.#end(pending);
    }
    const pending = this.#add({ drop: { invalidation, text, matches }, settle: settleBoth });
    this.#waitingDrops.set(text, pending);
    this.#drops.add(pending);
  }

  /** @returns the first of one kind, `most` at most, without those that were overtaken */
  take(most: number): Pending[] {
    this.#queue = this.#queue.filter((pending) => !pending.isOver);
    const isWrite = this.#queue[0]?.write !== undefined;
    const other = this.#queue.findIndex((pending) => (pending.write !== undefined) !== isWrite);
    const taken = this.#queue.splice(0, other === -1 ? most : Math.min(other, most));
    for (const pending of taken) {
      const { write, drop } = pending;
      if (write !== undefined && this.#writes.get(write.name) === pending) {
        this.#writes.delete(write.name);
      }
      if (drop !== undefined) this.#waitingDrops.delete(drop.text);
    }
    return taken;
  }

  /** They have reached the level. */
  done(taken: readonly Pending[]): void {
    for (const pending of taken) this.#end(pending);
  }

  /** They have not; what has come meanwhile is newer. */
  putBack(taken: readonly Pending[]): void {
    for (const pending of taken) {
      const { write, drop } = pending;
      if (drop !== undefined && !this.#waitingDrops.has(drop.text)) {
        this.#waitingDrops.set(drop.text, pending);
      }
      if (write === undefined) continue;
      const newer = this.#writes.get(write.name);
      const isWritten = newer !== undefined && newer.write?.moment === undefined;
      if (isWritten || this.#isDroppedAfter(pending, write)) this.#end(pending);
      else if (newer === undefined) this.#writes.set(write.name, pending);
    }
    this.#queue = [...taken, ...this.#queue];
  }

  /** Those that wait have to wait for longer. @returns how many of them had not failed before */
  defer(): number {
    let count = 0;
    for (const pending of this.#queue) {
      pending.settle?.();
      pending.settle = undefined;
      if (!pending.isDeferred && !pending.isOver) count++;
      pending.isDeferred = true;
    }
    return count;
  }

  /** Gives up all that waits. */
  clear(): void {
    for (const pending of this.#queue) this.#end(pending);
    this.#queue = [];
  }

  /** @returns a value that was set and has not reached the level yet */
  find(name: string): TierWrite | undefined {
    const pending = this.#puts.get(name);
    if (pending?.write === undefined) return undefined;
    return this.#isDroppedAfter(pending, pending.write) ? undefined : pending.write;
  }

  /** Whether an invalidation that has not reached the level yet makes an entry of it invalid. */
  covers(name: string, tags: readonly string[]): boolean {
    const uri = uriOfResourceKey(name) ?? name;
    for (const { drop } of this.#drops) if (drop?.matches(uri, tags) === true) return true;
    return false;
  }

  #add(what: Pick<Pending, 'write' | 'drop'> & { settle: (() => void) | undefined }): Pending {
    const pending = { ...what, isDeferred: false, isOver: false, sequence: ++this.#sequence };
    this.#queue.push(pending);
    this.#size++;
    return pending;
  }

  #end(pending: Pending): void {
    if (pending.isOver) return;
    pending.isOver = true;
    this.#size--;
    this.#drops.delete(pending);
    const name = pending.write?.name ?? '';
    if (this.#writes.get(name) === pending) this.#writes.delete(name);
    if (this.#puts.get(name) === pending) this.#puts.delete(name);
    const text = pending.drop?.text ?? '';
    if (this.#waitingDrops.get(text) === pending) this.#waitingDrops.delete(text);
    pending.settle?.();
  }

  #isDroppedAfter({ sequence }: Pending, write: TierWrite): boolean {
    for (const later of this.#drops) {
      if (later.sequence > sequence && isAmong(write, later.drop!.matches)) return true;
    }
    return false;
  }
}

function isAmong({ name, tags }: TierWrite, matches: EntryMatcher): boolean {
  return matches(uriOfResourceKey(name) ?? name, tags);
}
