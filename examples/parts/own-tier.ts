import {
  entryMatcher,
  type EntryMatcher,
  type Invalidation,
  type Tier,
  type TierEntry,
  type TierHolder,
  type TierListener,
  type TierLockRead,
  type TierRead,
  type TierWrite,
  uriOfResourceKey,
} from 'mcp-granary';

/** A second level that does all that one must, in the memory of the process. */
export class OwnTier implements Tier {
  readonly #held = new Map<string, { entry: TierEntry; version: number }>();
  readonly #invalidated: { matches: EntryMatcher; version: number }[] = [];
  readonly #listeners = new Set<TierListener>();
  readonly #locks = new Map<string, { lock: string; untilMs: number }>();
  /** Counts all that happens: a load takes the number of its beginning, and what comes later wins. */
  #clock = 0;

  async getMany(names: readonly string[]): Promise<TierRead> {
    return { entries: this.#find(names), moment: this.#clock };
  }

  async lockMany(names: readonly string[], leaseMs: number): Promise<TierLockRead> {
    const entries = this.#find(names);
    const locks = new Map<string, string>();
    const holders = new Map<string, TierHolder>();
    for (const name of names.filter((each) => !isAlive(entries.get(each)))) {
      const held = this.#locks.get(name);
      const leftMs = (held?.untilMs ?? 0) - performance.now();
      if (held !== undefined && leftMs > 0) {
        holders.set(name, { id: held.lock, leftMs });
      } else {
        const lock = `${++this.#clock}`; // newer than all that a holder before can have written
        this.#locks.set(name, { lock, untilMs: performance.now() + leaseMs });
        locks.set(name, lock);
      }
    }
    return { entries, moment: this.#clock, locks, holders };
  }

  async unlockMany(locks: ReadonlyMap<string, string>): Promise<void> {
    for (const [name, lock] of locks) {
      if (this.#locks.get(name)?.lock === lock) this.#locks.delete(name);
    }
  }

  async setMany(writes: readonly TierWrite[], by?: TierListener): Promise<readonly string[]> {
    const left = writes.filter((write) => !this.#write(write)).map(({ name }) => name);
    const written = writes.map(({ name }) => name).filter((name) => !left.includes(name));
    for (const listener of this.#listeners) if (listener !== by) listener.changed(written);
    return left;
  }

  async invalidate(invalidations: readonly Invalidation[], by?: TierListener): Promise<void> {
    const version = ++this.#clock;
    // A level for real use bounds this, and forgets an entry when it takes what is remembered of it.
    for (const each of invalidations)
      this.#invalidated.push({ matches: entryMatcher(each), version });
    for (const listener of this.#listeners)
      if (listener !== by) listener.invalidated(invalidations);
  }

  subscribe(listener: TierListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#held.clear();
  }

  #find(names: readonly string[]): Map<string, TierEntry> {
    const entries = new Map<string, TierEntry>();
    for (const name of names) {
      const held = this.#held.get(name);
      if (held !== undefined && this.#isValid(name, held)) entries.set(name, held.entry);
    }
    return entries;
  }

  #write(write: TierWrite): boolean {
    const { name, moment, isRepeated, value, createdAtMs, expiresAtMs, tags, validator } = write;
    const held = this.#held.get(name);
    const version = moment === undefined ? ++this.#clock : Number(moment);
    const isOlder =
      held !== undefined &&
      (moment === undefined
        ? isRepeated === true && held.entry.createdAtMs > createdAtMs
        : held.version > version);
    if (isOlder) return false;
    const life = { createdAtMs, expiresAtMs, tags, ...(validator && { validator }) };
    this.#held.set(name, { entry: { value, ...life }, version });
    return true;
  }

  #isValid(name: string, { entry, version }: { entry: TierEntry; version: number }): boolean {
    const uri = uriOfResourceKey(name) ?? name;
    return this.#invalidated.every(
      (each) => each.version <= version || !each.matches(uri, entry.tags),
    );
  }
}

/** One that has expired is kept where it may be revalidated, by whoever has the lock. */
function isAlive(entry: TierEntry | undefined): boolean {
  if (entry?.validator === undefined) return entry !== undefined;
  return entry.expiresAtMs === undefined || entry.expiresAtMs >= Date.now();
}
