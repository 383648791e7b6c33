import type { BulkLoader, LoadContext, LoadOptions, SetOptions } from '../cache/loader.ts';
import type { Clock } from '../clock.ts';
import { describeValue } from '../describe-value.ts';
import { checkDurationMs, checkTags } from '../options.ts';
import type { Invalidation } from './invalidation.ts';
import { Outbox } from './outbox.ts';
import { LevelReader, type ResolveTask } from './level-reader.ts';
import { hasLocks, LoadLocks } from './load-locks.ts';
import { firstLevelKey, resourceKey } from './resource-key.ts';
import { shorterTtlMs, type TierSettings } from './tiered-options.ts';
import type { Tier, TierEntry, TierListener, TierMoment } from './tier.ts';
import { TierGuard } from './tier-guard.ts';
import type { TierJournal } from './tier-journal.ts';
import type { TierStats } from './tier-stats.ts';

/** What is changed in the first level by what others do; nothing of it is told to the second. */
export interface FirstLevel {
  has(key: string): boolean;
  /** Drops one entry, and has its load not be kept. */
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
  /** Where the tier has locks, and they are wanted. */
  readonly #locks: LoadLocks | undefined;
  readonly #reader: LevelReader;
  readonly #unsubscribe: () => void;
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
    const by = this.#listener();
    this.#outbox = new Outbox({
      tier: settings.tier,
      by,
      guard: this.#guard,
      journal: this.journal,
      maxPending: settings.maxPending,
      superseded: (names) => this.#forget(names),
    });
    const { tier, loadLeaseMs } = settings;
    if (loadLeaseMs > 0 && hasLocks(tier)) {
      this.#locks = new LoadLocks(tier, this.#guard, loadLeaseMs);
    }
    this.#reader = new LevelReader({
      tier,
      guard: this.#guard,
      outbox: this.#outbox,
      clock: this.#clock,
      locks: this.#locks,
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
    let loaded: V | undefined;
    const make: NonNullable<ResolveTask['make']> = async (_, moment, locks) => {
      const keeping = this.#keepingFor(options);
      const told = this.#listening(context, keeping);
      const value = await this.#fromOrigin(async () => loader(Object.freeze(told)));
      context.setTtl(this.#firstTtlMs(keeping.ttlMs));
      this.#write(key, value, keeping, moment, locks);
      loaded = value;
    };
    if (isForced) await this.#reader.renew(key, make);
    else {
      const find = (_: string, entry: TierEntry): void => {
        const { ttlMs, tags } = this.#keepingOf(entry);
        context.setTtl(ttlMs);
        context.setTags(tags);
        loaded = entry.value as V;
      };
      await this.#reader.resolve([key], context.signal, { find, make });
    }
    return loaded as V;
  }

  /**
   * As a bulk loader of the first level; `loader` is called once, for what the second level lacks, and
   * again for what others were loading and have not brought.
   */
  async loadMany(
    keys: readonly string[],
    context: BulkContext<V>,
    loader: BulkLoader<V> | undefined,
    options: LoadOptions,
  ): Promise<ReadonlyMap<string, V>> {
    await this.#reader.resolve(keys, context.signal, {
      find: (key, entry) => context.deliver(key, entry.value as V, this.#keepingOf(entry)),
      make:
        loader &&
        (async (missing, moment, locks) => {
          const keeping = this.#keepingFor(options);
          const delivered = new Set<string>();
          const told = {
            ...this.#listening(context, keeping),
            deliver: (key: string, value: V, own: SetOptions = {}): void => {
              if (delivered.has(key) || !missing.includes(key)) return;
              delivered.add(key);
              const kept = { ...keeping, ...this.#given(own) };
              context.deliver(key, value, { ...own, ttlMs: this.#firstTtlMs(kept.ttlMs) });
              this.#write(key, value, kept, moment, locks);
            },
          };
          const values: unknown = await this.#fromOrigin(async () =>
            loader(missing, Object.freeze(told)),
          );
          const ttlMs = this.#firstTtlMs(keeping.ttlMs);
          for (const [key, value] of loadedOf<V>(values, missing)) {
            if (delivered.has(key)) continue;
            context.deliver(key, value, { ttlMs, tags: keeping.tags });
            this.#write(key, value, keeping, moment, locks);
          }
        }),
    });
    return new Map();
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
  async flush(): Promise<void> {
    await this.#outbox.settled();
    await this.#locks?.settled();
  }

  stats(): TierStats {
    const count = this.journal.count.bind(this.journal);
    return {
      hits: this.#reader.hits,
      misses: this.#reader.misses,
      awaitedLoads: this.#reader.awaited,
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
        this.#locks?.wake(names);
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

  /** @param locks of the load; that of what is written is taken out, and given back with the writing */
  #write(
    key: string,
    value: V,
    keeping: Keeping,
    moment: TierMoment | undefined,
    locks: Map<string, string>,
  ): void {
    // Without a moment it cannot be told from what was invalidated since.
    if (value === undefined || moment === undefined || !isExact(key, keeping)) return;
    const name = resourceKey(key);
    const lock = locks.get(name);
    locks.delete(name);
    const settle = lock && ((): void => this.#locks?.release(new Map([[name, lock]])));
    this.#outbox.write({ name, value, ...this.#life(keeping), moment }, settle || undefined);
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
      if (key === undefined) continue;
      // Who waits for what has changed has not read it yet: his load may be kept.
      const isNews = this.#locks?.isAwaited(name) === true && !this.#first.has(key);
      if (!isNews) this.#first.invalidateKey(key);
    }
  }
}

/** UTF-8 has no lone surrogates: two names with some would be one. Such entries stay in the first level. */
function isExact(key: string, { tags }: Keeping): boolean {
  return key.isWellFormed() && tags.every((tag) => tag.isWellFormed());
}

/** @returns what a bulk loader has made of what it was asked for. @throws where that is no Map */
function loadedOf<V>(values: unknown, keys: readonly string[]): [string, V][] {
  if (!(values instanceof Map)) {
    throw new TypeError(
      `a bulk loader must return a Map from URI to value, got ${describeValue(values)}`,
    );
  }
  const loaded = values as ReadonlyMap<string, V>;
  return keys.filter((key) => loaded.has(key)).map((key) => [key, loaded.get(key)!]);
}
