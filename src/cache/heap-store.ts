import type { EventHub } from '../events/event-hub.ts';
import type { EvictionCause } from '../events/resource-event.ts';
import { Word } from '../native/heap-block.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';
import type { Bounds } from './cache-options.ts';
import type { EntryInfo } from './cache-stats.ts';
import type { DumpHost, SinkHost } from './dump-host.ts';
import type { DumpSink } from './dump-restore.ts';
import { EntryPool } from './entry-pool.ts';
import { deadlineOf, type Entry, type EntryExtras } from './entry.ts';
import { ExpirySchedule } from './expiry-schedule.ts';
import { dumpHeap, HeapSink } from './heap-dump.ts';
import type { HeapParts } from './heap-parts.ts';
import { KeyIndex } from './key-index.ts';
import type { Ledger } from './ledger.ts';
import type { Order, Residence } from './order.ts';
import type { Restore } from './restores.ts';
import { SlotTable } from './slot-table.ts';
import { MAX_FAST_TTL_MS, REBASE_AT, type StoreClock } from './store-clock.ts';
import type { Lifetime, Store, StoreCensus } from './store.ts';
import { TagIndex } from './tag-index.ts';
import { Unweighed } from './unweighed.ts';
import { weighValue } from './value-weight.ts';

/** Strings up to this length are weighed when their bytes matter, longer ones at once. */
const LONGEST_UNWEIGHED = 1_024;

/** A UTF-16 unit takes so many bytes in UTF-8 at the most. */
const MOST_BYTES_PER_UNIT = 3;

/** The life so far of an entry that comes back; times by the wall, or the user's clock. */
export interface RestoredLife extends Lifetime {
  readonly weightBytes: number;
  readonly createdAtMs: number;
  readonly lastAccessedAtMs: number;
  readonly accessCount: number;
}

/**
 * Values on this thread's heap, by reference.
 *
 * A hit is one `Map.get` and one read of the clock word. Who stays is the order's matter, and when to
 * look for what has expired the schedule's; this class holds map, ledger, tags and counters, and tells
 * the hub what happened.
 */
export class HeapStore<V> implements Residence<V>, Store<V, V> {
  readonly ledger: Ledger;
  readonly fleet = undefined;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #expirations = 0;
  #invalidations = 0;

  readonly #entries = new Map<string, Entry<V>>();
  readonly #clock: StoreClock;
  readonly #words: Int32Array;
  readonly #hub: EventHub<V>;
  readonly #parts: HeapParts<V>;
  readonly #pool = new EntryPool<V>();
  readonly #tags = new TagIndex<V>();
  readonly #unweighed = new Unweighed<V>();
  readonly #slots = new SlotTable<V>();
  readonly #schedule: ExpirySchedule<V>;
  #order: Order<V>;
  #index: KeyIndex | undefined;
  #resizing = false;
  /** The lifetime of the last set, which most sets share, and what it comes to. */
  #lifetime: Lifetime | undefined;
  #fastTtl = 0;
  #extras: EntryExtras | undefined;

  constructor(bounds: Bounds, parts: HeapParts<V>, hub: EventHub<V>) {
    const { maxEntries, maxBytes } = bounds;
    this.ledger = { size: 0, weightBytes: 0, maxEntries, maxBytes, maxEntryBytes: 0, epoch: 0 };
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#words = parts.clock.words;
    this.#hub = hub;
    this.#schedule = new ExpirySchedule<V>(this.#slots, parts.clock, this);
    this.#order = parts.createOrder(this.ledger, this.#slots, this);
    this.#order.readBounds();
  }

  get size(): number {
    return this.ledger.size;
  }

  get weightBytes(): number {
    this.#weighAll();
    return this.ledger.weightBytes;
  }

  get maxEntryBytes(): number {
    return this.ledger.maxEntryBytes;
  }

  /**
   * A hit is counted, a miss is for the caller to count. Crosses nothing: one map look-up, one clock
   * word, and once an epoch and entry a word with the order.
   */
  get(uri: string): V | undefined {
    const entry = this.#entries.get(uri);
    if (entry === undefined) return undefined;
    const words = this.#words;
    let now = words[Word.clock]!;
    if (now - entry.born > entry.fastTtl) {
      now = this.#now();
      if (!this.#livesAt(entry, now)) return undefined;
    }
    words[Word.usedAt] = now;
    this.#hits++;
    entry.accessCount++;
    entry.accessedAt = now;
    if (entry.recordedIn !== this.ledger.epoch) this.#order.touch(entry);
    return entry.value;
  }

  /** The entry if it lives; no access is recorded. */
  find(uri: string): Entry<V> | undefined {
    const entry = this.#entries.get(uri);
    return entry !== undefined && this.#livesAt(entry, this.#now()) ? entry : undefined;
  }

  countMiss(): void {
    this.#misses++;
  }

  // The value is read before listeners run: an entry that one of them removes is used again.
  peek(uri: string): V | undefined {
    return this.find(uri)?.value;
  }

  info(uri: string): EntryInfo | undefined {
    const entry = this.find(uri);
    if (entry === undefined) return undefined;
    const deadline = deadlineOf(entry);
    return {
      createdAtMs: this.#clock.toWallMs(entry.born),
      lastAccessedAtMs: this.#clock.toWallMs(entry.accessedAt),
      accessCount: entry.accessCount,
      weightBytes: this.weightOf(entry),
      expiresAtMs: deadline === Infinity ? undefined : this.#clock.toWallMs(deadline),
      tags: [...(entry.extras?.tags ?? [])],
    };
  }

  accepts(): boolean {
    return true;
  }

  /** Any value can be held, by reference. */
  prepare(_: string, value: V): V {
    return value;
  }

  weigh(value: V): number {
    if (typeof value === 'string' && value.length <= LONGEST_UNWEIGHED) {
      const most = MOST_BYTES_PER_UNIT * value.length;
      if (most <= this.ledger.maxEntryBytes) return ~most;
    }
    return weighValue(value);
  }

  /** Its bytes, counted now where they were not yet. */
  weightOf(entry: Entry<V>): number {
    if (!entry.isWeighed) {
      this.#weighNow(entry);
      this.#order.lighten(entry);
    }
    return entry.weight;
  }

  census(): StoreCensus {
    this.#weighAll();
    const { epoch: _, maxEntryBytes: __, ...held } = this.ledger;
    return {
      ...held,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      expirations: this.#expirations,
      invalidations: this.#invalidations,
      droppedEvents: 0,
    };
  }

  /** The value even if it has expired, while it is still held. */
  lastKnown(uri: string): V | undefined {
    return this.#entries.get(uri)?.value;
  }

  /**
   * @param weight bytes, or the complement of an upper bound of them
   * @param loaded whether a loader made the value: then `loaded` is queued where it is kept
   */
  set(uri: string, value: V, weight: number, lifetime: Lifetime, loaded: boolean): void {
    const now = this.#now();
    this.#words[Word.usedAt] = now;
    const former = this.#entries.get(uri);
    const resident = former !== undefined && this.#livesAt(former, now) ? former : undefined;
    if (weight > this.ledger.maxEntryBytes) {
      if (resident !== undefined) this.#remove(resident);
      this.#tellEvicted(uri, value, 'too-large');
      return;
    }
    if (lifetime !== this.#lifetime) this.#readLifetime(lifetime);
    if (loaded && this.#hub.heard.loaded) this.#hub.queue({ uri, event: 'loaded', value });
    if (resident === undefined) {
      const entry = this.#pool.take(uri, value);
      entry.begin(
        value,
        weight < 0 ? ~weight : weight,
        now,
        this.#fastTtl,
        lifetime.ttlMs,
        this.#extras,
      );
      if (weight < 0) this.#unweighed.add(entry);
      this.#enter(entry);
    } else {
      this.#overwrite(resident, value, weight, lifetime.ttlMs, now);
    }
  }

  /** Goes on with the life of an entry that a dump holds, unless the URI has an entry. */
  restore(uri: string, value: V, life: RestoredLife): 'restored' | 'expired' | 'skipped' {
    const now = this.#now();
    const offset = this.#clock.wallOffsetMs();
    if (this.find(uri) !== undefined) return 'skipped';
    if (life.weightBytes > this.ledger.maxEntryBytes) return 'skipped';
    const { weightBytes, ttlMs, idleTtlMs, tags } = life;
    const lifetime = { ttlMs, idleTtlMs, tags };
    // A wall clock that was set back since would make it younger than new.
    const born = Math.min(now, this.#toReading(life.createdAtMs - offset));
    const accessedAt = Math.min(now, this.#toReading(life.lastAccessedAtMs - offset));
    const entry = this.#pool.take(uri, value);
    this.#readLifetime(lifetime);
    entry.begin(value, weightBytes, born, this.#fastTtl, ttlMs, this.#extras);
    entry.accessedAt = Math.max(born, accessedAt);
    entry.accessCount = life.accessCount;
    if (now > deadlineOf(entry)) {
      this.#pool.give(entry);
      return 'expired';
    }
    this.#words[Word.usedAt] = now;
    this.#enter(entry);
    return 'restored';
  }

  /** @returns whether a living entry was removed. */
  invalidate(uri: string): boolean {
    const entry = this.find(uri);
    if (entry === undefined) return false;
    this.#invalidateEntry(entry);
    return true;
  }

  invalidateTag(tag: string): number {
    return this.#invalidateAll(this.#tags.withTag(tag));
  }

  /** Looks at every key where the pattern has no prefix, else at the keys with it only. */
  invalidateMatching(pattern: UriPattern): number {
    const { prefix } = pattern;
    if (prefix === '') {
      const matching = [...this.#entries.values()].filter(({ uri }) => pattern.matches(uri));
      return this.#invalidateAll(matching);
    }
    this.#index ??= new KeyIndex(this.#entries.keys());
    const keys = this.#index.withPrefix(prefix, (key) => this.#entries.has(key));
    const matching = keys.filter((key) => pattern.matches(key));
    return this.#invalidateAll(matching.map((key) => this.#entries.get(key)!));
  }

  clear(): void {
    const now = this.#now();
    for (const entry of this.#entries.values()) {
      const event = now > deadlineOf(entry) ? 'expired' : 'invalidated';
      if (event === 'expired') this.#expirations++;
      else this.#invalidations++;
      if (this.#hub.heard[event]) this.#hub.queue({ uri: entry.uri, event, value: entry.value });
    }
    this.#drop();
  }

  /** Frees what has expired by now. @returns how many */
  expire(): number {
    const now = this.#now();
    const due = this.#schedule.takeDue(now);
    for (const entry of due) this.#expireEntry(entry);
    return due.length;
  }

  /** Frees what has expired; the order has nothing pending. */
  sync(): void {
    this.expire();
  }

  resize(bounds: Bounds): void {
    const { maxEntries, maxBytes } = this.ledger;
    if (bounds.maxEntries === maxEntries && bounds.maxBytes === maxBytes) return;
    // A clock that fails does so before anything has changed.
    this.#now();
    this.#weighAll();
    Object.assign(this.ledger, bounds);
    this.#resizing = true;
    try {
      if (!this.#reviewOrder()) this.#order.resize();
    } finally {
      this.#resizing = false;
    }
  }

  /** Living entries, oldest key first; entries may change meanwhile. */
  *living(): Generator<[string, V]> {
    for (const entry of this.#entries.values()) {
      if (this.#livesAt(entry, this.#now())) yield [entry.uri, entry.value];
    }
  }

  *keys(): Generator<string> {
    for (const [uri] of this.living()) yield uri;
  }

  dump(host: DumpHost): AsyncIterable<Uint8Array> {
    return dumpHeap(this, host);
  }

  beginRestore(): number {
    return 0;
  }

  endRestore(): void {
    // There are no other threads.
  }

  openSink(restore: Restore, host: SinkHost): DumpSink {
    return new HeapSink(this, restore, host);
  }

  /** URIs of what is held, least recently used first. */
  urisByUse(): string[] {
    return this.#order.residents().map((entry) => entry.uri);
  }

  /** What a reading of now is behind the wall clock of now. */
  wallOffsetMs(): number {
    return this.#clock.wallOffsetMs();
  }

  close(): void {
    this.#drop();
    this.#parts.close();
  }

  throwFault(): void {
    // Nothing of it runs in Rust but the clock.
  }

  // Residence

  evict(entry: Entry<V>): void {
    this.#detach(entry);
    this.#tellEvicted(entry.uri, entry.value, this.#resizing ? 'resize' : 'size');
    this.#pool.give(entry);
  }

  /** Called by the timer. */
  expireInBackground(): void {
    this.expire();
    this.#hub.flush();
  }

  #now(): number {
    const now = this.#words[Word.clock]!;
    if (now < REBASE_AT) return now;
    let reading = this.#clock.read();
    // More than once after a sleep of weeks: the clock stops at its largest reading.
    while (this.#clock.ticking && reading >= REBASE_AT) {
      this.#rebase(reading);
      reading = this.#clock.read();
    }
    return reading;
  }

  #rebase(reading: number): void {
    this.#clock.rebase(reading);
    for (const entry of this.#entries.values()) {
      entry.born -= reading;
      entry.accessedAt -= reading;
    }
    this.#schedule.rebase(reading);
  }

  /** Times of entries are integers on a ticking clock; rounded so that nothing lives longer. */
  #toReading(ms: number): number {
    return this.#clock.ticking ? Math.floor(ms) : ms;
  }

  #readLifetime(lifetime: Lifetime): void {
    const { ttlMs, idleTtlMs, tags } = lifetime;
    this.#lifetime = lifetime;
    this.#extras = idleTtlMs > 0 || tags.length > 0 ? lifetime : undefined;
    // An injected clock's readings may be larger than ASLEEP.
    if (!this.#clock.ticking) this.#fastTtl = -Infinity;
    else if (idleTtlMs > 0) this.#fastTtl = -1;
    else if (ttlMs === 0 || ttlMs >= MAX_FAST_TTL_MS) this.#fastTtl = MAX_FAST_TTL_MS;
    else this.#fastTtl = Math.floor(ttlMs);
  }

  /** Frees the entry if it has expired. */
  #livesAt(entry: Entry<V>, now: number): boolean {
    if (now - entry.born <= entry.fastTtl || now <= deadlineOf(entry)) return true;
    this.#expireEntry(entry);
    return false;
  }

  #enter(entry: Entry<V>): void {
    this.#entries.set(entry.uri, entry);
    this.ledger.size++;
    this.ledger.weightBytes += entry.weight;
    this.#slots.take(entry);
    if (entry.extras !== undefined) this.#tags.add(entry);
    if (this.#index !== undefined) this.#addToIndex(entry.uri);
    this.#schedule.expect(entry);
    if (this.ledger.weightBytes > this.ledger.maxBytes) this.#weighAll(entry);
    this.#order.admit(entry);
    if (this.ledger.size === this.#parts.reviewAt) this.#reviewOrder();
  }

  #overwrite(entry: Entry<V>, value: V, weight: number, ttlMs: number, now: number): void {
    const { weight: formerWeight, ttlMs: formerTtlMs, extras: formerExtras } = entry;
    if (formerExtras !== undefined) this.#tags.remove(entry);
    const most = weight < 0 ? ~weight : weight;
    entry.begin(value, most, now, this.#fastTtl, ttlMs, this.#extras);
    if (weight < 0) this.#unweighed.add(entry);
    if (entry.extras !== undefined) this.#tags.add(entry);
    if (entry.recordedIn !== this.ledger.epoch) this.#order.touch(entry);
    // With the life that it had it lives longer than before, and will be looked at in time.
    const { ticking } = this.#clock;
    const lasts = ticking && ttlMs === formerTtlMs && entry.extras === formerExtras;
    if (!lasts) this.#schedule.expect(entry);
    if (most !== formerWeight) {
      this.ledger.weightBytes += most - formerWeight;
      if (this.ledger.weightBytes > this.ledger.maxBytes) this.#weighAll();
      this.#order.reweigh(entry);
    }
  }

  /** @param newcomer that the order does not know yet */
  #weighAll(newcomer?: Entry<V>): void {
    if (this.#unweighed.isEmpty) return;
    for (const entry of this.#unweighed.take(this.#entries.values())) {
      if (entry.isWeighed) continue;
      this.#weighNow(entry);
      if (entry !== newcomer) this.#order.lighten(entry);
    }
  }

  #weighNow(entry: Entry<V>): void {
    const weight = weighValue(entry.value);
    this.ledger.weightBytes += weight - entry.weight;
    entry.weight = weight;
    entry.isWeighed = true;
  }

  #addToIndex(uri: string): void {
    this.#index?.add(uri);
    if (this.#index?.isExhausted(this.ledger.size)) this.#index = undefined;
  }

  #invalidateAll(entries: readonly Entry<V>[]): number {
    const now = this.#now();
    let count = 0;
    for (const entry of entries) {
      if (!this.#livesAt(entry, now)) continue;
      this.#invalidateEntry(entry);
      count++;
    }
    return count;
  }

  #invalidateEntry(entry: Entry<V>): void {
    this.#remove(entry);
    this.#invalidations++;
    if (this.#hub.heard.invalidated) {
      this.#hub.queue({ uri: entry.uri, event: 'invalidated', value: entry.value });
    }
    this.#pool.give(entry);
  }

  #expireEntry(entry: Entry<V>): void {
    this.#remove(entry);
    this.#expirations++;
    if (this.#hub.heard.expired) {
      this.#hub.queue({ uri: entry.uri, event: 'expired', value: entry.value });
    }
    this.#pool.give(entry);
  }

  #tellEvicted(uri: string, value: V, cause: EvictionCause): void {
    this.#evictions++;
    if (this.#hub.heard.evicted) {
      this.#hub.queue({ uri, event: 'evicted', value, metadata: { cause } });
    }
  }

  #remove(entry: Entry<V>): void {
    this.#order.forget(entry);
    this.#detach(entry);
  }

  #detach(entry: Entry<V>): void {
    this.#entries.delete(entry.uri);
    this.#slots.release(entry.slot);
    this.ledger.size--;
    this.ledger.weightBytes -= entry.weight;
    if (entry.extras !== undefined) this.#tags.remove(entry);
  }

  #drop(): void {
    this.#entries.clear();
    this.#tags.clear();
    this.#index = undefined;
    this.ledger.size = 0;
    this.ledger.weightBytes = 0;
    this.#unweighed.clear();
    this.#slots.clear();
    this.#schedule.clear();
    this.#order.clear();
  }

  /** @returns whether another order has taken over */
  #reviewOrder(): boolean {
    const order = this.#parts.createOrder(this.ledger, this.#slots, this, this.#order);
    if (order === this.#order) return false;
    this.#weighAll();
    const entries = this.#order.residents();
    this.#order = order;
    order.readBounds();
    // Each is let in anew, so that bounds which have shrunk hold at every step.
    this.ledger.size = 0;
    this.ledger.weightBytes = 0;
    for (const entry of entries) {
      this.ledger.size++;
      this.ledger.weightBytes += entry.weight;
      entry.recordedIn = -1;
      if (entry.weight > this.ledger.maxEntryBytes) this.evict(entry);
      else order.admit(entry);
    }
    return true;
  }
}
