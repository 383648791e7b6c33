import type { Buffer } from 'node:buffer';

import { uriOfResourceKey } from '../tiers/resource-key.ts';
import type { TierEntry, TierHolder, TierLockRead, TierRead } from '../tiers/tier.ts';
import { type OrderState, parseOrderState } from './invalidation-log.ts';
import { LOCK, UNLOCK } from './lock-scripts.ts';
import type { RedisConnection } from './redis-connection.ts';
import { VERSION_LENGTH } from './redis-scripts.ts';

/** In the place of the state also in a cluster: locks are part of the order of things. */
const LOCK_PREFIX = '{granary}:lock:';

/** What locked reads need of their tier. */
export interface LockedReadsHost {
  /** @returns the key of an entry */
  keyOf(name: string): string;
  /** Whether an entry that was found need not be made anew. */
  isAlive(entry: TierEntry | undefined): boolean;
  /** @returns what is valid of what Redis has answered */
  understand(
    names: readonly string[],
    replies: readonly (Buffer | null)[],
    state: OrderState | undefined,
  ): Promise<Map<string, TierEntry>>;
  getMany(names: readonly string[]): Promise<TierRead>;
  /** Whether something that is known has made what began at a version invalid, whatever its tags. */
  isOvertaken(version: number, uri: string): boolean;
}

interface TakeRequest {
  readonly leaseMs: number;
  /** Entries that are there are known to be invalid: that is no reason to leave a lock. */
  readonly isForced: boolean;
  /** By name: who is not waited for. */
  readonly obsolete?: ReadonlyMap<string, TierHolder>;
}

interface Taken {
  readonly state: OrderState | undefined;
  /** By name: what was read, valid or not. */
  readonly replies: readonly (Buffer | null)[];
  readonly locks: Map<string, string>;
  readonly holders: Map<string, TierHolder>;
}

/** Reads that lock what they do not find: one key each, which expires with the lease. */
export class LockedReads {
  readonly #connection: RedisConnection;
  readonly #stateKey: string;
  readonly #prefix: string;
  readonly #host: LockedReadsHost;

  /** @param prefix in front of every key */
  constructor(
    connection: RedisConnection,
    stateKey: string,
    prefix: string,
    host: LockedReadsHost,
  ) {
    this.#connection = connection;
    this.#stateKey = stateKey;
    this.#prefix = prefix + LOCK_PREFIX;
    this.#host = host;
  }

  /** Where entries and locks are in one place: one script, a second where something is obsolete. */
  async together(names: readonly string[], leaseMs: number): Promise<TierLockRead> {
    const first = await this.#take(names, this.#keysOf(names), { leaseMs, isForced: false });
    const found = await this.#host.understand(names, first.replies, first.state);
    const obsolete = this.#obsolete(first.holders);
    // Of what was invalidated by tag or pattern, or has expired, only this process knows that it is.
    const isInvalid = (name: string, at: number): boolean =>
      first.replies[at] !== null && !this.#host.isAlive(found.get(name)) && !first.locks.has(name);
    const again = names.filter(
      (name, at) => obsolete.has(name) || (isInvalid(name, at) && !first.holders.has(name)),
    );
    if (again.length === 0) return readOf(first, found);
    const request = { leaseMs, isForced: true, obsolete };
    const second = await this.#take(again, this.#keysOf(again), request);
    const since = await this.#host.understand(again, second.replies, second.state);
    return readOf(joined(first, second, again), new Map([...found, ...since]));
  }

  /** In a cluster: locks after a read, and another read of what was locked. */
  async apart(names: readonly string[], leaseMs: number): Promise<TierLockRead> {
    const { entries, moment } = await this.#host.getMany(names);
    const missing = names.filter((name) => !this.#host.isAlive(entries.get(name)));
    if (missing.length === 0) return { entries, moment, locks: new Map(), holders: new Map() };
    let taken = await this.#take(missing, [], { leaseMs, isForced: true });
    const obsolete = this.#obsolete(taken.holders);
    if (obsolete.size > 0) {
      const again = [...obsolete.keys()];
      const second = await this.#take(again, [], { leaseMs, isForced: true, obsolete });
      taken = joined(taken, second, again);
    }
    if (taken.locks.size === 0) return readOf(taken, entries);
    const since = await this.#host.getMany([...taken.locks.keys()]);
    return readOf(taken, new Map([...entries, ...since.entries]));
  }

  /** One script. */
  async giveBack(locks: ReadonlyMap<string, string>): Promise<void> {
    await this.#connection.run(UNLOCK, {
      keys: Array.from(locks.keys(), (name) => this.#prefix + name),
      arguments: [...locks.values()],
    });
  }

  async #take(
    names: readonly string[],
    keys: readonly string[],
    { leaseMs, isForced, obsolete }: TakeRequest,
  ): Promise<Taken> {
    const reply = await this.#connection.run(LOCK, {
      keys: [this.#stateKey, ...names.map((name) => this.#prefix + name), ...keys],
      arguments: [
        String(names.length),
        String(leaseMs),
        isForced ? '1' : '',
        ...names.map((name) => obsolete?.get(name)?.id ?? ''),
      ],
    });
    const [text, replies, got, left] = reply as [
      Buffer | null,
      (Buffer | null)[],
      (Buffer | number)[],
      number[],
    ];
    const state = parseOrderState(text?.toString('latin1'));
    const own = String(state?.clock ?? 0).padStart(VERSION_LENGTH, '0');
    const locks = new Map<string, string>();
    const holders = new Map<string, TierHolder>();
    for (const [at, name] of names.entries()) {
      const holder = got[at];
      if (holder === 1) locks.set(name, own);
      else if (typeof holder === 'object') {
        holders.set(name, { id: holder.toString('latin1'), leftMs: left[at]! });
      }
    }
    return { state, replies, locks, holders };
  }

  /** @returns holders whose load began before what it is about was invalidated */
  #obsolete(holders: ReadonlyMap<string, TierHolder>): Map<string, TierHolder> {
    const isObsolete = ([name, { id }]: [string, TierHolder]): boolean =>
      this.#host.isOvertaken(Number(id), uriOfResourceKey(name) ?? name);
    return new Map([...holders].filter(isObsolete));
  }

  #keysOf(names: readonly string[]): string[] {
    return names.map((name) => this.#host.keyOf(name));
  }
}

function readOf(
  { state, locks, holders }: Taken,
  entries: ReadonlyMap<string, TierEntry>,
): TierLockRead {
  return { entries, moment: state?.clock ?? 0, locks, holders };
}

/** @param again names that were asked for a second time */
function joined(first: Taken, second: Taken, again: readonly string[]): Taken {
  const left = [...first.holders].filter(([name]) => !again.includes(name));
  return {
    ...second,
    locks: new Map([...first.locks, ...second.locks]),
    holders: new Map([...left, ...second.holders]),
  };
}
