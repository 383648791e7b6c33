import type { EventHub } from '../events/event-hub.ts';
import type { EvictionCause } from '../events/resource-event.ts';
import { Word } from '../native/heap-block.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';
import type { Bounds } from './cache-options.ts';
import type { EntryInfo } from './cache-stats.ts';
import type { DumpHost, SinkHost } from './dump-host.ts';
import type { DumpSink } from './dump-restore.ts';
import { type EntryExtras, EntryTable, MOST_COUNTED, NEVER_FRESH, RowWord } from './entry-table.ts';
import { ExpirySchedule } from './expiry-schedule.ts';
import { dumpHeap, HeapSink } from './heap-dump.ts';
import type { HeapParts } from './heap-parts.ts';
import { KeyIndex } from './key-index.ts';
import type { Ledger } from './ledger.ts';
import type { Order, Residence } from './order.ts';
import type { Restore } from './restores.ts';
import { type StaleLife, StaleShelf } from './stale-shelf.ts';
import { MAX_FAST_TTL_MS, REBASE_AT, type StoreClock } from './store-clock.ts';
import type { Lifetime, Revalidatable, Store, StoreCensus } from './store.ts';
import { TagIndex } from './tag-index.ts';
import { Unweighed } from './unweighed.ts';
import { weighValue } from './value-weight.ts';

// Constants of this module are part of the compiled code; imported ones are loaded at each use.
const ROW_LOG = RowWord.sizeLog;
const FRESH_UNTIL = RowWord.freshUntil;
const TOLD_IN = RowWord.toldIn;
const ACCESS_COUNT = RowWord.accessCount;
const ACCESSED_AT = RowWord.accessedAt;
const FULL_COUNT = MOST_COUNTED;
const CLOCK = Word.clock;
const USED_AT = Word.usedAt;

/** Strings up to this length are weighed when their bytes matter, longer ones at once. */
const LONGEST_UNWEIGHED = 1_024;

/**
 * Uses that the order has yet to hear of, at most. It hears of them before it decides anything; so the way
 * of a hit calls nothing, and is compiled as one with its caller's.
 */
const MOST_UNTOLD = 16;

/** A UTF-16 unit takes so many bytes in UTF-8 at the most. */
const MOST_BYTES_PER_UNIT = 3;

/** The life of an entry so far, as a dump has it; times by the wall, or the user's clock. */
export type EntryLife = StaleLife;

/**
 * Values on this thread's heap, by reference.
 *
 * A hit is one `Map.get`, one read of the clock word and one row of the table. Who stays is the order's
 * matter, and when to look for what has expired the schedule's; this class holds map, ledger, tags and
 * counters, and tells the hub what happened.
 */
export class HeapStore<V> implements Residence, Store<V, V> {
  readonly ledger: Ledger;
  readonly fleet = undefined;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #expirations = 0;
  #invalidations = 0;

  /** The slot of each key: of entries, and of keys that the order remembers. */
  readonly #slots = new Map<string, number>();
  readonly #table: EntryTable<V>;
  readonly #clock: StoreClock;
  readonly #clockWords: Int32Array;
  readonly #hub: EventHub<V>;
  readonly #parts: HeapParts;
  readonly #tags = new TagIndex();
  readonly #unweighed = new Unweighed();
  readonly #schedule: ExpirySchedule;
  /** What has expired and may be revalidated; made with the first. */
  #shelf: StaleShelf<V> | undefined;
  #order: Order;
  /** Slots that were used, in order; none of them has changed hands since. */
  readonly #untold = new Int32Array(MOST_UNTOLD);
  #untoldCount = 0;
  #index: KeyIndex | undefined;
  #resizing = false;
  /** The lifetime of the last set, which most sets share, and what it comes to. */
  #lifetime: Lifetime | undefined;
  #freshMs = NEVER_FRESH;
  #extras: EntryExtras | undefined;

  constructor(bounds: Bounds, parts: HeapParts, hub: EventHub<V>) {
    const { maxEntries, maxBytes } = bounds;
    this.ledger = { size: 0, weightBytes: 0, maxEntries, maxBytes, maxEntryBytes: 0 };
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#clockWords = parts.clock.words;
    this.#table = new EntryTable(parts.clock.ticking);
    this.#hub = hub;
    this.#schedule = new ExpirySchedule(this.#table, parts.clock, this);
    this.#order = parts.createOrder(this.ledger, this.#table, this);
    this.#order.readBounds();
  }

  get size(): number {
    return this.ledger.size + (this.#shelf?.size ?? 0);
  }

  get weightBytes(): number {
    this.#weighAll();
    return this.ledger.weightBytes + (this.#shelf?.weightBytes ?? 0);
  }

  get maxEntryBytes(): number {
    return this.ledger.maxEntryBytes;
  }

  /**
   * A hit is counted, a miss is for the caller to count. Crosses nothing: one map look-up, one clock
   * word, and once an epoch and entry a word with the order.
   */
  get(uri: string): V | undefined {
    const slot = this.#slots.get(uri);
    if (slot === undefined) return undefined;
    const table = this.#table;
    const { words, values } = table;
    // Bits, not sums: compiled code looks for no overflow.
    const at = slot << ROW_LOG;
    const clockWords = this.#clockWords;
    let now = clockWords[CLOCK]!;
    if (now > words[at | FRESH_UNTIL]!) {
      now = this.#now();
      if (!this.#livesAt(slot, now)) return undefined;
      table.use(slot, now);
    }
    clockWords[USED_AT] = now;
    this.#hits++;
    words[at | ACCESSED_AT] = now;
    const count = (words[at | ACCESS_COUNT]! + 1) | 0;
    words[at | ACCESS_COUNT] = count;
    if (count === FULL_COUNT) table.carryCount(slot);
    if (words[at | TOLD_IN] !== table.epoch) {
      words[at | TOLD_IN] = table.toldMark;
      this.#untold[this.#untoldCount++] = slot;
      if (this.#untoldCount === MOST_UNTOLD) this.#tellUses();
    }
    return values[slot];
  }

  countMiss(): void {
    this.#misses++;
  }

  // The value is read before listeners run: a slot that one of them frees is used again.
  peek(uri: string): V | undefined {
    const slot = this.#find(uri);
    return slot === undefined ? undefined : this.#table.values[slot];
  }

  info(uri: string): EntryInfo | undefined {
    const slot = this.#find(uri);
    if (slot === undefined) return undefined;
    const life = this.#lifeOf(slot, this.#clock.toWallMs(0));
    const { ttlMs: _, idleTtlMs: __, tags, revalidation, ...told } = life;
    const deadline = this.#table.deadlineOf(slot);
    return {
      ...told,
      expiresAtMs: deadline === Infinity ? undefined : this.#clock.toWallMs(deadline),
      tags: [...tags],
      validator: revalidation?.validator,
    };
  }

  remainingMs(uri: string): number | undefined {
    const slot = this.#find(uri);
    return slot === undefined ? undefined : this.#table.deadlineOf(slot) - this.#clock.read();
  }

  /** An entry that lives, or may be revalidated, with its life so far; no access is recorded. */
  entryOf(uri: string): { readonly value: V; readonly life: EntryLife } | undefined {
    const slot = this.#find(uri);
    const offset = this.#clock.wallOffsetMs();
    if (slot === undefined) return this.#shelf?.entryOf(uri, offset);
    return { value: this.#table.values[slot]!, life: this.#lifeOf(slot, offset) };
  }

  revalidatable(uri: string): Revalidatable<V> | undefined {
    return this.#shelf?.find(uri);
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

  census(): StoreCensus {
    this.#weighAll();
    const { maxEntries, maxBytes } = this.ledger;
    return {
      maxEntries,
      maxBytes,
      size: this.size,
      weightBytes: this.weightBytes,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      expirations: this.#expirations,
      invalidations: this.#invalidations,
      droppedEvents: 0,
      staleEntries: this.#shelf?.size ?? 0,
    };
  }

  /** The value even if it has expired, while it is still held. */
  lastKnown(uri: string): V | undefined {
    const slot = this.#slots.get(uri);
    return slot === undefined ? undefined : this.#table.values[slot];
  }

  /**
   * @param weight bytes, or the complement of an upper bound of them
   * @param loaded whether a loader made the value: then `loaded` is queued where it is kept
   */
  set(uri: string, value: V, weight: number, lifetime: Lifetime, loaded: boolean): void {
    const now = this.#now();
    this.#clockWords[USED_AT] = now;
    if (this.#untoldCount > 0) this.#tellUses();
    const slot = this.#slots.get(uri);
    if (weight > this.ledger.maxEntryBytes) {
      this.#refuse(uri, value, slot, now);
      return;
    }
    if (lifetime !== this.#lifetime) this.#readLifetime(lifetime);
    if (loaded) this.#tellLoaded(uri, value);
    if (slot !== undefined && this.#renew(slot, value, weight, now, lifetime.ttlMs)) return;
    if (slot === undefined) this.#enter(uri, undefined, value, weight, now, lifetime.ttlMs);
    else this.#setKnown(uri, slot, value, weight, now, lifetime.ttlMs);
    if (this.#shelf !== undefined) this.#makeRoom(uri);
  }

  /** Goes on with the life of an entry that a dump holds, unless the URI has an entry. */
  restore(uri: string, value: V, life: EntryLife): 'restored' | 'expired' | 'skipped' {
    const now = this.#now();
    const offset = this.#clock.wallOffsetMs();
    if (this.#find(uri) !== undefined) return 'skipped';
    if (this.#untoldCount > 0) this.#tellUses();
    if (life.weightBytes > this.ledger.maxEntryBytes) return 'skipped';
    const { weightBytes, ttlMs, idleTtlMs, tags, revalidation } = life;
    // A wall clock that was set back since would make it younger than new.
    const born = Math.min(now, this.#toReading(life.createdAtMs - offset));
    const accessedAt = Math.min(now, this.#toReading(life.lastAccessedAtMs - offset));
    const usedAt = Math.max(born, accessedAt);
    const deadline = Math.min(
      ttlMs > 0 ? born + ttlMs : Infinity,
      idleTtlMs > 0 ? usedAt + idleTtlMs : Infinity,
    );
    if (now > deadline) {
      const known = { ...life, createdAtMs: born, lastAccessedAtMs: usedAt };
      if (this.#shelf?.find(uri) === undefined) this.#shelve(uri, value, known, deadline);
      return 'expired';
    }
    this.#readLifetime({ ttlMs, idleTtlMs, tags, revalidation });
    this.#clockWords[USED_AT] = now;
    this.#enter(uri, this.#slots.get(uri), value, weightBytes, born, ttlMs);
    const slot = this.#slots.get(uri);
    if (slot !== undefined) {
      this.#table.resume(slot, born, usedAt, life.accessCount);
      // It was born before the last entry of the slot, maybe.
      this.#schedule.expect(slot);
    }
    if (this.#shelf !== undefined) this.#makeRoom(uri);
    return 'restored';
  }

  /** @returns whether a living entry was removed. */
  invalidate(uri: string): boolean {
    const slot = this.#find(uri);
    this.#shelf?.drop(uri);
    if (slot === undefined) return false;
    this.#invalidateSlot(slot);
    return true;
  }

  invalidateTag(tag: string): number {
    const count = this.#invalidateAll(this.#tags.withTag(tag));
    this.#shelf?.dropTag(tag);
    return count;
  }

  /** Looks at every key where the pattern has no prefix, else at the keys with it only. */
  invalidateMatching(pattern: UriPattern): number {
    const count = this.#invalidateMatching(pattern);
    this.#shelf?.dropMatching(pattern);
    return count;
  }

  #invalidateMatching(pattern: UriPattern): number {
    const { prefix } = pattern;
    if (prefix === '') {
      const matching = [...this.#residents()].filter((slot) =>
        pattern.matches(this.#table.keys[slot]!),
      );
      return this.#invalidateAll(matching);
    }
    this.#index ??= new KeyIndex(this.#slots.keys());
    const keys = this.#index.withPrefix(prefix, (key) => this.lastKnown(key) !== undefined);
    const matching = keys.filter((key) => pattern.matches(key));
    return this.#invalidateAll(matching.map((key) => this.#slots.get(key)!));
  }

  clear(): void {
    const now = this.#now();
    const { keys, values } = this.#table;
    for (const slot of this.#residents()) {
      const event = now > this.#table.deadlineOf(slot) ? 'expired' : 'invalidated';
      if (event === 'expired') this.#expirations++;
      else this.#invalidations++;
      if (this.#hub.heard[event]) {
        this.#hub.queue({ uri: keys[slot]!, event, value: values[slot]! });
      }
    }
    this.#drop();
  }

  /** Frees what has expired by now. @returns how many */
  expire(): number {
    const now = this.#now();
    const due = this.#schedule.takeDue(now);
    for (const slot of due) {
      this.#expireSlot(slot);
      this.#table.endSchedule(slot);
    }
    this.#shelf?.sweep();
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
    if (this.#untoldCount > 0) this.#tellUses();
    Object.assign(this.ledger, bounds);
    this.#resizing = true;
    try {
      if (!this.#reviewOrder()) this.#order.resize();
    } finally {
      this.#resizing = false;
    }
    this.#makeRoom();
  }

  /** Living entries, oldest key first; entries may change meanwhile. */
  *living(): Generator<[string, V]> {
    for (const [uri, slot] of this.#slots) {
      if (this.#livesAt(slot, this.#now())) yield [uri, this.#table.values[slot]!];
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

  /** URIs of what is held, least recently used first, and before them what may be revalidated. */
  urisByUse(): string[] {
    if (this.#untoldCount > 0) this.#tellUses();
    const residents = this.#order.residents().map((slot) => this.#table.keys[slot]!);
    return [...(this.#shelf?.uris() ?? []), ...residents];
  }

  close(): void {
    this.#drop();
    this.#parts.close();
  }

  throwFault(): void {
    // Nothing of it runs in Rust but the clock.
  }

  // Residence

  evict(slot: number): void {
    this.#evictions++;
    if (this.#hub.heard.evicted) {
      const { keys, values } = this.#table;
      this.#queueEvicted(keys[slot]!, values[slot]!, this.#resizing ? 'resize' : 'size');
    }
    this.#detach(slot);
  }

  release(slot: number): void {
    this.#slots.delete(this.#table.keys[slot]!);
    this.#table.release(slot);
  }

  /** Called by the timer. */
  expireInBackground(): void {
    this.expire();
    this.#hub.flush();
  }

  #tellUses(): void {
    const count = this.#untoldCount;
    this.#untoldCount = 0;
    for (let index = 0; index < count; index++) this.#order.touch(this.#untold[index]!);
  }

  #now(): number {
    const now = this.#clockWords[CLOCK]!;
    return now < REBASE_AT ? now : this.#readClock();
  }

  #readClock(): number {
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
    this.#table.rebase(reading);
    this.#schedule.rebase(reading);
    this.#shelf?.rebase(reading);
  }

  /** Times of entries are integers on a ticking clock; rounded so that nothing lives longer. */
  #toReading(ms: number): number {
    return this.#clock.ticking ? Math.floor(ms) : ms;
  }

  #readLifetime(lifetime: Lifetime): void {
    const { ttlMs, idleTtlMs, tags, revalidation } = lifetime;
    this.#lifetime = lifetime;
    const isOrdinary = idleTtlMs === 0 && tags.length === 0 && revalidation === undefined;
    this.#extras = isOrdinary ? undefined : lifetime;
    // An injected clock's readings may be larger than ASLEEP.
    if (!this.#clock.ticking || idleTtlMs > 0) this.#freshMs = NEVER_FRESH;
    else if (ttlMs === 0 || ttlMs >= MAX_FAST_TTL_MS) this.#freshMs = MAX_FAST_TTL_MS;
    // A small integer: `Math.floor` alone gives what compiled code must look at first.
    else this.#freshMs = Math.floor(ttlMs) | 0;
  }

  /** The slot of the entry if it lives; no access is recorded. */
  #find(uri: string): number | undefined {
    const slot = this.#slots.get(uri);
    return slot !== undefined && this.#livesAt(slot, this.#now()) ? slot : undefined;
  }

  /** Whether the slot has an entry; frees it if it has expired. */
  #livesAt(slot: number, now: number): boolean {
    const table = this.#table;
    if (now <= table.words[(slot << ROW_LOG) | FRESH_UNTIL]!) return true;
    if (table.values[slot] === undefined) return false;
    if (now <= table.deadlineOf(slot)) return true;
    this.#expireSlot(slot);
    return false;
  }

  *#residents(): Generator<number> {
    const { values } = this.#table;
    for (const slot of this.#slots.values()) if (values[slot] !== undefined) yield slot;
  }

  /** @param offset what a reading is behind the time in which the life is told */
  #lifeOf(slot: number, offset: number): EntryLife {
    const table = this.#table;
    if (table.isUnweighed(slot)) {
      if (this.#untoldCount > 0) this.#tellUses();
      this.#weighNow(slot);
      this.#order.lighten(slot);
    }
    const { idleTtlMs = 0, tags = [], revalidation } = table.extrasOf(slot) ?? {};
    return {
      createdAtMs: table.bornOf(slot) + offset,
      lastAccessedAtMs: table.accessedAtOf(slot) + offset,
      accessCount: table.accessCountOf(slot),
      weightBytes: table.weightOf(slot),
      ttlMs: table.ttlMsOf(slot),
      idleTtlMs,
      tags,
      revalidation,
    };
  }

  /** The key has a slot, and maybe an entry there. */
  #setKnown(uri: string, slot: number, value: V, weight: number, now: number, ttlMs: number): void {
    if (this.#livesAt(slot, now)) this.#overwrite(slot, value, weight, now, ttlMs);
    // What has just expired may have lost its slot, too.
    else this.#enter(uri, this.#slots.get(uri), value, weight, now, ttlMs);
  }

  /** @returns whether the entry differs in its value only */
  #renew(slot: number, value: V, weight: number, now: number, ttlMs: number): boolean {
    const table = this.#table;
    if (this.#extras !== undefined) return false;
    if (!table.renew(slot, value, weight, now, this.#freshMs, ttlMs)) return false;
    if (table.toldIn(slot) !== table.epoch) this.#order.touch(slot);
    return true;
  }

  /** A value is too large, and what it was to replace is old. */
  #refuse(uri: string, value: V, slot: number | undefined, now: number): void {
    if (slot !== undefined && this.#livesAt(slot, now)) this.#remove(slot);
    this.#shelf?.drop(uri);
    this.#evictions++;
    if (this.#hub.heard.evicted) this.#queueEvicted(uri, value, 'too-large');
  }

  #tellLoaded(uri: string, value: V): void {
    if (this.#hub.heard.loaded) this.#hub.queue({ uri, event: 'loaded', value });
  }

  /** A new entry, whose lifetime has been read. @param known the slot that the key still has */
  #enter(
    uri: string,
    known: number | undefined,
    value: V,
    weight: number,
    now: number,
    ttlMs: number,
  ): void {
    const { ledger } = this;
    const table = this.#table;
    const slot = known ?? table.take(uri);
    // What comes back stands last again in the order of keys.
    if (known !== undefined) this.#slots.delete(uri);
    this.#slots.set(uri, slot);
    const isScheduled = table.begin(slot, value, weight, now, this.#freshMs, ttlMs, -1);
    ledger.size++;
    ledger.weightBytes += weight < 0 ? ~weight : weight;
    if (weight < 0) this.#unweighed.add(slot);
    if (this.#extras !== undefined) this.#addExtras(slot, this.#extras);
    if (this.#index !== undefined) this.#addToIndex(uri);
    if (!isScheduled || this.#extras !== undefined) this.#schedule.expect(slot);
    if (ledger.weightBytes > ledger.maxBytes) this.#weighAll(slot);
    this.#order.admit(slot, known !== undefined);
    if (ledger.size === this.#parts.reviewAt) this.#reviewOrder();
  }

  #overwrite(slot: number, value: V, weight: number, now: number, ttlMs: number): void {
    const { ledger } = this;
    const table = this.#table;
    const formerWeight = table.weightOf(slot);
    const hadExtras = this.#removeExtras(slot);
    if (table.toldIn(slot) !== table.epoch) this.#order.touch(slot);
    const toldIn = table.toldIn(slot);
    const isScheduled = table.begin(slot, value, weight, now, this.#freshMs, ttlMs, toldIn);
    if (this.#extras !== undefined) this.#addExtras(slot, this.#extras);
    if (weight < 0) this.#unweighed.add(slot);
    if (!isScheduled || hadExtras || this.#extras !== undefined) this.#schedule.expect(slot);
    const most = weight < 0 ? ~weight : weight;
    if (most !== formerWeight) {
      ledger.weightBytes += most - formerWeight;
      if (ledger.weightBytes > ledger.maxBytes) this.#weighAll();
      this.#order.reweigh(slot);
    }
  }

  #addExtras(slot: number, extras: EntryExtras): void {
    this.#table.setExtras(slot, extras);
    this.#tags.add(slot, extras.tags);
  }

  /** @returns whether it had any */
  #removeExtras(slot: number): boolean {
    const extras = this.#table.extrasOf(slot);
    if (extras === undefined) return false;
    this.#tags.remove(slot, extras.tags);
    this.#table.setExtras(slot, undefined);
    return true;
  }

  /** @param newcomer that the order does not know yet */
  #weighAll(newcomer?: number): void {
    if (this.#unweighed.isEmpty) return;
    if (this.#untoldCount > 0) this.#tellUses();
    for (const slot of this.#unweighed.take(this.#slots.values())) {
      if (!this.#table.isUnweighed(slot)) continue;
      this.#weighNow(slot);
      if (slot !== newcomer) this.#order.lighten(slot);
    }
  }

  #weighNow(slot: number): void {
    const weight = weighValue(this.#table.values[slot]);
    this.ledger.weightBytes += weight - this.#table.weightOf(slot);
    this.#table.setWeight(slot, weight);
  }

  #addToIndex(uri: string): void {
    this.#index?.add(uri);
    if (this.#index?.isExhausted(this.ledger.size)) this.#index = undefined;
  }

  #invalidateAll(slots: readonly number[]): number {
    const now = this.#now();
    let count = 0;
    for (const slot of slots) {
      if (!this.#livesAt(slot, now)) continue;
      this.#invalidateSlot(slot);
      count++;
    }
    return count;
  }

  #invalidateSlot(slot: number): void {
    this.#invalidations++;
    if (this.#hub.heard.invalidated) this.#queueEnd(slot, 'invalidated');
    this.#remove(slot);
  }

  #expireSlot(slot: number): void {
    this.#expirations++;
    if (this.#hub.heard.expired) this.#queueEnd(slot, 'expired');
    const table = this.#table;
    if (table.extrasOf(slot)?.revalidation !== undefined) {
      this.#removeToShelf(slot);
    } else this.#remove(slot);
  }

  #removeToShelf(slot: number): void {
    const table = this.#table;
    const uri = table.keys[slot]!;
    const value = table.values[slot]!;
    const life = this.#lifeOf(slot, 0);
    const deadline = table.deadlineOf(slot);
    this.#remove(slot);
    this.#shelve(uri, value, life, deadline);
  }

  #shelve(uri: string, value: V, life: EntryLife, deadline: number): void {
    this.#shelf ??= new StaleShelf<V>(this.#clock);
    this.#shelf.put(uri, value, life, deadline);
    this.#makeRoom();
  }

  /** Living entries have the room that they need. @param uri that has one */
  #makeRoom(uri?: string): void {
    const shelf = this.#shelf;
    if (shelf === undefined || shelf.size === 0) return;
    if (uri !== undefined) shelf.drop(uri);
    const { ledger } = this;
    // Weights that nobody has counted yet are upper bounds.
    if (shelf.weightBytes > ledger.maxBytes - ledger.weightBytes) this.#weighAll();
    shelf.fit(ledger.maxEntries - ledger.size, ledger.maxBytes - ledger.weightBytes);
  }

  #queueEnd(slot: number, event: 'invalidated' | 'expired'): void {
    const { keys, values } = this.#table;
    this.#hub.queue({ uri: keys[slot]!, event, value: values[slot]! });
  }

  #queueEvicted(uri: string, value: V, cause: EvictionCause): void {
    this.#hub.queue({ uri, event: 'evicted', value, metadata: { cause } });
  }

  #remove(slot: number): void {
    if (this.#untoldCount > 0) this.#tellUses();
    this.#detach(slot);
    this.#order.forget(slot);
  }

  #detach(slot: number): void {
    const { ledger } = this;
    this.#removeExtras(slot);
    ledger.size--;
    ledger.weightBytes -= this.#table.empty(slot);
  }

  #drop(): void {
    this.#slots.clear();
    this.#table.clear();
    this.#tags.clear();
    this.#index = undefined;
    this.ledger.size = 0;
    this.ledger.weightBytes = 0;
    this.#unweighed.clear();
    this.#shelf?.clear();
    this.#schedule.clear();
    this.#untoldCount = 0;
    this.#order.clear();
  }

  /** @returns whether another order has taken over */
  #reviewOrder(): boolean {
    if (this.#untoldCount > 0) this.#tellUses();
    const order = this.#parts.createOrder(this.ledger, this.#table, this, this.#order);
    if (order === this.#order) return false;
    this.#weighAll();
    const residents = this.#order.residents();
    this.#order = order;
    order.readBounds();
    // What only the former order remembered goes.
    const { values } = this.#table;
    for (const slot of [...this.#slots.values()]) {
      if (values[slot] === undefined) this.release(slot);
    }
    // Each is let in anew, so that bounds which have shrunk hold at every step.
    this.ledger.size = 0;
    this.ledger.weightBytes = 0;
    for (const slot of residents) {
      const weight = this.#table.weightOf(slot);
      this.ledger.size++;
      this.ledger.weightBytes += weight;
      this.#table.setToldIn(slot, -1);
      if (weight > this.ledger.maxEntryBytes) {
        this.evict(slot);
        this.release(slot);
      } else {
        order.admit(slot, false);
      }
    }
    return true;
  }
}
