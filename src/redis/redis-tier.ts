import { Buffer } from 'node:buffer';

import { envelopeKey, openEnvelope, sealEnvelope } from '../tiers/envelope.ts';
import { invalidationText, type Invalidation } from '../tiers/invalidation.ts';
import { resourceKey, uriOfResourceKey } from '../tiers/resource-key.ts';
import type {
  Tier,
  TierEntry,
  TierListener,
  TierLockRead,
  TierRead,
  TierWrite,
} from '../tiers/tier.ts';
import { InvalidationLog, type OrderState, parseOrderState } from './invalidation-log.ts';
import { LockedReads } from './locked-reads.ts';
import { RedisCoherence } from './redis-coherence.ts';
import { RedisConnection } from './redis-connection.ts';

import {
  readRedisOptions,
  type RedisTierOptions,
  type RedisTierSettings,
} from './redis-options.ts';
import { CATCH_UP, INVALIDATE, TICK, WRITE, VERSION_LENGTH } from './redis-scripts.ts';

/** Keys that are in one place also in a cluster: Redis hashes what stands in braces. */
const STATE_KEY = '{granary}:order';
const LOG_KEY = '{granary}:invalidations';

/**
 * Redis, or Valkey, as second level, by node-redis (the optional peer `redis`, version 6).
 *
 * Public entries stand under `resource:{uri}`, private ones under `private:{hash}:resource:{uri}`. What is
 * invalidated is remembered with a version, in one sorted set, and compared with the version of each
 * entry that is read: so one invalidation is one write, however many entries it is about, and what a
 * load began before it brings is not found after it.
 *
 * @example
 * ```ts
 * import { ResourceManager } from 'mcp-granary';
 * import { RedisTier } from 'mcp-granary/redis';
 * const tier = new RedisTier({ url: 'redis://localhost', prefix: 'docs:' });
 * const manager = new ResourceManager({ tier });
 * manager.close();
 * await tier.close();
 * ```
 */
export class RedisTier implements Tier, AsyncDisposable {
  readonly #settings: RedisTierSettings;
  readonly #connection: RedisConnection;
  readonly #listeners = new Set<TierListener>();
  readonly #log = new InvalidationLog();
  readonly #coherence: RedisCoherence;
  readonly #lockedReads: LockedReads;
  readonly #stateKey: string;
  readonly #logKey: string;
  /** The catching up that is under way, and the invalidation that it was begun for. */
  #catchingUp: { readonly head: number; readonly done: Promise<void> } | undefined;

  /**
   * Connects when it is first used, or by `connect`.
   *
   * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range
   */
  constructor(options?: RedisTierOptions) {
    this.#settings = readRedisOptions(options);
    const { prefix } = this.#settings;
    this.#stateKey = prefix + STATE_KEY;
    this.#logKey = prefix + LOG_KEY;
    this.#connection = new RedisConnection(this.#settings, {
      connected: () => this.#tell((listener) => listener.connected()),
      disconnected: (cause) => this.#tell((listener) => listener.disconnected(cause)),
    });
    this.#lockedReads = new LockedReads(this.#connection, this.#stateKey, prefix, {
      keyOf: (name) => this.#keyOf(name),
      understand: (names, replies, state) => this.#readAll(names, replies, state),
      getMany: (names) => this.getMany(names),
      isAlive,
      isOvertaken: (version, uri) => this.#log.isOvertaken(version, uri, []),
    });
    this.#coherence = new RedisCoherence(this.#settings, this.#connection, this.#logKey, {
      changed: (names) => this.#tell((listener) => listener.changed(names)),
      // Without an answer what is read next will tell.
      invalidated: () => void this.#fetchLog(Infinity).catch(() => {}),
      restored: () => this.#tell((listener) => listener.connected()),
      lost: (cause) => this.#tell((listener) => listener.disconnected(cause)),
    });
  }

  /**
   * Connects now, to find out whether it can: nothing needs it.
   *
   * @throws (rejects with) `ERR_GRANARY_MISSING_PEER` where node-redis is not installed,
   * `ERR_GRANARY_CLOSED`, or what node-redis says
   */
  async connect(): Promise<void> {
    await this.#connection.connect();
  }

  /** One MGET; a script more where others have invalidated since the last read. */
  async getMany(names: readonly string[]): Promise<TierRead> {
    await this.#coherence.start();
    const replies = await this.#connection.mGet([
      ...names.map((name) => this.#keyOf(name)),
      this.#stateKey,
    ]);
    const state = parseOrderState(replies[names.length]?.toString('latin1'));
    const entries = await this.#readAll(names, replies, state);
    return { entries, moment: Math.max(state?.clock ?? 0, this.#log.clock) };
  }

  /** One script; in a cluster it comes after an MGET, and before another for what was locked. */
  async lockMany(names: readonly string[], leaseMs: number): Promise<TierLockRead> {
    await this.#coherence.start();
    const { isCluster } = await this.#connection.connect();
    return isCluster
      ? this.#lockedReads.apart(names, leaseMs)
      : this.#lockedReads.together(names, leaseMs);
  }

  /** One script. */
  async unlockMany(locks: ReadonlyMap<string, string>): Promise<void> {
    await this.#lockedReads.giveBack(locks);
  }

  /** One script; in a cluster one for each key, and one before them for what was set. */
  async setMany(writes: readonly TierWrite[], by?: TierListener): Promise<readonly string[]> {
    const overtaken = await this.#overtaken(writes);
    const sealed = writes
      .filter((write) => !overtaken.includes(write.name))
      .flatMap((write) => this.#seal(write));
    if (sealed.length === 0) return overtaken;
    await this.#coherence.start();
    const { isCluster } = await this.#connection.connect();
    const needsNow = sealed.some(({ how }) => how === 'set' || how.startsWith('again'));
    const left = isCluster
      ? await this.#writeEach(sealed, needsNow)
      : await this.#write(sealed, needsNow ? '' : '-');
    const written = sealed.filter((_, at) => !left.includes(at)).map(({ name }) => name);
    if (written.length > 0) this.#tell((listener) => listener.changed(written), by);
    return [...overtaken, ...left.map((at) => sealed[at]!.name)];
  }

  /** One script, O(log n) in what is remembered: no keys are looked for. */
  async invalidate(invalidations: readonly Invalidation[], by?: TierListener): Promise<void> {
    const { isCluster } = await this.#connection.connect();
    const texts = [...new Set(invalidations.map(invalidationText))];
    // That is for the memory of Redis only: in a cluster they may be anywhere.
    const keys = invalidations.flatMap((invalidation) =>
      invalidation.kind === 'uri' ? [this.#keyOf(resourceKey(invalidation.uri))] : [],
    );
    const reply = await this.#connection.runReplicated(INVALIDATE, {
      keys: [this.#stateKey, this.#logKey, ...(isCluster ? [] : keys)],
      arguments: [String(this.#log.cursor()), String(this.#settings.maxInvalidations), ...texts],
    });
    if (isCluster && keys.length > 0) await this.#connection.unlink(keys);
    const { state, records } = parseReply(reply);
    const own = new Set(texts);
    const isOwn = (invalidation: Invalidation): boolean => own.has(invalidationText(invalidation));
    const fresh = this.#log.learn(state, records);
    this.#tellInvalidated(fresh.filter((invalidation) => !isOwn(invalidation)));
    this.#tell((listener) => listener.invalidated(invalidations), by);
  }

  subscribe(listener: TierListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes the connection, unless that is a client of yours; a second call does nothing. */
  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#coherence.close();
    await this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #keyOf(name: string): string {
    return this.#settings.prefix + envelopeKey(name);
  }

  /** Of what Redis has answered, what is valid. */
  async #readAll(
    names: readonly string[],
    replies: readonly (Buffer | null)[],
    state: OrderState | undefined,
  ): Promise<Map<string, TierEntry>> {
    if (state === undefined || !this.#log.covers(state)) await this.#catchUp(state?.head ?? 0);
    const entries = new Map<string, TierEntry>();
    for (const [at, name] of names.entries()) {
      const entry = this.#read(name, replies[at]);
      if (entry !== undefined) entries.set(name, entry);
    }
    return entries;
  }

  #read(name: string, bytes: Buffer | null | undefined): TierEntry | undefined {
    if (bytes === null || bytes === undefined) return undefined;
    const version = Number(bytes.toString('latin1', 0, VERSION_LENGTH));
    const entry = openEnvelope(bytes.subarray(VERSION_LENGTH), this.#settings.envelope);
    if (entry === undefined || Number.isNaN(version)) return undefined;
    const uri = uriOfResourceKey(name) ?? name;
    return this.#log.isValid(version, uri, entry.tags) ? entry : undefined;
  }

  /** What was set, could not be written, and was invalidated before it could. */
  async #overtaken(writes: readonly TierWrite[]): Promise<string[]> {
    const repeated = writes.filter(({ moment, isRepeated }) => moment === undefined && isRepeated);
    if (repeated.length === 0) return [];
    await this.#fetchLog(Infinity);
    return repeated
      .filter(({ name, createdAtMs, tags }) =>
        this.#log.isOvertaken(createdAtMs * 1_000, uriOfResourceKey(name) ?? name, tags),
      )
      .map(({ name }) => name);
  }

  #seal(write: TierWrite): SealedWrite[] {
    const { name, value, moment, isRepeated = false, createdAtMs, ttlMs } = write;
    const bytes = sealEnvelope(write, value, this.#settings.envelope);
    if (moment !== undefined) {
      if (bytes === undefined) return [];
      return [{ name, how: versionText(Number(moment)), ttlMs, bytes }];
    }
    const how = isRepeated ? `again${versionText(createdAtMs * 1_000)}` : 'set';
    // What may not be kept takes the place of the value before it all the same.
    return [{ name, how, ttlMs, bytes: bytes ?? Buffer.alloc(0) }];
  }

  /** @returns which of them were left as they are, from 0 */
  #write(writes: readonly SealedWrite[], now: string): Promise<number[]> {
    const keys = writes.map(({ name }) => this.#keyOf(name));
    const answer = this.#send(writes, keys, now);
    this.#coherence.own.begin(keys, answer);
    return answer;
  }

  async #send(
    writes: readonly SealedWrite[],
    keys: readonly string[],
    now: string,
  ): Promise<number[]> {
    const reply = await this.#connection.run(WRITE, {
      keys: now === '' ? [this.#stateKey, ...keys] : keys,
      arguments: [
        now,
        ...writes.flatMap(({ how, ttlMs, bytes }) => [how, String(Math.ceil(ttlMs)), bytes]),
      ],
    });
    const [left, version] = reply as [number[], unknown];
    const places = left.map((place) => place - 1);
    for (const [at, { how }] of writes.entries()) {
      const own = how === 'set' || how.startsWith('again') ? String(version) : how;
      if (!places.includes(at)) this.#coherence.own.add(keys[at]!, own);
    }
    return places;
  }

  async #writeEach(writes: readonly SealedWrite[], needsNow: boolean): Promise<number[]> {
    const now = needsNow
      ? String(await this.#connection.run(TICK, { keys: [this.#stateKey], arguments: [] }))
      : '-';
    const outcomes = await Promise.all(writes.map((write) => this.#write([write], now)));
    return outcomes.flatMap((left, at) => (left.length > 0 ? [at] : []));
  }

  /** Learns what others have invalidated; all who ask for the same wait for one answer. */
  #catchUp(head: number): Promise<void> {
    if (this.#catchingUp !== undefined && this.#catchingUp.head === head) {
      return this.#catchingUp.done;
    }
    const done = this.#fetchLog(head).finally(() => {
      if (this.#catchingUp?.done === done) this.#catchingUp = undefined;
    });
    this.#catchingUp = { head, done };
    return done;
  }

  async #fetchLog(head: number): Promise<void> {
    const reply = await this.#connection.run(CATCH_UP, {
      keys: [this.#stateKey, this.#logKey],
      arguments: [String(this.#log.cursor(head))],
    });
    const { state, records } = parseReply(reply);
    this.#tellInvalidated(this.#log.learn(state, records));
  }

  #tellInvalidated(invalidations: readonly Invalidation[]): void {
    if (invalidations.length > 0) this.#tell((listener) => listener.invalidated(invalidations));
  }

  #tell(what: (listener: TierListener) => void, but?: TierListener): void {
    for (const listener of [...this.#listeners]) if (listener !== but) what(listener);
  }
}

/** A write as it goes to Redis; how, as the script has it. */
interface SealedWrite {
  readonly name: string;
  readonly how: string;
  readonly ttlMs: number;
  readonly bytes: Buffer;
}

function versionText(version: number): string {
  return String(Math.max(0, Math.floor(version))).padStart(VERSION_LENGTH, '0');
}

function parseReply(reply: unknown): { state: OrderState; records: string[] } {
  const [text, records] = reply as [unknown, unknown[]];
  const state = parseOrderState(String(text));
  if (state === undefined) throw new TypeError('Redis has answered with no state');
  return { state, records: records.map(String) };
}

/** What has expired is still held where it may be revalidated. */
function isAlive(entry: TierEntry | undefined): boolean {
  if (entry?.validator === undefined) return entry !== undefined;
  return entry.expiresAtMs === undefined || entry.expiresAtMs >= Date.now();
}
