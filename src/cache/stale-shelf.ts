import type { UriPattern } from '../registry/uri-pattern.ts';
import { type Expiring, ExpiryTimer } from './expiry-timer.ts';
import type { Lifetime } from './store.ts';
import type { StoreClock } from './store-clock.ts';

/** The life of an entry so far; times by the store's clock. */
export interface StaleLife extends Lifetime {
  readonly weightBytes: number;
  readonly createdAtMs: number;
  readonly lastAccessedAtMs: number;
  readonly accessCount: number;
}

/** A value that has expired, with what it is known by. */
export interface StaleEntry<V> {
  readonly value: V;
  readonly life: StaleLife;
  /** Last reading of the clock at which it may be revalidated. */
  readonly untilMs: number;
}

/**
 * What has expired and may be revalidated: never served, and the first to leave where a living entry
 * needs the room.
 *
 * Invalidations by tag or pattern look at each of them: an index would cost more than it saves, since
 * what is asked for leaves with the answer, and the rest when its time is over.
 */
export class StaleShelf<V> implements Expiring {
  /** Earliest expired first. */
  readonly #entries = new Map<string, StaleEntry<V>>();
  readonly #clock: StoreClock;
  readonly #timer: ExpiryTimer | undefined;
  #weightBytes = 0;
  /** By how much the clock has been moved back since the times of entries were noted. */
  #rebasedMs = 0;

  constructor(clock: StoreClock) {
    this.#clock = clock;
    this.#timer = clock.ticking ? new ExpiryTimer(this) : undefined;
  }

  get size(): number {
    return this.#entries.size;
  }

  get weightBytes(): number {
    return this.#weightBytes;
  }

  /** @param deadlineMs the last reading of the clock at which it lived */
  put(uri: string, value: V, life: StaleLife, deadlineMs: number): void {
    const staleTtlMs = life.revalidation?.staleTtlMs ?? 0;
    const untilMs = deadlineMs + staleTtlMs + this.#rebasedMs;
    if (staleTtlMs === 0 || this.#now() > untilMs) return;
    this.drop(uri);
    this.#entries.set(uri, {
      value,
      life: {
        ...life,
        createdAtMs: life.createdAtMs + this.#rebasedMs,
        lastAccessedAtMs: life.lastAccessedAtMs + this.#rebasedMs,
      },
      untilMs,
    });
    this.#weightBytes += life.weightBytes;
    if (this.#timer !== undefined && untilMs < this.#timer.armedFor) this.#arm();
  }

  find(uri: string): StaleEntry<V> | undefined {
    const entry = this.#entries.get(uri);
    if (entry === undefined || this.#now() <= entry.untilMs) return entry;
    this.drop(uri);
    return undefined;
  }

  /** @param offset what a reading of the clock is behind the time in which the life is told */
  entryOf(
    uri: string,
    offset: number,
  ): { readonly value: V; readonly life: StaleLife } | undefined {
    const entry = this.find(uri);
    if (entry === undefined) return undefined;
    const { life, value } = entry;
    const behindMs = offset - this.#rebasedMs;
    return {
      value,
      life: {
        ...life,
        createdAtMs: life.createdAtMs + behindMs,
        lastAccessedAtMs: life.lastAccessedAtMs + behindMs,
      },
    };
  }

  uris(): string[] {
    return [...this.#entries.keys()];
  }

  drop(uri: string): void {
    const entry = this.#entries.get(uri);
    if (entry === undefined) return;
    this.#entries.delete(uri);
    this.#weightBytes -= entry.life.weightBytes;
  }

  dropTag(tag: string): void {
    for (const [uri, { life }] of this.#entries) if (life.tags.includes(tag)) this.drop(uri);
  }

  dropMatching(pattern: UriPattern): void {
    for (const uri of this.#entries.keys()) if (pattern.matches(uri)) this.drop(uri);
  }

  clear(): void {
    this.#entries.clear();
    this.#weightBytes = 0;
    this.#timer?.disarm();
  }

  /** Has the earliest leave until what is left fits. */
  fit(maxEntries: number, maxBytes: number): void {
    for (const uri of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries && this.#weightBytes <= maxBytes) return;
      this.drop(uri);
    }
  }

  /** Frees what may be revalidated no more. */
  sweep(): void {
    const now = this.#now();
    // In the order of expiry; another window, as of a dump's, is found late at the most.
    for (const [uri, { untilMs }] of this.#entries) {
      if (now <= untilMs) break;
      this.drop(uri);
    }
    this.#arm();
  }

  /** The clock's origin has moved by `delta` ms. */
  rebase(delta: number): void {
    this.#rebasedMs += delta;
    this.#arm();
  }

  /** Called by the timer. */
  expireInBackground(): void {
    this.sweep();
  }

  #now(): number {
    return this.#clock.read() + this.#rebasedMs;
  }

  #arm(): void {
    if (this.#timer === undefined) return;
    const [first] = this.#entries.values();
    this.#timer.arm(first === undefined ? Infinity : first.untilMs + 1, this.#now());
  }
}
