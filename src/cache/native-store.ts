import type { EventHub } from '../events/event-hub.ts';
import type { EvictionCause, ResourceEventName } from '../events/resource-event.ts';
import { callNative } from '../native/addon.ts';
import { NearWord, SharedWord } from '../native/store-block.ts';
import {
  openStore,
  type StoreHandle,
  type StoreMessage,
  type StorePlace,
} from '../native/store-opening.ts';
import { addWakeable, type Wakeable } from '../native/store-waker.ts';
import type { UriPattern } from '../registry/uri-pattern.ts';
import type { Bounds, CacheSettings } from './cache-options.ts';
import type { EntryInfo } from './cache-stats.ts';
import { NativeFleet, revalidationOf, tagsOf } from './native-fleet.ts';
import type { DumpHost, SinkHost } from './dump-host.ts';
import type { DumpSink } from './dump-restore.ts';
import { type DumpHome, dumpNative, NativeSink, openDump } from './native-dump.ts';
import { NearCells } from './near-cells.ts';
import { NearMap, NearRow } from './near-map.ts';
import type { Restore } from './restores.ts';
import { ASLEEP, ManualClock } from './store-clock.ts';
import type { Lifetime, Revalidatable, Store, StoreCensus } from './store.ts';
import { parseValidator } from './validator.ts';
import {
  decodeValue,
  encodeValue,
  valueReader,
  type EncodedValue,
  type ValueKind,
} from './value-codec.ts';

// Constants of this module are part of the compiled code; imported ones are loaded at each use.
const CLOCK = SharedWord.clock;
const CLOCK_ASLEEP = ASLEEP;
const ROW_LOG = NearRow.sizeLog;
const STRIPE = NearRow.stripe;
const VERSION = NearRow.version;
const READING = NearRow.reading;
const TRUSTED_MS = NearRow.trustedMs;

/** Bits by which a handle says what it listens to; `crates/core/src/value.rs` has the same. */
const EVENT_BITS = { loaded: 1, accessed: 2, invalidated: 4, expired: 8, evicted: 16 } as const;

const EVENT_OF_BIT = new Map<number, ResourceEventName>(
  Object.entries(EVENT_BITS).map(([name, bit]) => [bit, name as ResourceEventName]),
);

/** By the numbers of `crates/core/src/value.rs`. */
const CAUSES: readonly (EvictionCause | undefined)[] = [undefined, 'size', 'too-large', 'resize'];

/** Places that iteration asks for at a time. */
const PLACES = 64;

/** The share of `maxBytes` that a near map may hold besides what the store holds. */
const NEAR_SHARE = 1 / 4;

/**
 * Values as bytes in Rust, shared by all threads that open the same name.
 *
 * A near hit is one `Map.get` and the reads of a clock word and a version word; everything else is a
 * call into Rust. What others change is seen by the next read, without a message: their calls bump
 * version words before they return.
 */
export class NativeStore<V> implements Store<V, EncodedValue>, Wakeable {
  readonly fleet: NativeFleet<V>;
  readonly #handle: StoreHandle;
  readonly #hub: EventHub<V>;
  readonly #clock: ManualClock | undefined;
  readonly #words: Int32Array;
  readonly #answer: Int32Array;
  readonly #answerTimes: Float64Array;
  readonly #cells: NearCells;
  readonly #near: NearMap<V>;
  readonly #stopWaking: () => void;
  #closed = false;

  /**
   * @param startMs what the clock of a new store reads at first
   * @throws `ERR_GRANARY_NAME_IN_USE`, `ERR_GRANARY_UNSUPPORTED_RUNTIME`
   */
  constructor(settings: CacheSettings<V>, hub: EventHub<V>, startMs = 0) {
    const { handle, words, own } = openStore(settings, startMs);
    this.#handle = handle;
    this.#hub = hub;
    this.#clock = settings.clock === undefined ? undefined : new ManualClock(settings.clock);
    this.#words = words;
    this.#answer = own;
    this.#answerTimes = new Float64Array(own.buffer, 0, NearWord.cells / 2);
    this.#cells = new NearCells(own, settings.nearEntries);
    this.#near = new NearMap<V>(settings.nearEntries, settings.maxBytes * NEAR_SHARE, (cell) =>
      this.#cells.hitsOf(cell),
    );
    this.fleet = new NativeFleet<V>(handle, {
      at: () => this.#at(),
      decode: (kind, data) => this.#decode(kind, data),
      decodeAnswer: (data) => this.#decodeAnswer(data),
      isWatchedElsewhere: () => this.#isWatchedElsewhere(),
      takeMessages: () => this.#takeOwnMessages(),
    });
    hub.onHeard = () => this.#listen();
    this.#stopWaking = addWakeable(this);
  }

  get size(): number {
    return this.#handle.size();
  }

  get weightBytes(): number {
    return this.#handle.weightBytes();
  }

  get maxEntryBytes(): number {
    return this.#handle.maxEntryBytes();
  }

  get(uri: string): V | undefined {
    const near = this.#near;
    const cell = near.find(uri);
    if (cell === undefined) return this.#fetch(uri);
    const { rows } = near;
    const words = this.#words;
    const at = cell << ROW_LOG;
    if (words[rows[at | STRIPE]!] !== rows[at | VERSION]) return this.#fetch(uri);
    if (this.#clock !== undefined) return this.#getBy(this.#clock.read(), uri, cell);
    let now = words[CLOCK]!;
    if (now === CLOCK_ASLEEP) now = this.#handle.wake();
    if ((now - rows[at | READING]!) >>> 0 > rows[at | TRUSTED_MS]!) return this.#fetch(uri);
    this.#cells.count(cell, now);
    const value = near.values[cell];
    return value === undefined ? near.read(cell) : value;
  }

  /** A near hit, if it is one at a time of the user's. */
  #getBy(now: number, uri: string, cell: number): V | undefined {
    if (now > this.#near.deadlineOf(cell)) return this.#fetch(uri);
    this.#cells.countBy(cell, now);
    const value = this.#near.values[cell];
    return value === undefined ? this.#near.read(cell) : value;
  }

  countMiss(): void {
    // The store counts its misses itself.
  }

  /** Keys and tags cross as UTF-8, in which all lone surrogates would be one character. */
  accepts(text: string): boolean {
    return text.isWellFormed();
  }

  peek(uri: string): V | undefined {
    if (!this.accepts(uri)) return undefined;
    const data = this.#handle.peek(uri, this.#at());
    this.#takeOwnMessages();
    return data === null ? undefined : this.#decodeAnswer(data);
  }

  lastKnown(uri: string): V | undefined {
    if (!this.accepts(uri)) return undefined;
    const cell = this.#near.find(uri);
    if (cell !== undefined && this.#trusts(cell)) return undefined;
    const data = this.#handle.lastKnown(uri, this.#at());
    return data === null ? undefined : this.#decodeAnswer(data);
  }

  revalidatable(uri: string): Revalidatable<V> | undefined {
    if (!this.accepts(uri)) return undefined;
    const stale = this.#handle.stale(uri, this.#at());
    if (stale === null) return undefined;
    const { kind, data, revalidation, ...life } = stale;
    const validator = parseValidator(revalidation.validator);
    const value = this.#decode(kind, data);
    if (value === undefined || validator === undefined) return undefined;
    const { staleTtlMs } = revalidation;
    return { value, life: { ...life, revalidation: { validator, staleTtlMs } } };
  }

  info(uri: string): EntryInfo | undefined {
    if (!this.accepts(uri)) return undefined;
    const info = this.#handle.info(uri, this.#at());
    this.#takeOwnMessages();
    if (info === null) return undefined;
    const { expiresAtMs, validator } = info;
    return {
      ...info,
      expiresAtMs: expiresAtMs === Infinity ? undefined : expiresAtMs,
      validator: validator === undefined ? undefined : parseValidator(validator),
    };
  }

  remainingMs(uri: string): number | undefined {
    const info = this.info(uri);
    if (info === undefined) return undefined;
    const { createdAtMs, expiresAtMs = Infinity } = info;
    // The wall clock may have been set back since: no entry has more than it began with.
    const nowMs = this.#clock === undefined ? Date.now() : this.#clock.read();
    return expiresAtMs - Math.max(nowMs, createdAtMs);
  }

  prepare(uri: string, value: V): EncodedValue {
    return encodeValue(uri, value);
  }

  weigh(form: EncodedValue): number {
    return form.byteLength;
  }

  set(uri: string, { kind, data }: EncodedValue, weight: number, lifetime: Lifetime): void {
    const { ttlMs, idleTtlMs } = lifetime;
    const tags = tagsOf(lifetime);
    const revalidation = revalidationOf(lifetime);
    this.#handle.set(uri, kind, data, weight, ttlMs, idleTtlMs, tags, revalidation, this.#at());
    this.#takeOwnMessages();
  }

  invalidate(uri: string): boolean {
    if (!this.accepts(uri)) return false;
    this.#near.delete(uri);
    return this.#changed(this.#handle.invalidate(uri, this.#at()));
  }

  invalidateTag(tag: string): number {
    if (!this.accepts(tag)) return 0;
    return this.#changed(this.#handle.invalidateTag(tag, this.#at()));
  }

  invalidateMatching(pattern: UriPattern): number {
    const { kind, prefix } = pattern;
    const at = this.#at();
    if (!this.accepts(prefix)) return 0;
    if (kind === 'prefix') return this.#changed(this.#handle.invalidatePrefix(prefix, at));
    // Loads first: one that stores its value before that is among the keys.
    const underWay = this.#handle.keysUnderWay(0).filter((uri) => pattern.matches(uri));
    if (underWay.length > 0) this.#handle.detach(underWay, 0);
    const keys = this.#handle.keysWithPrefix(prefix, at).filter((uri) => pattern.matches(uri));
    return this.#changed(keys.length === 0 ? 0 : this.#handle.invalidateKeys(keys, at));
  }

  clear(): void {
    this.#near.clear();
    this.#handle.clear(this.#at());
    this.#takeOwnMessages();
  }

  expire(): number {
    return this.#changed(this.#handle.expire(this.#at()));
  }

  sync(): void {
    this.#handle.settle(this.#at());
    this.#takeOwnMessages();
  }

  resize({ maxEntries, maxBytes }: Bounds): void {
    callNative(() => this.#handle.resize(maxEntries, maxBytes, this.#at()));
    this.#near.resize(maxBytes * NEAR_SHARE);
    this.#takeOwnMessages();
  }

  census(): StoreCensus {
    const { overflowed, ...census } = this.#handle.census(this.#at());
    return { ...census, droppedEvents: overflowed };
  }

  *living(): Generator<[string, V]> {
    for (const { key, data } of this.#each(true)) {
      const value = data === undefined ? undefined : this.#decodeAnswer(data);
      if (value !== undefined) yield [key, value];
    }
  }

  *keys(): Generator<string> {
    for (const { key } of this.#each(false)) yield key;
  }

  *#each(withValue: boolean): Generator<StorePlace> {
    let after: number[] | undefined;
    while (!this.#closed) {
      const places = this.#handle.places(after, PLACES, this.#at());
      if (places.length === 0) return;
      for (let at = 0; at < places.length && !this.#closed; at += 2) {
        const place = this.#handle.atPlace(places[at]!, places[at + 1]!, withValue, this.#at());
        this.#takeOwnMessages();
        if (place !== null) yield place;
      }
      after = places.slice(-2);
    }
  }

  dump(host: DumpHost): AsyncIterable<Uint8Array> {
    const handle = this.#handle;
    return dumpNative(openDump(handle, this.#at()), handle, this.#dumpHome(), host);
  }

  beginRestore(): number {
    return this.#handle.beginRestore(0);
  }

  endRestore(): void {
    this.#handle.endRestore(0);
  }

  openSink(restore: Restore, host: SinkHost): DumpSink {
    return new NativeSink(this.#handle, restore, host, this.#dumpHome());
  }

  #dumpHome(): DumpHome {
    return { at: () => this.#at(), takeMessages: () => this.#takeOwnMessages() };
  }

  throwFault(): void {
    if (this.#answer[NearWord.fault] !== 0) callNative(() => this.#handle.throwFault());
  }

  close(): void {
    this.#closed = true;
    this.#stopWaking();
    this.#hub.onHeard = undefined;
    this.#near.clear();
    this.fleet.close();
    this.#handle.close();
  }

  /** Called by the thread's waker: others have something to tell. */
  takeMessages(): void {
    this.#takeOwnMessages();
    this.#hub.flush();
  }

  #takeOwnMessages(): void {
    if (Atomics.load(this.#answer, NearWord.messages) === 0) return;
    for (const message of this.#handle.takeMessages()) {
      if (message.event === 0) this.fleet.landed(message);
      else this.#queue(message);
    }
  }

  #queue({ event: bit, cause: number, key, kind, data }: StoreMessage): void {
    const event = EVENT_OF_BIT.get(bit);
    if (event === undefined || key === undefined || !this.#hub.heard[event]) return;
    const cause = CAUSES[number];
    const value = data === undefined ? undefined : this.#decode(kind, data);
    this.#hub.queue({
      uri: key,
      event,
      ...(value === undefined ? {} : { value }),
      ...(cause === undefined ? {} : { metadata: { cause } }),
    });
  }

  /**
   * Asks the store, and keeps near what it gives. All in one function, which is longer than those that V8
   * compiles into their callers: `get` stays short enough to be compiled into its own.
   */
  #fetch(uri: string): V | undefined {
    if (this.#closed || typeof uri !== 'string' || uri === '' || !this.accepts(uri)) {
      return undefined;
    }
    const near = this.#near;
    const answer = this.#answer;
    const cell = this.#isWatchedElsewhere() ? -1 : near.cellFor(uri);
    const data = this.#handle.get(uri, cell, this.#at());
    if (data === null) {
      near.delete(uri);
      this.#takeOwnMessages();
      return undefined;
    }
    const kind = answer[NearWord.kind] as ValueKind;
    let value: V | undefined;
    if (cell < 0 || !near.takes(data.length)) {
      near.delete(uri);
      // From here on the cell counts for this URI.
      near.vacate(cell);
      value = this.#decode(kind, data);
    } else {
      const reader = valueReader(kind, data) as () => V | undefined;
      value = reader();
      if (value === undefined) {
        near.vacate(cell);
      } else {
        const isShared = typeof data === 'string' || typeof value === 'string';
        near.put({
          uri,
          cell,
          read: isShared ? undefined : (reader as () => V),
          value: isShared ? value : undefined,
          bytes: data.length,
          stripe: answer[NearWord.stripe]!,
          version: answer[NearWord.version]!,
          reading: answer[NearWord.reading]!,
          trustedMs: answer[NearWord.trustedMs]!,
          deadline: this.#answerTimes[NearWord.deadline]!,
        });
      }
    }
    // What others did to this URI is told before the access.
    if (value !== undefined && this.#hub.heard.accessed) this.#takeOwnMessages();
    return value;
  }

  /** Whether `get` would give what is in the cell. */
  #trusts(cell: number): boolean {
    const { rows } = this.#near;
    const at = cell << ROW_LOG;
    if (this.#words[rows[at | STRIPE]!] !== rows[at | VERSION]) return false;
    if (this.#clock !== undefined) return this.#clock.read() <= this.#near.deadlineOf(cell);
    const reading = this.#words[CLOCK]!;
    const now = reading === CLOCK_ASLEEP ? this.#handle.wake() : reading;
    return (now - rows[at | READING]!) >>> 0 <= rows[at | TRUSTED_MS]!;
  }

  /** Whether other threads listen to accesses: then each has to come by, and no near map serves any. */
  #isWatchedElsewhere(): boolean {
    const own = this.#hub.heard.accessed ? 1 : 0;
    return this.#words[SharedWord.accessListeners]! > own;
  }

  #decodeAnswer(data: string | Uint8Array): V | undefined {
    return this.#decode(this.#answer[NearWord.kind]!, data);
  }

  #decode(kind: number, data: string | Uint8Array): V | undefined {
    return decodeValue(kind as ValueKind, data) as V | undefined;
  }

  #listen(): void {
    let heard = 0;
    for (const [event, bit] of Object.entries(EVENT_BITS)) {
      if (this.#hub.heard[event as ResourceEventName]) heard |= bit;
    }
    this.#handle.listen(heard, 0);
  }

  #changed<T>(result: T): T {
    this.#takeOwnMessages();
    return result;
  }

  /** The time of a call, where time is the user's. */
  #at(): number {
    return this.#clock === undefined ? 0 : this.#clock.read();
  }
}
