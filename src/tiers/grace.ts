import { type Flight, Flights, LoaderRun } from '../cache/flights.ts';
import type { CacheOptions } from '../cache/cache-options.ts';
import type {
  BulkLoadContext,
  LoadContext,
  Loaded,
  LoadOptions,
  SetOptions,
} from '../cache/loader.ts';
import { splitKey } from '../cache/partition-key.ts';
import { ResourceCache, revalidatableIn, storeLoaded } from '../cache/resource-cache.ts';
import { NOT_MODIFIED, type Validator } from '../cache/validator.ts';
import type { Clock } from '../clock.ts';
import { GranaryError } from '../errors.ts';
import type { GraceSettings } from './grace-options.ts';
import { type Kept, keyPattern, KeptValues } from './kept-values.ts';
import type { Invalidation } from './invalidation.ts';
import type { FirstLevel } from './second-level.ts';
import type { TierEventName, TierJournal } from './tier-journal.ts';

/** Counters of loads whose origin was slow, failed, or was asked ahead of time. */
export interface GraceStats {
  /** Values past their time to live that were served while they were loaded anew. */
  readonly staleWhileRevalidate: number;
  /** Those that were served since the load had failed. */
  readonly staleOnFailure: number;
  /** Those that were served since the load took longer than `softTimeoutMs`. */
  readonly staleOnTimeout: number;
  /** Loads that took longer than `hardTimeoutMs`. */
  readonly originTimeouts: number;
  /** Loads that a hit has begun ahead of time. */
  readonly eagerRefreshes: number;
  /** Loads that have brought a value behind a caller that had one already. */
  readonly refreshes: number;
  readonly refreshFailures: number;
  /** Loads that failed as an earlier one had, without asking the origin. */
  readonly negativeHits: number;
}

/** Makes a value: asks the second level, where there is one and unless `isForced`, then the origin. */
export type InnerLoad<V> = (context: LoadContext<V>, isForced: boolean) => Promise<Loaded<V>>;

/** What a load has come to, with how the first level is to keep it. */
type Outcome<V> =
  | { readonly value: V; readonly options: SetOptions; readonly isNew: boolean }
  | { readonly failure: { readonly cause: unknown } };

/** How the first level is to keep a value. */
interface Keeping {
  ttlMs?: number | undefined;
  tags?: readonly string[] | undefined;
  validator?: Validator | undefined;
}

/** A value that a load may find unchanged, and how it was kept. */
interface Known<V> extends Keeping {
  readonly value: V;
}

/** A load under way. */
interface Run<V> {
  readonly flight: Flight<Outcome<V>>;
  /** Whether the first level waits for it no more: then its value has to be brought there. */
  isBehind: boolean;
}

/** Past this share of the time until `eagerRefresh`, a hit may have a value loaded anew. */
const EAGER_JITTER = 0.1;
/** So many failures are remembered at most. */
const MOST_FAILURES = 1_000;

/**
 * Stands between a first level and what is behind it: serves what it has kept beyond its time to live
 * while that is slow or fails, and has values loaded anew before anybody waits for them.
 *
 * What is served past its time goes into the first level for `graceRetryMs`, so that the origin is not
 * asked more often. Whatever is set or invalidated overtakes loads under way, and nothing that was
 * invalidated is served again.
 */
export class Grace<V> {
  readonly #settings: GraceSettings;
  readonly #journal: TierJournal;
  readonly #clock: Clock;
  readonly #kept: KeptValues<V>;
  readonly #failures: ResourceCache<{ readonly cause: unknown }> | undefined;
  readonly #flights = new Flights<Outcome<V>>();
  readonly #runs = new Map<Flight<Outcome<V>>, Run<V>>();
  readonly #defaultTtlMs: number;
  readonly #first: ResourceCache<V>;
  readonly #random: () => number;

  /**
   * @param options of the first level
   * @param random 0 to 1, for the jitter of eager refreshes
   */
  constructor(
    settings: GraceSettings,
    journal: TierJournal,
    options: CacheOptions<V>,
    first: ResourceCache<V>,
    random: () => number = Math.random,
  ) {
    const { clock, maxEntries, maxBytes, policy, weigh } = options;
    this.#settings = settings;
    this.#journal = journal;
    this.#clock = clock ?? { now: () => Date.now() };
    this.#kept = new KeptValues<V>({ clock, maxEntries, maxBytes, policy, weigh });
    const { negativeTtlMs } = settings;
    this.#failures =
      negativeTtlMs === 0
        ? undefined
        : new ResourceCache({ clock, maxEntries: MOST_FAILURES, ttlMs: negativeTtlMs, weigh: one });
    this.#defaultTtlMs = first.stats().ttlSeconds * 1_000;
    this.#first = first;
    this.#random = random;
  }

  /** As a loader of the first level, of which `options` tell how it keeps a value. */
  async load(
    key: string,
    context: LoadContext<V>,
    inner: InnerLoad<V>,
    options: LoadOptions,
  ): Promise<Loaded<V>> {
    const kept = this.#kept.find(key);
    if (kept === undefined) {
      const failed = this.#failures?.peek(key);
      if (failed !== undefined) {
        this.#tell('negative-hit', key);
        throw failed.cause;
      }
    }
    const known = kept ?? this.#knownOf(key, context);
    const run = this.#runOf(key, known, inner, options, false);
    if (kept !== undefined && this.#isRevalidating(kept)) {
      this.#leaveBehind(run);
      return this.#serve(key, kept, context, 'stale-while-revalidate');
    }
    const awaited = this.#flights.join(run.flight, context.signal);
    const outcome = await this.#withinSoftTimeout(awaited, kept);
    if (outcome === 'late') {
      // What was kept may have been invalidated since.
      const usable = this.#usable(key);
      if (usable !== undefined) {
        this.#leaveBehind(run);
        awaited.catch(() => {});
        return this.#serve(key, usable, context, 'stale-on-timeout');
      }
    }
    const settled = outcome === 'late' ? await awaited : outcome;
    if ('value' in settled) {
      if (settled.options.ttlMs !== undefined) context.setTtl(settled.options.ttlMs);
      if (settled.options.tags !== undefined) context.setTags(settled.options.tags);
      const { validator } = settled.options;
      if (validator !== undefined) context.setValidator(validator);
      const isHeld = !settled.isNew && settled.value === context.stale;
      return isHeld ? NOT_MODIFIED : settled.value;
    }
    const { cause } = settled.failure;
    const usable = this.#usable(key);
    if (usable === undefined) throw cause;
    return this.#serve(key, usable, context, 'stale-on-failure', cause);
  }

  /**
   * As a bulk loader of the first level: what was kept stands in for what cannot be loaded.
   *
   * @param inner delivers what it has, and returns the rest
   */
  async loadMany(
    keys: readonly string[],
    context: BulkLoadContext<V>,
    inner: (context: BulkLoadContext<V>) => Promise<ReadonlyMap<string, Loaded<V>>>,
    options: LoadOptions,
  ): Promise<ReadonlyMap<string, Loaded<V>>> {
    const chosen: Keeping = { ttlMs: options.ttlMs, tags: options.tags };
    const run = new LoaderRun();
    const waiting = new Map<string, Flight<Outcome<V>>>();
    for (const key of keys) {
      waiting.set(key, this.#begin(key, run, options));
    }
    /** What has overtaken the load since it began keeps its value from being kept. */
    const land = (key: string, answer?: Loaded<V>, own: SetOptions = {}): void => {
      const flight = waiting.get(key);
      if (flight === undefined) return;
      waiting.delete(key);
      if (own.tags !== undefined) this.#flights.retag(flight, own.tags);
      const isWanted = this.#flights.land(flight);
      const isNew = answer !== NOT_MODIFIED;
      const before = isNew ? undefined : this.#kept.find(key);
      const value = isNew ? answer : context.stale.get(key)?.value;
      const validator = isNew ? undefined : context.stale.get(key)?.validator;
      if (!isWanted || value === undefined) return;
      const { ttlMs, tags } = before ?? chosen;
      this.#remember(
        key,
        value,
        isNew ? { ...chosen, ...own } : { ttlMs, tags, validator, ...own },
      );
    };
    const told: BulkLoadContext<V> = {
      ...context,
      setTtl: (ttlMs) => {
        chosen.ttlMs = ttlMs;
        context.setTtl(ttlMs);
      },
      setTags: (tags) => {
        chosen.tags = tags;
        for (const flight of waiting.values()) this.#flights.retag(flight, tags);
        context.setTags(tags);
      },
      deliver: (key, value, own) => {
        context.deliver(key, value, own);
        land(key, value, own);
      },
    };
    try {
      const values = await inner(told);
      for (const [key, value] of values) land(key, value);
      return values;
    } catch (cause) {
      for (const key of waiting.keys()) {
        const kept = this.#usable(key);
        if (kept === undefined) continue;
        this.#tell('stale-on-failure', key, cause);
        const { graceRetryMs } = this.#settings;
        const { value, tags, validator } = kept;
        context.deliver(key, value, { ttlMs: graceRetryMs, tags, validator });
      }
      throw cause;
    } finally {
      for (const key of [...waiting.keys()]) land(key);
    }
  }

  /** A hit of the first level: has a value loaded anew whose time is nearly over. */
  onHit(key: string, inner: InnerLoad<V>, options: LoadOptions): void {
    if (this.#settings.eagerRefresh === undefined) return;
    const kept = this.#kept.find(key);
    const now = this.#clock.now();
    if (kept === undefined || now < kept.eagerAtMs || now > kept.freshUntilMs) return;
    if (this.#flights.find(key) !== undefined) return;
    this.#tell('eager-refresh', key);
    this.#leaveBehind(this.#runOf(key, kept, inner, options, true));
  }

  /** A value was set, or loaded by other ways. */
  keep(key: string, value: V, options: SetOptions): void {
    this.#flights.detach(key);
    this.#remember(key, value, options);
  }

  /** @returns the tags of what was kept */
  tagsOf(key: string): readonly string[] | undefined {
    return this.#kept.find(key)?.tags;
  }

  /** Another process has written to an entry, or dropped it. */
  invalidateKey(key: string): void {
    this.#flights.detach(key);
    this.#kept.drop(key);
    this.#failures?.invalidate(key);
  }

  apply(invalidation: Invalidation): void {
    this.#kept.apply(invalidation);
    if (invalidation.kind === 'tag') {
      this.#flights.detachTag(invalidation.tag);
      return;
    }
    // A failure has no tags, and is as good as any other answer to whoever asks for all.
    if (invalidation.kind === 'all') {
      this.#failures?.clear();
      this.#flights.detachWhere(() => true);
      return;
    }
    const pattern = keyPattern(invalidation);
    this.#flights.detachWhere((key) => pattern.matches(key));
    for (const key of this.#failures?.keys() ?? []) {
      if (pattern.matches(key)) this.#failures?.invalidate(key);
    }
  }

  stats(): GraceStats {
    const count = this.#journal.count.bind(this.#journal);
    return {
      staleWhileRevalidate: count('stale-while-revalidate'),
      staleOnFailure: count('stale-on-failure'),
      staleOnTimeout: count('stale-on-timeout'),
      originTimeouts: count('origin-timed-out'),
      eagerRefreshes: count('eager-refresh'),
      refreshes: count('refreshed'),
      refreshFailures: count('refresh-failed'),
      negativeHits: count('negative-hit'),
    };
  }

  /** Ends loads under way. */
  close(): void {
    this.#flights.close(new GranaryError('ERR_GRANARY_CLOSED', 'this cache is closed'));
    this.#kept.close();
    this.#failures?.close();
  }

  /** The load of a key that is under way, or a new one. */
  #runOf(
    key: string,
    known: Known<V> | undefined,
    inner: InnerLoad<V>,
    options: LoadOptions,
    isForced: boolean,
  ): Run<V> {
    const underWay = this.#flights.find(key);
    const joined = underWay && this.#runs.get(underWay);
    if (joined !== undefined) return joined;
    const flight = this.#begin(key, new LoaderRun(), options, known?.tags);
    const run = { flight, isBehind: false };
    this.#runs.set(flight, run);
    void this.#fly(run, known, inner, options, isForced);
    return run;
  }

  /** One that is under way elsewhere still ends for who waits for it; only the newest is kept. */
  #begin(
    key: string,
    run: LoaderRun,
    { tags = [] }: LoadOptions,
    staleTags: readonly string[] = [],
  ): Flight<Outcome<V>> {
    this.#flights.detach(key);
    return this.#flights.start(key, run, [...tags, ...staleTags]);
  }

  /** What the first level has to be revalidated. */
  #knownOf(key: string, { stale, validator }: LoadContext<V>): Known<V> | undefined {
    if (stale === undefined) return undefined;
    const life = revalidatableIn(this.#first, key)?.life;
    return { value: stale, validator, ttlMs: life?.ttlMs, tags: life?.tags };
  }

  async #fly(
    run: Run<V>,
    known: Known<V> | undefined,
    inner: InnerLoad<V>,
    given: LoadOptions,
    isForced: boolean,
  ): Promise<void> {
    const { flight } = run;
    const options: Keeping = {};
    const context: LoadContext<V> = {
      signal: flight.run.controller.signal,
      stale: known?.value,
      validator: known?.validator,
      notModified: () => NOT_MODIFIED,
      setValidator: (validator) => {
        options.validator = validator;
      },
      setTtl: (ttlMs) => {
        options.ttlMs = ttlMs;
      },
      setTags: (tags) => {
        options.tags = tags;
        this.#flights.retag(flight, tags);
      },
    };
    let outcome: Outcome<V>;
    try {
      const answer = await this.#withinHardTimeout(run, () => inner(context, isForced));
      outcome = outcomeOf(answer, known, given, options);
    } catch (cause) {
      outcome = { failure: { cause } };
    }
    const isWanted = this.#flights.land(flight);
    this.#runs.delete(flight);
    if (isWanted) this.#settle(flight.uri, run, outcome);
    for (const waiter of flight.waiters) waiter.resolve(outcome);
    flight.waiters.clear();
  }

  #settle(key: string, { isBehind }: Run<V>, outcome: Outcome<V>): void {
    if ('failure' in outcome) {
      const { cause } = outcome.failure;
      if (isAnswer(cause)) this.#kept.drop(key);
      if (isBehind) this.#tell('refresh-failed', key, cause);
      if (this.#usable(key) === undefined) this.#failures?.set(key, outcome.failure);
      return;
    }
    if (outcome.value === undefined) return;
    this.#remember(key, outcome.value, outcome.options);
    if (!isBehind) return;
    storeLoaded(this.#first, key, outcome.value, outcome.options, outcome.isNew);
    this.#tell('refreshed', key);
  }

  #remember(key: string, value: V, options: SetOptions): void {
    this.#failures?.invalidate(key);
    const { ttlMs = this.#defaultTtlMs, tags = [], validator } = options;
    const { graceMs, staleWhileRevalidateMs, eagerRefresh } = this.#settings;
    const beyondMs = Math.max(graceMs, staleWhileRevalidateMs);
    if (beyondMs === 0 && eagerRefresh === undefined) return;
    const now = this.#clock.now();
    const jitter = 1 - EAGER_JITTER * this.#random();
    this.#kept.keep(
      key,
      {
        value,
        tags: [...tags],
        validator,
        ttlMs,
        freshUntilMs: ttlMs === 0 ? Infinity : now + ttlMs,
        eagerAtMs:
          eagerRefresh === undefined || ttlMs === 0
            ? Infinity
            : now + ttlMs * eagerRefresh * jitter,
      },
      ttlMs === 0 ? 0 : ttlMs + beyondMs,
    );
  }

  /** What may be served where a load fails, or is late. */
  #usable(key: string): Kept<V> | undefined {
    const kept = this.#kept.find(key);
    const isInTime = kept && this.#clock.now() <= kept.freshUntilMs + this.#settings.graceMs;
    return isInTime === true && this.#settings.graceMs > 0 ? kept : undefined;
  }

  #isRevalidating({ freshUntilMs }: Kept<V>): boolean {
    const now = this.#clock.now();
    return now > freshUntilMs && now <= freshUntilMs + this.#settings.staleWhileRevalidateMs;
  }

  #serve(
    key: string,
    { value, tags, validator }: Kept<V>,
    context: LoadContext<V>,
    event: 'stale-while-revalidate' | 'stale-on-failure' | 'stale-on-timeout',
    cause?: unknown,
  ): V {
    context.setTtl(this.#settings.graceRetryMs);
    context.setTags(tags);
    if (validator !== undefined) context.setValidator(validator);
    this.#tell(event, key, cause);
    return value;
  }

  #tell(event: TierEventName, key: string, cause?: unknown): void {
    const { uri } = splitKey(key);
    this.#journal.tell(event, cause === undefined ? { uri } : { uri, cause });
  }

  /** The load goes on, whoever of its callers leaves. */
  #leaveBehind(run: Run<V>): void {
    if (run.isBehind) return;
    run.isBehind = true;
    // Rejects where the cache is closed: nobody is there to be told.
    this.#flights.join(run.flight, undefined).catch(() => {});
  }

  async #withinSoftTimeout(
    awaited: Promise<Outcome<V>>,
    kept: Kept<V> | undefined,
  ): Promise<Outcome<V> | 'late'> {
    const { softTimeoutMs } = this.#settings;
    if (softTimeoutMs === 0 || kept === undefined) return awaited;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), softTimeoutMs);
    });
    try {
      return await Promise.race([awaited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #withinHardTimeout<T>({ flight }: Run<V>, load: () => Promise<T>): Promise<T> {
    const { hardTimeoutMs } = this.#settings;
    if (hardTimeoutMs === 0) return load();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `it took longer than ${hardTimeoutMs} ms`;
        const timeout = new DOMException(message, 'TimeoutError');
        this.#tell('origin-timed-out', flight.uri);
        reject(timeout);
        flight.run.controller.abort(timeout);
      }, hardTimeoutMs);
    });
    try {
      return await Promise.race([load(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** That a resource does not exist is an answer: what was there before is not served in its place. */
function isAnswer(cause: unknown): boolean {
  return cause instanceof GranaryError && cause.code === 'ERR_GRANARY_NO_MATCH';
}

/** @throws where there is nothing that could be unchanged */
function outcomeOf<V>(
  answer: Loaded<V>,
  known: Known<V> | undefined,
  given: LoadOptions,
  said: Keeping,
): Outcome<V> {
  if (answer !== NOT_MODIFIED) {
    const { ttlMs, tags } = given;
    return { value: answer, options: { ttlMs, tags, ...said }, isNew: true };
  }
  if (known === undefined) {
    throw new TypeError('the loader returned notModified(), and there is no expired value');
  }
  const { value, ...before } = known;
  const { ttlMs = given.ttlMs, tags = given.tags, validator } = { ...before, ...said };
  return { value, options: { ttlMs, tags, validator }, isNew: false };
}

/** Failures are bounded by number. */
function one(): number {
  return 1;
}

/** @returns a first level that forgets what was kept with what it drops */
export function gracedLevel<V>(first: FirstLevel, grace: Grace<V> | undefined): FirstLevel {
  if (grace === undefined) return first;
  return {
    has: (key) => first.has(key),
    staleTagsOf: (key) => first.staleTagsOf(key) ?? grace.tagsOf(key),
    invalidateKey: (key) => {
      grace.invalidateKey(key);
      first.invalidateKey(key);
    },
    apply: (invalidation) => {
      grace.apply(invalidation);
      first.apply(invalidation);
    },
  };
}
