import { describeUri } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import type { Fleet } from './fleet.ts';

/** One caller of a load. */
interface Waiter<V> {
  resolve(value: V): void;
  reject(error: unknown): void;
}

/**
 * One run of a loader, for one URI or, from `loadMany`, for several.
 *
 * It is aborted when the last caller of its last flight has left.
 */
export class LoaderRun {
  readonly controller = new AbortController();
  #flights = 0;

  board(): void {
    this.#flights++;
  }

  leave(reason: unknown): void {
    this.#flights--;
    if (this.#flights === 0) this.controller.abort(reason);
  }
}

/** A load under way for one URI. */
export class Flight<V> {
  readonly uri: string;
  readonly run: LoaderRun;
  /** Tags that the value will carry as far as known; a loader may still set others. */
  tags: readonly string[];
  /** Invalidations of tags up to here happened before the load began. */
  readonly tagEpoch: number;
  /** False once a set or an invalidation has overtaken this load: its value must not be stored. */
  attached = true;
  readonly waiters = new Set<Waiter<V>>();
  /** Its number in the fleet of all threads, where there is one; of those it follows, theirs. */
  number: number | undefined;
  /** Has it wait no more, where another thread runs its loader. */
  unfollow: (() => void) | undefined;

  constructor(uri: string, run: LoaderRun, tags: readonly string[], tagEpoch: number) {
    this.uri = uri;
    this.run = run;
    this.tags = tags;
    this.tagEpoch = tagEpoch;
  }
}

/**
 * Loads under way: one per URI, however many callers.
 *
 * A set, an invalidation or a clear detaches the flights that it matches. Their callers still get
 * the value, nothing of it is stored, and whoever asks after that starts a flight of their own.
 */
export class Flights<V> {
  readonly #flights = new Map<string, Flight<V>>();
  /** Every flight that has not landed, detached ones included. */
  readonly #airborne = new Set<Flight<V>>();
  /** Of those; read with every set of the cache, and `Set.size` is a call. */
  #size = 0;
  /** Tag to the epoch of its last invalidation, in that order; kept while an older load is under way. */
  readonly #invalidatedTags = new Map<string, number>();
  readonly #fleet: Fleet<V> | undefined;
  #tagEpoch = 0;
  #closedBy: GranaryError | undefined;

  constructor(fleet?: Fleet<V>) {
    this.#fleet = fleet;
  }

  get size(): number {
    return this.#size;
  }

  /** Invalidated tags that loads under way are checked against when they land. */
  get heldTags(): number {
    return this.#invalidatedTags.size;
  }

  find(uri: string): Flight<V> | undefined {
    const flight = this.#flights.get(uri);
    if (flight?.number === undefined || this.#fleet!.isAttached(flight.number)) return flight;
    // Another thread has overtaken it.
    this.#detach(flight);
    return undefined;
  }

  /** Whether somebody waits for it still, here or elsewhere. */
  isAirborne(flight: Flight<V>): boolean {
    return this.#airborne.has(flight);
  }

  /** @throws what `close` was given, once it was called. */
  start(uri: string, run: LoaderRun, tags: readonly string[]): Flight<V> {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    const flight = new Flight<V>(uri, run, tags, this.#tagEpoch);
    run.board();
    this.#flights.set(uri, flight);
    this.#airborne.add(flight);
    this.#size = this.#airborne.size;
    return flight;
  }

  /**
   * @returns the flight's value for one caller.
   * @throws `ERR_GRANARY_ABORTED` when the caller's own signal fires; the others stay aboard.
   */
  join(flight: Flight<V>, signal: AbortSignal | undefined): Promise<V> {
    return new Promise<V>((resolve, reject) => {
      const onAbort = (): void => {
        flight.waiters.delete(waiter);
        reject(abortedError(flight.uri, signal?.reason));
        if (flight.waiters.size === 0) this.#abandon(flight, signal?.reason);
      };
      const waiter: Waiter<V> = {
        resolve: (value) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(value);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      flight.waiters.add(waiter);
      // A listener of the cache's own events may have aborted it on the way here.
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * The loader is done. @returns whether its value may be stored: nothing has overtaken it, and none
   * of its tags was invalidated since it began.
   */
  land(flight: Flight<V>): boolean {
    if (this.#flights.get(flight.uri) === flight) this.#flights.delete(flight.uri);
    const overtaken = this.#isOvertakenByTag(flight);
    this.#leaveAir(flight);
    return flight.attached && !overtaken;
  }

  /** The loader has told the tags of its value; one that was invalidated meanwhile detaches it. */
  retag(flight: Flight<V>, tags: readonly string[]): void {
    flight.tags = tags;
    if (flight.number !== undefined && flight.unfollow === undefined) {
      this.#fleet!.retag(flight.number, tags);
    }
    const isFound = this.#flights.get(flight.uri) === flight;
    if (isFound && this.#isOvertakenByTag(flight)) this.#detach(flight);
  }

  detach(uri: string): void {
    const flight = this.#flights.get(uri);
    if (flight !== undefined) this.#detach(flight);
  }

  detachWhere(matches: (uri: string) => boolean): void {
    for (const flight of this.#flights.values()) {
      if (matches(flight.uri)) this.#detach(flight);
    }
  }

  detachTag(tag: string): void {
    if (this.#airborne.size === 0) return;
    this.#tagEpoch++;
    this.#invalidatedTags.delete(tag);
    this.#invalidatedTags.set(tag, this.#tagEpoch);
    for (const flight of this.#flights.values()) {
      if (flight.tags.includes(tag)) this.#detach(flight);
    }
  }

  /** Ends every load: callers are refused, loaders aborted, late results dropped. */
  close(error: GranaryError): void {
    this.#closedBy = error;
    for (const flight of [...this.#airborne]) {
      this.#detach(flight);
      this.#leaveAir(flight);
      const waiters = [...flight.waiters];
      flight.waiters.clear();
      for (const waiter of waiters) waiter.reject(error);
      flight.run.leave(error);
    }
  }

  #isOvertakenByTag({ tags, tagEpoch }: Flight<V>): boolean {
    return tags.some((tag) => (this.#invalidatedTags.get(tag) ?? 0) > tagEpoch);
  }

  #leaveAir(flight: Flight<V>): void {
    this.#airborne.delete(flight);
    this.#size = this.#airborne.size;
    // The oldest: later ones began at later epochs.
    const [oldest] = this.#airborne;
    for (const [tag, epoch] of this.#invalidatedTags) {
      if (oldest !== undefined && epoch > oldest.tagEpoch) break;
      this.#invalidatedTags.delete(tag);
    }
  }

  #detach(flight: Flight<V>): void {
    flight.attached = false;
    this.#flights.delete(flight.uri);
  }

  #abandon(flight: Flight<V>, reason: unknown): void {
    if (!this.#airborne.has(flight)) return;
    const { number, unfollow } = flight;
    if (unfollow !== undefined) unfollow();
    else if (number !== undefined && this.#fleet!.abandon(number)) return;
    if (flight.attached) this.#detach(flight);
    this.#leaveAir(flight);
    flight.run.leave(reason);
  }
}

export function abortedError(uri: string, reason: unknown): GranaryError {
  return new GranaryError(
    'ERR_GRANARY_ABORTED',
    `the load of ${describeUri(uri)} was aborted by its caller`,
    {
      cause: reason,
      data: { uri },
    },
  );
}
