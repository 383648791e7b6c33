import type { BulkLoader, LoadContext, LoadOptions, SetOptions } from '../cache/loader.ts';
import type { Clock } from '../clock.ts';
import { checkDurationMs, checkTags } from '../options.ts';
import type { Invalidation } from './invalidation.ts';
import { Outbox } from './outbox.ts';
import { ReadBatch } from './read-batch.ts';
import { firstLevelKey, resourceKey } from './resource-key.ts';
import { shorterTtlMs, type TierSettings } from './tiered-options.ts';
import type { Tier, TierEntry, TierListener, TierMoment } from './tier.ts';
import { TierGuard } from './tier-guard.ts';
import type { TierJournal } from './tier-journal.ts';
import type { TierStats } from './tier-stats.ts';

/** What is changed in the first level by what others do; nothing of it is told to the second. */
export interface FirstLevel {
  /** Drops one entry. */
  invalidateKey(key: string): void;
  /** Drops what matches, in every partition. */
  apply(invalidation: Invalidation): void;
}

/** How long a value that was made is kept, and under which tags. */
interface Keeping {
  ttlMs: number;
  tags: readonly string[];
}

/** What a bulk load is told, as far as it matters here. */
interface BulkContext<V> {
  readonly signal: AbortSignal;
  deliver(uri: string, value: V, options?: SetOptions): void;
  setTtl(ttlMs: number): void;
  setTags(tags: readonly string[]): void;
}

/** An L1 deadline is counted from a moment that may be this much later than that of the L2 entry. */
const TICK_MS = 1;
const FOREVER = 'never expires';

/**
 * The part of a cache behind its first level: asks the second level, then the origin, and tells the
 * second level what was loaded, set and invalidated.
 *
 * It never fails: without its tier a load goes to the origin, and what the tier has missed is told to
 * it when it is back.
 */
export class SecondLevel<V> {
  readonly journal: TierJournal;
  readonly #settings: TierSettings;
  readonly #tier: Tier;
  readonly #first: FirstLevel;
  readonly #clock: Clock;
  readonly #guard: TierGuard;
  readonly #outbox: Outbox;
  readonly #reads: ReadBatch;
  readonly #unsubscribe: () => void;
  /** The latest that a read has told: older than now, so that what is written with it may lose. */
  #moment: TierMoment | undefined;
  #hits = 0;
  #misses = 0;
  #originLoads = 0;
  #originFailures = 0;

  /** @param clock of the first level, where that has one of its own */
  constructor(
    settings: TierSettings,
    first: FirstLevel,
    clock: Clock | undefined,
    journal: TierJournal,
  ) {
    this.journal = journal;
    this.#settings = settings;
    this.#tier = settings.tier;
    this.#first = first;
    this.#clock = clock ?? { now: () => Date.now() };
    this.#guard = new TierGuard(settings, this.journal);
    this.#reads = new ReadBatch(settings.tier, this.#guard);
    const by = this.#listener();
    this.#outbox = new Outbox({
      tier: settings.tier,
      by,
      guard: this.#guard,
      journal: this.journal,
      maxPending: settings.maxPending,
      superseded: (names) => this.#forget(names),
    });
    this.#unsubscribe = this.#tier.subscribe(by);
  }

  /** @returns options for a load of the first level, which keeps an entry no longer than `l1TtlMs` */
  firstLevelOptions(options: LoadOptions): LoadOptions {
    const { ttlMs = this.#settings.ttlMs } = options;
    return { ...options, ttlMs: this.#firstTtlMs(checkDurationMs('ttlMs', ttlMs, FOREVER)) };
  }

  /**
   * As a loader of the first level: the value of the second level, else that of the origin.
   *
   * @param isForced whether only the origin's will do
   */
  async load(
    key: string,
    context: LoadContext<V>,
    loader: (context: LoadContext<V>) => V | Promise<V>,
    options: LoadOptions,
    isForced = false,
  ): Promise<V> {
    const { found, moment } = await this.#look([key]);
    const entry = isForced ? undefined : found.get(key);
    if (entry !== undefined) {
      const { ttlMs, tags } = this.#keepingOf(entry);
      context.setTtl(ttlMs);
      context.setTags(tags);
      return entry.value as V;
    }
    context.signal.throwIfAborted();
    const keeping = this.#keepingFor(options);
    const told = this.#listening(context, keeping);
    const value = await this.#fromOrigin(async () => loader(Object.freeze(told)));
    context.setTtl(this.#firstTtlMs(keeping.ttlMs));
    this.#write(key, value, keeping, moment);
    return value;
  }

  /** As a bulk loader of the first level; `loader` is called once, for what the second level lacks. */
  async loadMany(
    keys: readonly string[],
    context: BulkContext<V>,
    loader: BulkLoader<V> | undefined,
    options: LoadOptions,
  ): Promise<ReadonlyMap<string, V>> {
    const { found, moment } = await this.#look(keys);
    for (const [key, entry] of found) {
      context.deliver(key, entry.value as V, this.#keepingOf(entry));
    }
    const missing = keys.filter((key) => !found.has(key));
    if (missing.length === 0 || loader === undefined) return new Map();
    context.signal.throwIfAborted();
    const keeping = this.#keepingFor(options);
    const delivered = new Set<string>();
    const told = {
      ...this.#listening(context, keeping),
      deliver: (key: string, value: V, own: SetOptions = {}): void => {
        if (delivered.has(key) || !missing.includes(key)) return;
        delivered.add(key);
        const kept = { ...keeping, ...this.#given(own) };
        context.deliver(key, value, { ...own, ttlMs: this.#firstTtlMs(kept.ttlMs) });
        this.#write(key, value, kept, moment);
      },
    };
    const values = await this.#fromOrigin(async () => loader(missing, Object.freeze(told)));
    context.setTtl(this.#firstTtlMs(keeping.ttlMs));
    if (values instanceof Map) {
      for (const key of missing) {
        const value = (values as ReadonlyMap<string, V>).get(key);
        if (value !== undefined && !delivered.has(key)) this.#write(key, value, keeping, moment);
      }
    }
    return values;
  }

  /** Writes what was set in the first level. @returns resolves as `invalidate` */
  put(entries: readonly (readonly [string, V])[], options: SetOptions): Promise<void> {
    const keeping = this.#keepingFor(options);
    return this.#outbox.put(
      entries
        .filter(([key]) => isExact(key, keeping))
        .map(([key, value]) => ({
          name: resourceKey(key),
          value,
          ...this.#life(keeping),
          moment: undefined,
        })),
    );
  }

  /**
   * Tells the tier of what was dropped from the first level.
   *
   * @returns resolves when the tier knows, or could not be told: then it is told when it is back
   */
  invalidate(invalidation: Invalidation): Promise<void> {
    return this.#outbox.drop(invalidation);
  }

  /** @returns resolves when nothing is on its way to the tier, or it cannot be told now */
  flush(): Promise<void> {
    return this.#outbox.settled();
  }

  stats(): TierStats {
    const count = this.journal.count.bind(this.journal);
    return {
      hits: this.#hits,
      misses: this.#misses,
      originLoads: this.#originLoads,
      originFailures: this.#originFailures,
      failures: count('tier-failed'),
      timeouts: count('tier-timed-out'),
      breakerOpenings: count('breaker-opened'),
      pending: this.#outbox.size,
      deferred: count('deferred'),
      replayed: count('replayed'),
      superseded: count('superseded'),
      invalidationsReceived: count('invalidation-received'),
    };
  }

  /** Leaves the tier open; what has not reached it is given up. */
  close(): void {
    this.#unsubscribe();
    this.#outbox.close();
  }

  #listener(): TierListener {
    return {
      changed: (names) => {
        if (names === undefined) this.#first.apply({ kind: 'all' });
        else this.#forget(names);
      },
      invalidated: (invalidations) => {
        this.journal.tell('invalidation-received', { count: invalidations.length });
        for (const invalidation of invalidations) this.#first.apply(invalidation);
      },
      connected: () => {
        this.journal.tell('tier-connected');
        void this.#outbox.flush();
      },
      disconnected: (cause) => {
        this.journal.tell('tier-disconnected', { cause });
        if (this.#settings.onDisconnect === 'flush') this.#first.apply({ kind: 'all' });
      },
    };
  }

  async #look(
    keys: readonly string[],
  ): Promise<{ found: Map<string, TierEntry>; moment: TierMoment | undefined }> {
    const names = new Map(
      keys.map((key) => [resourceKey(key), key] as const).filter(([name]) => name.isWellFormed()),
    );
    const found = new Map<string, TierEntry>();
    for (const [name, key] of names) {
      const pending = this.#outbox.find(name);
      if (pending !== undefined) found.set(key, pending);
    }
    const asked = [...names.keys()].filter((name) => !found.has(names.get(name)!));
    const read = asked.length === 0 ? undefined : await this.#reads.read(asked);
    const now = this.#clock.now();
    for (const name of asked) {
      const key = names.get(name);
      const entry = read?.entries.get(name);
      if (entry === undefined) continue;
      const isOver = entry.expiresAtMs !== undefined && entry.expiresAtMs - now < 2 * TICK_MS;
      if (key === undefined || isOver || this.#outbox.covers(name, entry.tags)) continue;
      found.set(key, entry);
    }
    this.#hits += found.size;
    this.#misses += keys.length - found.size;
    if (read !== undefined) this.#moment = read.moment;
    return { found, moment: this.#moment };
  }

  async #fromOrigin<T>(loader: () => Promise<T>): Promise<T> {
    this.#originLoads++;
    try {
      return await loader();
    } catch (error) {
      this.#originFailures++;
      throw error;
    }
  }

  /** What a loader says of its value, heard here before the first level hears it. */
  #listening<C extends Pick<LoadContext<V>, 'setTtl' | 'setTags'>>(
    context: C,
    keeping: Keeping,
  ): C {
    return {
      ...context,
      setTtl: (ttlMs: number) => {
        keeping.ttlMs = checkDurationMs('ttlMs', ttlMs, FOREVER);
      },
      setTags: (tags: readonly string[]) => {
        keeping.tags = checkTags('tags', tags);
        context.setTags(keeping.tags);
      },
    };
  }

  #write(key: string, value: V, keeping: Keeping, moment: TierMoment | undefined): void {
    // Without a moment it cannot be told from what was invalidated since.
    if (value === undefined || moment === undefined || !isExact(key, keeping)) return;
    this.#outbox.write({ name: resourceKey(key), value, ...this.#life(keeping), moment });
  }

  #life({ ttlMs, tags }: Keeping): Omit<TierEntry, 'value'> & { ttlMs: number } {
    const createdAtMs = this.#clock.now();
    const expiresAtMs = ttlMs === 0 ? undefined : createdAtMs + ttlMs;
    return { createdAtMs, expiresAtMs, ttlMs, tags };
  }

  #keepingFor(options: SetOptions): Keeping {
    return { ttlMs: this.#settings.ttlMs, tags: [], ...this.#given(options) };
  }

  #given({ ttlMs, tags }: SetOptions): Partial<Keeping> {
    return {
      ...(ttlMs === undefined ? {} : { ttlMs: checkDurationMs('ttlMs', ttlMs, FOREVER) }),
      ...(tags === undefined ? {} : { tags: checkTags('tags', tags) }),
    };
  }

  /** How long the first level may keep an entry of the second. */
  #keepingOf({ expiresAtMs, tags }: TierEntry): Keeping {
    const leftMs = expiresAtMs === undefined ? 0 : expiresAtMs - this.#clock.now();
    return { ttlMs: this.#firstTtlMs(leftMs), tags };
  }

  #firstTtlMs(ttlMs: number): number {
    const bound = ttlMs === 0 ? 0 : Math.max(Math.floor(ttlMs) - TICK_MS, TICK_MS);
    return shorterTtlMs(this.#settings.l1TtlMs, bound);
  }

  #forget(names: readonly string[]): void {
    for (const name of names) {
      const key = firstLevelKey(name);
      if (key !== undefined) this.#first.invalidateKey(key);
    }
  }
}

/** UTF-8 has no lone surrogates: two names with some would be one. Such entries stay in the first level. */
function isExact(key: string, { tags }: Keeping): boolean {
  return key.isWellFormed() && tags.every((tag) => tag.isWellFormed());
}
