import type {
  BulkLoadContext,
  BulkLoader,
  LoadContext,
  Loaded,
  LoadOptions,
  SetOptions,
} from '../cache/loader.ts';
import { checkValidator, NOT_MODIFIED, type Validator, validatorText } from '../cache/validator.ts';
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
  /** Of what may be found unchanged. */
  staleTagsOf(key: string): readonly string[] | undefined;
  /** Drops one entry, and has its load not be kept. */
  invalidateKey(key: string): void;
  /** Drops what matches, in every partition. */
  apply(invalidation: Invalidation): void;
}

/** How long a value that was made is kept, and under which tags. */
interface Keeping {
  readonly ttlMs: number;
  readonly tags: readonly string[];
  readonly validator?: Validator | undefined;
}

/** What a loader says of its values. */
class Said {
  said: Partial<Keeping> = {};

  say(keeping: Partial<Keeping>): void {
    this.said = { ...this.said, ...keeping };
  }
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
  #revalidations = 0;

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
    loader: (context: LoadContext<V>) => Loaded<V> | Promise<Loaded<V>>,
    options: LoadOptions,
    isForced = false,
  ): Promise<Loaded<V>> {
    let loaded: Loaded<V> | undefined;
    const make: NonNullable<ResolveTask['make']> = async (_, moment, locks, stale) => {
      const held = stale.get(key);
      const { validator } = held ?? context;
      const known = held === undefined ? context.stale : (held.value as V);
      const said = new Said();
      const told = {
        ...context,
        stale: known,
        validator,
        ...this.#listening(context, said),
        setValidator: (given: Validator) => {
          said.say({ validator: checkValidator('validator', given) });
        },
      };
      const answer = await this.#fromOrigin(async () => loader(Object.freeze(told)));
      const isNew = answer !== NOT_MODIFIED;
      if (!isNew && known === undefined) return void (loaded = answer); // an error, told by the first level
      const value = isNew ? (answer as V) : known!;
      if (!isNew) this.#revalidations++;
      const before = isNew ? {} : this.#lifeBefore(key, held, context.validator);
      // Whoever asked has it, and knows more of it.
      if (before === undefined) return void (loaded = NOT_MODIFIED);
      const keeping = { ...this.#keepingFor(options), ...before, ...said.said };
      context.setTtl(this.#firstTtlMs(keeping.ttlMs));
      context.setTags(keeping.tags);
      if (keeping.validator !== undefined) context.setValidator(keeping.validator);
      this.#write(key, value, keeping, moment, locks);
      loaded = isNew || !isSame(context.validator, validator) ? value : NOT_MODIFIED;
    };
    if (isForced) await this.#reader.renew(key, make);
    else {
      const find = (_: string, entry: TierEntry): void => {
        const { ttlMs, tags, validator } = this.#keepingOf(entry);
        context.setTtl(ttlMs);
        context.setTags(tags);
        if (validator !== undefined) context.setValidator(validator);
        loaded = entry.value as V;
      };
      await this.#reader.resolve([key], context.signal, { find, make });
    }
    return loaded as Loaded<V>;
  }

  /**
   * As a bulk loader of the first level; `loader` is called once, for what the second level lacks, and
   * again for what others were loading and have not brought.
   */
  async loadMany(
    keys: readonly string[],
    context: BulkLoadContext<V>,
    loader: BulkLoader<V> | undefined,
    options: LoadOptions,
  ): Promise<ReadonlyMap<string, V>> {
    await this.#reader.resolve(keys, context.signal, {
      find: (key, entry) => context.deliver(key, entry.value as V, this.#keepingOf(entry)),
      make:
        loader &&
        (async (missing, moment, locks, held) => {
          const said = new Said();
          const delivered = new Set<string>();
          const stale = new Map(context.stale);
          for (const [key, { value, validator }] of held) {
            if (validator !== undefined) stale.set(key, { value: value as V, validator });
          }
          const deliver = (key: string, answer: Loaded<V>, own: SetOptions = {}): void => {
            if (delivered.has(key) || !missing.includes(key)) return;
            delivered.add(key);
            const known = stale.get(key);
            const isNew = answer !== NOT_MODIFIED;
            if (!isNew && known === undefined) return context.deliver(key, answer);
            const value = isNew ? answer : known!.value;
            if (!isNew) this.#revalidations++;
            const validator = context.stale.get(key)?.validator;
            const before = isNew ? {} : this.#lifeBefore(key, held.get(key), validator);
            if (before === undefined) return context.deliver(key, NOT_MODIFIED, own);
            const chosen = { ...said.said, ...this.#given(own) };
            const keeping = { ...this.#keepingFor(options), ...before, ...chosen };
            const given = isNew || !isSame(validator, known?.validator) ? value : NOT_MODIFIED;
            const ttlMs = this.#firstTtlMs(keeping.ttlMs);
            context.deliver(key, given, { ...own, ...keeping, ttlMs });
            this.#write(key, value, keeping, moment, locks);
          };
          const told = { ...context, stale, ...this.#listening(context, said), deliver };
          const values: unknown = await this.#fromOrigin(async () =>
            loader(missing, Object.freeze(told)),
          );
          for (const [key, value] of loadedOf<V>(values, missing)) deliver(key, value);
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
      revalidations: this.#revalidations,
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
  #listening(
    context: Pick<LoadContext<V>, 'setTags'>,
    said: Said,
  ): Pick<LoadContext<V>, 'setTtl' | 'setTags'> {
    return {
      setTtl: (ttlMs: number) => said.say({ ttlMs: checkDurationMs('ttlMs', ttlMs, FOREVER) }),
      setTags: (given: readonly string[]) => {
        const tags = checkTags('tags', given);
        said.say({ tags });
        context.setTags(tags);
      },
    };
  }

  /**
   * How what was found unchanged was kept: as the level has it, else as the first level knows.
   *
   * @returns `undefined` where neither does: others are not to have it without its tags
   */
  #lifeBefore(
    key: string,
    held: TierEntry | undefined,
    validator: Validator | undefined,
  ): Partial<Keeping> | undefined {
    if (held !== undefined) {
      const { createdAtMs, expiresAtMs, tags } = held;
      const ttlMs = expiresAtMs === undefined ? 0 : expiresAtMs - createdAtMs;
      return { ttlMs, tags, validator: held.validator };
    }
    const tags = this.#first.staleTagsOf(key);
    return tags && { tags, validator };
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

  #life({ ttlMs, tags, validator }: Keeping): Omit<TierEntry, 'value'> & { ttlMs: number } {
    const createdAtMs = this.#clock.now();
    const expiresAtMs = ttlMs === 0 ? undefined : createdAtMs + ttlMs;
    const { staleTtlMs } = this.#settings;
    if (validator === undefined || staleTtlMs === 0) {
      return { createdAtMs, expiresAtMs, ttlMs, tags };
    }
    const keptMs = ttlMs === 0 ? 0 : ttlMs + staleTtlMs;
    return { createdAtMs, expiresAtMs, ttlMs: keptMs, tags, validator };
  }

  #keepingFor(options: SetOptions): Keeping {
    return { ttlMs: this.#settings.ttlMs, tags: [], ...this.#given(options) };
  }

  #given({ ttlMs, tags, validator }: SetOptions): Partial<Keeping> {
    return {
      ...(ttlMs === undefined ? {} : { ttlMs: checkDurationMs('ttlMs', ttlMs, FOREVER) }),
      ...(tags === undefined ? {} : { tags: checkTags('tags', tags) }),
      ...(validator === undefined ? {} : { validator: checkValidator('validator', validator) }),
    };
  }

  /** How long the first level may keep an entry of the second. */
  #keepingOf({ expiresAtMs, tags, validator }: TierEntry): Keeping {
    const leftMs = expiresAtMs === undefined ? 0 : expiresAtMs - this.#clock.now();
    return { ttlMs: this.#firstTtlMs(leftMs), tags, validator };
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
function loadedOf<V>(values: unknown, keys: readonly string[]): [string, Loaded<V>][] {
  if (!(values instanceof Map)) {
    throw new TypeError(
      `a bulk loader must return a Map from URI to value, got ${describeValue(values)}`,
    );
  }
  const loaded = values as ReadonlyMap<string, Loaded<V>>;
  return keys.filter((key) => loaded.has(key)).map((key) => [key, loaded.get(key)!]);
}

/** Whether what the first level has is what was found unchanged. */
function isSame(a: Validator | undefined, b: Validator | undefined): boolean {
  return a !== undefined && b !== undefined && validatorText(a) === validatorText(b);
}
