import { describeError, describeUri, describeValue } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import { checkDurationMs, checkTags } from '../options.ts';
import { abortedError, Flights, LoaderRun, type Flight } from './flights.ts';
import type { Fleet, FleetOutcome } from './fleet.ts';
import type {
  BulkLoadContext,
  BulkLoader,
  LoadContext,
  Loaded,
  Loader,
  LoadOptions,
  SetOptions,
  StaleValue,
} from './loader.ts';
import type { Revalidatable } from './store.ts';
import { checkValidator, NOT_MODIFIED } from './validator.ts';

/** What read-through asks of its cache. */
export interface LoadTarget<V> {
  /** A hit, recorded as an access. */
  get(uri: string): V | undefined;
  /** The value that has expired, while it is still held; what lives may be left to `get`. */
  lastKnown(uri: string): V | undefined;
  /** What has expired and may be revalidated; asked after a miss. */
  revalidatable(uri: string): Revalidatable<V> | undefined;
  /**
   * Stores what a loader made, or found unchanged.
   *
   * @throws a GranaryError where the value cannot be kept.
   */
  store(uri: string, value: V, options: LoadOptions, isNew: boolean): void;
  /** Loads that are shared with other threads, where there may be any. */
  readonly fleet: Fleet<V> | undefined;
  /** As `store`, where the load has a number in the fleet. @returns the value as the store gives it */
  land(number: number, uri: string, value: V, options: LoadOptions, isNew: boolean): V;
  /** `callers` loads of `uri` have succeeded. */
  served(uri: string, value: V, callers: number): void;
}

/** An expired value, with the life that it had where it was kept to be revalidated. */
interface Known<V> {
  readonly value: V;
  readonly life?: Revalidatable<V>['life'];
}

/** One loader call per URI however many callers; failures reach every caller and store nothing. */
export class ReadThrough<V> {
  readonly flights: Flights<V>;
  loads = 0;
  loadFailures = 0;
  coalescedLoads = 0;
  revalidations = 0;
  readonly #target: LoadTarget<V>;

  constructor(target: LoadTarget<V>) {
    this.#target = target;
    this.flights = new Flights<V>(target.fleet);
  }

  async load(uri: string, loader: Loader<V> | undefined, options: LoadOptions): Promise<V> {
    const { signal } = options;
    if (signal?.aborted) throw abortedError(uri, signal.reason);
    const stale = this.#target.lastKnown(uri);
    const cached = this.#target.get(uri);
    if (cached !== undefined) return cached;
    const underWay = this.flights.find(uri);
    if (underWay !== undefined) {
      this.coalescedLoads++;
      return this.flights.join(underWay, signal);
    }
    if (loader === undefined) {
      throw new GranaryError(
        'ERR_GRANARY_NO_LOADER',
        `${describeUri(uri)} is not cached and no loader was given: pass one to load(uri, loader)`,
        { data: { uri } },
      );
    }
    const chosen = new Choices(options);
    const kept = this.#target.revalidatable(uri);
    const known = kept ?? (stale === undefined ? undefined : { value: stale });
    const flight = this.flights.start(uri, new LoaderRun(), tagsAboard(chosen, kept));
    const result = this.flights.join(flight, signal);
    // The caller may have left already: its signal fired while it joined.
    if (!flight.run.controller.signal.aborted) void this.#fly(flight, loader, known, chosen);
    return result;
  }

  async loadMany(
    uris: readonly string[],
    loader: BulkLoader<V>,
    options: LoadOptions,
  ): Promise<Map<string, V>> {
    const { signal } = options;
    if (signal?.aborted)
      throw abortedError(uris.length === 1 ? uris[0]! : `${uris.length} URIs`, signal.reason);
    const found = new Map<string, V>();
    const missing: string[] = [];
    for (const uri of new Set(uris)) {
      const cached = this.#target.get(uri);
      if (cached === undefined) missing.push(uri);
      else found.set(uri, cached);
    }
    // From here to the loader no listener runs and nothing throws half-way: a flight that is
    // started is flown.
    const chosen = new Choices(options);
    const run = new LoaderRun();
    const started: Flight<V>[] = [];
    const stale = new Map<string, Revalidatable<V>>();
    const awaited = new Map<string, Promise<V>>();
    for (const uri of missing) {
      let flight = this.flights.find(uri);
      if (flight === undefined) {
        const kept = this.#target.revalidatable(uri);
        if (kept !== undefined) stale.set(uri, kept);
        flight = this.flights.start(uri, run, tagsAboard(chosen, kept));
        started.push(flight);
      } else {
        this.coalescedLoads++;
      }
      awaited.set(uri, this.flights.join(flight, signal));
    }
    const isWanted = started.length > 0 && !run.controller.signal.aborted;
    if (isWanted) void this.#flyTogether(started, run, loader, chosen, stale);
    const settled = await Promise.allSettled(awaited.values());
    for (const [at, uri] of [...awaited.keys()].entries()) {
      const outcome = settled[at]!;
      if (outcome.status === 'fulfilled') found.set(uri, outcome.value);
      else if (!isAbsence(outcome.reason)) throw outcome.reason;
    }
    return inOrder(uris, found);
  }

  async #fly(
    flight: Flight<V>,
    loader: Loader<V>,
    known: Known<V> | undefined,
    chosen: Choices,
  ): Promise<void> {
    // Not awaited where there is nothing to wait for: a loader is called before `load` returns.
    const following = this.#target.fleet && this.#boardSafely(flight, chosen);
    if (following !== undefined && !(await following)) return;
    const context: LoadContext<V> = Object.freeze({
      signal: flight.run.controller.signal,
      stale: known?.value,
      validator: known?.life?.revalidation?.validator,
      ...this.#setters(chosen, () => [flight]),
      setValidator: (validator) =>
        chosen.choose({ validator: checkValidator('validator', validator) }),
    });
    this.loads++;
    try {
      this.#land(flight, await called(() => loader(flight.uri, context)), chosen, known);
    } catch (error) {
      this.loadFailures++;
      this.#crash(flight, error);
    }
  }

  async #flyTogether(
    flights: readonly Flight<V>[],
    run: LoaderRun,
    loader: BulkLoader<V>,
    chosen: Choices,
    stale: ReadonlyMap<string, Revalidatable<V>>,
  ): Promise<void> {
    const own = flights.filter((flight) => {
      const following = this.#target.fleet && this.#boardSafely(flight, chosen);
      if (following === undefined) return true;
      // One that is left to itself by the other thread is loaded by itself.
      void following.then((leads) =>
        leads ? this.#flyOwn([flight], run, loader, chosen, stale) : undefined,
      );
      return false;
    });
    if (own.length > 0) await this.#flyOwn(own, run, loader, chosen, stale);
  }

  async #flyOwn(
    flights: readonly Flight<V>[],
    run: LoaderRun,
    loader: BulkLoader<V>,
    chosen: Choices,
    stale: ReadonlyMap<string, Revalidatable<V>>,
  ): Promise<void> {
    const waiting = new Map(flights.map((flight) => [flight.uri, flight]));
    const context: BulkLoadContext<V> = Object.freeze({
      signal: run.controller.signal,
      stale: staleValues(flights, stale),
      ...this.#setters(chosen, () => waiting.values()),
      deliver: (uri: string, value: Loaded<V>, own: SetOptions = {}) => {
        const flight = waiting.get(uri);
        if (flight === undefined) return;
        waiting.delete(uri);
        const kept = chosen.with(own);
        if (own.tags !== undefined) this.flights.retag(flight, kept.tags);
        this.#land(flight, value, kept, stale.get(uri));
      },
    });
    this.loads++;
    try {
      const uris = Object.freeze(flights.map((flight) => flight.uri));
      const values: unknown = await called(() => loader(uris, context));
      if (!(values instanceof Map)) {
        throw new TypeError(
          `a bulk loader must return a Map from URI to value, got ${describeValue(values)}`,
        );
      }
      for (const flight of waiting.values()) {
        const { uri } = flight;
        if (values.has(uri)) this.#land(flight, values.get(uri), chosen, stale.get(uri));
        else this.#refuse(flight, absenceError(flight.uri));
      }
    } catch (error) {
      this.loadFailures++;
      for (const flight of waiting.values()) this.#crash(flight, error);
    }
  }

  /** As `#board`; where that fails, so does the load, and nobody waits for ever. */
  #boardSafely(flight: Flight<V>, chosen: Choices): Promise<boolean> | undefined {
    const fail = (error: unknown): false => {
      this.#crash(flight, error);
      return false;
    };
    try {
      return this.#board(flight, chosen)?.catch(fail);
    } catch (error) {
      return Promise.resolve(fail(error));
    }
  }

  /**
   * Enters a flight into the fleet.
   *
   * @returns `undefined` where this thread is to load; else, once another's load has ended, whether
   *   this thread is to load after all
   */
  #board(flight: Flight<V>, chosen: Choices): Promise<boolean> | undefined {
    const berth = this.#target.fleet!.board(flight.uri, flight.tags);
    if (berth.role === 'cached') {
      this.#deliver(flight, berth.value);
      return Promise.resolve(false);
    }
    flight.number = berth.number;
    if (berth.role === 'lead') return undefined;
    flight.unfollow = () => berth.leave();
    this.coalescedLoads++;
    return this.#follow(flight, berth.outcome, chosen);
  }

  async #follow(
    flight: Flight<V>,
    awaited: Promise<FleetOutcome<V>>,
    chosen: Choices,
  ): Promise<boolean> {
    const outcome = await awaited;
    flight.number = undefined;
    flight.unfollow = undefined;
    if (!this.flights.isAirborne(flight)) return false;
    if (outcome === undefined) return (await this.#board(flight, chosen)) ?? true;
    if ('value' in outcome) this.#deliver(flight, outcome.value);
    else this.#refuse(flight, outcome.error);
    return false;
  }

  /** Somebody else has made the value. */
  #deliver(flight: Flight<V>, value: V): void {
    this.flights.land(flight);
    this.#answer(flight, value);
  }

  #answer(flight: Flight<V>, value: V): void {
    this.#target.served(flight.uri, value, flight.waiters.size);
    for (const waiter of flight.waiters) waiter.resolve(value);
    flight.waiters.clear();
  }

  #setters(
    chosen: Choices,
    flights: () => Iterable<Flight<V>>,
  ): Pick<LoadContext<V>, 'setTtl' | 'setTags' | 'notModified'> {
    return {
      notModified: () => NOT_MODIFIED,
      setTtl: (ttlMs) => {
        chosen.choose({ ttlMs: checkDurationMs('ttlMs', ttlMs, 'never expires') });
      },
      setTags: (tags) => {
        chosen.choose({ tags: checkTags('tags', tags) });
        for (const flight of flights()) this.flights.retag(flight, chosen.tags);
      },
    };
  }

  #land(flight: Flight<V>, loaded: Loaded<V>, chosen: Choices, known: Known<V> | undefined): void {
    const wanted = this.flights.land(flight);
    const isNew = loaded !== NOT_MODIFIED;
    let given: V;
    try {
      if (loaded === undefined) {
        throw new TypeError('the loader returned undefined, which is no value; null is one');
      }
      if (!isNew && known === undefined) {
        throw new TypeError('the loader returned notModified(), and there is no expired value');
      }
      given = isNew ? loaded : known!.value;
      const options = isNew ? chosen.options : chosen.renewing(known!);
      if (!isNew) this.revalidations++;
      if (flight.number !== undefined) {
        given = this.#target.land(flight.number, flight.uri, given, options, isNew);
      } else if (wanted) this.#target.store(flight.uri, given, options, isNew);
    } catch (error) {
      this.loadFailures++;
      this.#crash(flight, error);
      return;
    }
    this.#answer(flight, given);
  }

  #crash(flight: Flight<V>, cause: unknown): void {
    const why = describeError(cause);
    this.#refuse(
      flight,
      new GranaryError(
        'ERR_GRANARY_LOAD_FAILED',
        `the loader of ${describeUri(flight.uri)} failed: ${why}`,
        {
          cause,
          data: { uri: flight.uri },
        },
      ),
    );
  }

  #refuse(flight: Flight<V>, error: GranaryError): void {
    this.flights.land(flight);
    const { number, unfollow } = flight;
    if (number !== undefined && unfollow === undefined) this.#target.fleet!.crash(number, error);
    for (const waiter of flight.waiters) waiter.reject(error);
    flight.waiters.clear();
  }
}

/** What the caller asked for, as it stood when it called, and what the loader chose over it. */
class Choices {
  readonly #given: LoadOptions;
  #chosen: SetOptions | undefined;

  constructor(options: LoadOptions) {
    this.#given = { ...options, tags: options.tags === undefined ? undefined : [...options.tags] };
  }

  get options(): LoadOptions {
    return this.#chosen === undefined ? this.#given : { ...this.#given, ...this.#chosen };
  }

  choose(options: SetOptions): void {
    this.#chosen = { ...this.#chosen, ...options };
  }

  /** @returns the same, with what is chosen for one value alone. */
  with(options: SetOptions): Choices {
    const others = new Choices(this.#given);
    others.choose({ ...this.#chosen, ...options });
    return others;
  }

  /** How an unchanged value is kept: as it was, but for what the loader chose. */
  renewing({ life }: Known<unknown>): LoadOptions {
    if (life === undefined) return this.options;
    const { ttlMs, idleTtlMs, tags, weightBytes, revalidation } = life;
    const validator = revalidation?.validator;
    return { ttlMs, idleTtlMs, tags, weightBytes, validator, ...this.#chosen };
  }

  get tags(): readonly string[] {
    return this.options.tags ?? [];
  }
}

/** An invalidation of a tag that the expired value has is about its revalidation too. */
function tagsAboard(chosen: Choices, kept: Revalidatable<unknown> | undefined): readonly string[] {
  return kept === undefined ? chosen.tags : [...new Set([...chosen.tags, ...kept.life.tags])];
}

function staleValues<V>(
  flights: readonly Flight<V>[],
  kept: ReadonlyMap<string, Revalidatable<V>>,
): ReadonlyMap<string, StaleValue<V>> {
  const stale = new Map<string, StaleValue<V>>();
  for (const { uri } of flights) {
    const { value, life } = kept.get(uri) ?? {};
    const validator = life?.revalidation?.validator;
    if (value !== undefined && validator !== undefined) stale.set(uri, { value, validator });
  }
  return stale;
}

/** A loader that throws fails as late as one that rejects, so that callers meanwhile share it. */
function called<T>(loader: () => T | Promise<T>): Promise<T> {
  return new Promise((resolve) => resolve(loader()));
}

function absenceError(uri: string): GranaryError {
  return new GranaryError(
    'ERR_GRANARY_LOAD_FAILED',
    `the bulk loader returned no value for ${describeUri(uri)}`,
    { data: { uri, absent: true } },
  );
}

function isAbsence(error: unknown): boolean {
  return error instanceof GranaryError && error.data['absent'] === true;
}

function inOrder<V>(uris: readonly string[], values: ReadonlyMap<string, V>): Map<string, V> {
  const ordered = new Map<string, V>();
  for (const uri of uris) {
    const value = values.get(uri);
    if (value !== undefined) ordered.set(uri, value);
  }
  return ordered;
}
