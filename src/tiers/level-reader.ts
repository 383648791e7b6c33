import type { Clock } from '../clock.ts';
import { type LoadLocks, LoadPatience } from './load-locks.ts';
import type { Outbox } from './outbox.ts';
import { ReadBatch } from './read-batch.ts';
import { resourceKey } from './resource-key.ts';
import type { Tier, TierEntry, TierHolder, TierLockRead, TierMoment, TierRead } from './tier.ts';
import type { TierGuard } from './tier-guard.ts';

/** What was found in the second level, by key of the first. */
interface LevelLook {
  readonly found: ReadonlyMap<string, TierEntry>;
  /** What has expired and has a validator. */
  readonly stale: ReadonlyMap<string, TierEntry>;
  readonly moment: TierMoment | undefined;
  /** Of what was not found, by name. */
  readonly locks: ReadonlyMap<string, string>;
  /** By key. */
  readonly holders: ReadonlyMap<string, TierHolder>;
  /** Keys whose entries an invalidation is on its way to: nobody has a lock of those. */
  readonly dropped: ReadonlySet<string>;
}

/** What becomes of keys. */
export interface ResolveTask {
  find(key: string, entry: TierEntry): void;
  /**
   * Asks the origin; takes out the locks that it has given back itself, by name.
   *
   * @param stale what the level holds of them, expired and with a validator
   */
  readonly make:
    | ((
        keys: readonly string[],
        moment: TierMoment | undefined,
        locks: Map<string, string>,
        stale: ReadonlyMap<string, TierEntry>,
      ) => Promise<void>)
    | undefined;
}

const UNLOCKED: Pick<TierLockRead, 'locks' | 'holders'> = { locks: new Map(), holders: new Map() };
/** An entry that ends sooner has ended for the first level, whose deadlines are earlier by a tick. */
const SHORTEST_LIFE_MS = 2;

/** What a reader reads. */
export interface ReaderTarget {
  readonly tier: Tier;
  readonly guard: TierGuard;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Where one process at a time is to make what is missing. */
  readonly locks: LoadLocks | undefined;
}

/** Finds entries of a second level, and has those that it lacks made once. */
export class LevelReader {
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #locks: LoadLocks | undefined;
  readonly #reads: ReadBatch<TierRead>;
  /** The latest that a read has told: older than now, so that what is written with it may lose. */
  #moment: TierMoment | undefined;
  hits = 0;
  misses = 0;
  /** What another process was making. */
  awaited = 0;

  constructor({ tier, guard, outbox, clock, locks }: ReaderTarget) {
    this.#outbox = outbox;
    this.#clock = clock;
    this.#locks = locks;
    this.#reads = new ReadBatch((names) => tier.getMany(names), guard);
  }

  /**
   * Has the second level asked for keys, and made what it lacks: by whoever in whatever process got the
   * lock, where there are locks.
   */
  async resolve(
    keys: readonly string[],
    signal: AbortSignal,
    task: ResolveTask,
    patience?: LoadPatience,
  ): Promise<void> {
    const locking = task.make === undefined ? undefined : this.#locks;
    const look = await this.#look(keys, locking);
    for (const [key, entry] of look.found) task.find(key, entry);
    this.hits += look.found.size;
    const missing = keys.filter((key) => !look.found.has(key));
    if (signal.aborted) locking?.release(look.locks);
    if (missing.length === 0 || task.make === undefined) {
      this.misses += missing.length;
      return;
    }
    signal.throwIfAborted();
    if (look.holders.size === 0 && (look.dropped.size === 0 || patience !== undefined)) {
      this.misses += missing.length;
      return this.#make(missing, look, task.make, signal);
    }
    const waits = patience ?? (locking && new LoadPatience(locking.leaseMs));
    const awaited = new Map<string, TierHolder>();
    for (const key of missing) {
      const holder = look.holders.get(key);
      if (holder !== undefined && waits?.isLeft(key, holder) === true) awaited.set(key, holder);
    }
    const isDropped = (key: string): boolean => patience === undefined && look.dropped.has(key);
    const dropped = waits === undefined ? [] : missing.filter(isDropped);
    const own = missing.filter((key) => !awaited.has(key) && !dropped.includes(key));
    this.misses += own.length;
    if (patience === undefined) this.awaited += awaited.size;
    const parts: Promise<void>[] = [];
    if (own.length > 0) parts.push(this.#make(own, look, task.make, signal));
    if (awaited.size > 0 && locking !== undefined && waits !== undefined) {
      const others = [...awaited.keys()];
      const ms = waits.nextWaitMs(awaited.values());
      const waited = locking.wait(others.map(resourceKey), ms, signal);
      parts.push(waited.then(() => this.resolve(others, signal, task, waits)));
    }
    if (dropped.length > 0) {
      const told = this.#outbox.settled();
      parts.push(told.then(() => this.resolve(dropped, signal, task, waits)));
    }
    // What others bring is worth having also where the own part fails.
    const failure = (await Promise.allSettled(parts)).find(({ status }) => status === 'rejected');
    if (failure !== undefined) throw (failure as PromiseRejectedResult).reason;
  }

  /**
   * Has a key made whatever the second level holds of it, and without a lock: what is held is good, so that
   * nobody else waits for it.
   */
  async renew(key: string, make: NonNullable<ResolveTask['make']>): Promise<void> {
    const { moment, stale, found } = await this.#look([key]);
    const held = new Map(
      [...stale, ...found].filter(([, { validator }]) => validator !== undefined),
    );
    await make([key], moment, new Map(), held);
  }

  async #make(
    keys: readonly string[],
    { moment, locks, stale }: LevelLook,
    make: NonNullable<ResolveTask['make']>,
    signal: AbortSignal,
  ): Promise<void> {
    const held = new Map(locks);
    const release = (): void => {
      this.#locks?.release(new Map(held));
      held.clear();
    };
    // A loader may not listen: who comes next need not wait until it ends, or for its lease.
    signal.addEventListener('abort', release, { once: true });
    try {
      await make(keys, moment, held, stale);
    } finally {
      signal.removeEventListener('abort', release);
      // Those of what is written are given back when it is there.
      release();
    }
  }

  /** @param locking where what is missing is to be locked */
  async #look(keys: readonly string[], locking?: LoadLocks): Promise<LevelLook> {
    const names = new Map(
      keys.map((key) => [resourceKey(key), key] as const).filter(([name]) => name.isWellFormed()),
    );
    const found = new Map<string, TierEntry>();
    const stale = new Map<string, TierEntry>();
    for (const [name, key] of names) {
      const pending = this.#outbox.find(name);
      if (pending !== undefined) found.set(key, pending);
    }
    const asked = [...names.keys()].filter((name) => !found.has(names.get(name)!));
    const reads: ReadBatch<TierRead> | LoadLocks = locking ?? this.#reads;
    const read = asked.length === 0 ? undefined : await reads.read(asked);
    const { locks, holders } =
      read !== undefined && 'locks' in read ? (read as TierLockRead) : UNLOCKED;
    const own = new Map<string, string>();
    const others = new Map<string, TierHolder>();
    const dropped = new Set<string>();
    const now = this.#clock.now();
    for (const name of asked) {
      const key = names.get(name)!;
      const entry = read?.entries.get(name);
      const lock = locks.get(name);
      const holder = holders.get(name);
      if (lock !== undefined) own.set(name, lock);
      if (holder !== undefined) others.set(key, holder);
      if (entry === undefined) continue;
      const isOver = entry.expiresAtMs !== undefined && entry.expiresAtMs - now < SHORTEST_LIFE_MS;
      const isDropped = this.#outbox.covers(name, entry.tags);
      if (isDropped && lock === undefined && holder === undefined) dropped.add(key);
      if (isOver && !isDropped && entry.validator !== undefined) stale.set(key, entry);
      if (isOver || isDropped) continue;
      found.set(key, entry);
      own.delete(name);
      if (lock !== undefined) locking?.release(new Map([[name, lock]]));
    }
    if (read !== undefined) this.#moment = read.moment;
    return { found, stale, moment: this.#moment, locks: own, holders: others, dropped };
  }
}
