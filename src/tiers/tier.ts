import type { Validator } from '../cache/validator.ts';
import type { Invalidation } from './invalidation.ts';

/** An entry as a second level holds it. */
export interface TierEntry {
  readonly value: unknown;
  /** ms since 1970, by the clock of the process that made it. */
  readonly createdAtMs: number;
  /** Last ms at which it lives; `undefined` = never expires. */
  readonly expiresAtMs: number | undefined;
  readonly tags: readonly string[];
  /** By which it may be revalidated once it has expired. */
  readonly validator?: Validator | undefined;
}

/**
 * A point in the order of all that is written to and invalidated in a second level. What it is, only
 * the level knows; it is handed back as it was got.
 */
export type TierMoment = object | string | number;

/** What a read has found. */
export interface TierRead {
  /**
   * By name; no entry that was invalidated. One that has expired only where it has a validator: it is not
   * served, but tells whoever makes it anew what to ask by.
   */
  readonly entries: ReadonlyMap<string, TierEntry>;
  /** Not after the read: what is loaded from here on is newer than what was invalidated before it. */
  readonly moment: TierMoment;
}

/** A lock that somebody else has. */
export interface TierHolder {
  /** Tells one holder from the next. */
  readonly id: string;
  /** ms that are left of the lease, as the level has it. */
  readonly leftMs: number;
}

/** What a read has found that takes locks for what it has not. */
export interface TierLockRead extends TierRead {
  /** By name: what the caller holds now, for `unlockMany`. Its `moment` is later than that of any holder before. */
  readonly locks: ReadonlyMap<string, string>;
  /** By name: who has the locks that the caller did not get. */
  readonly holders: ReadonlyMap<string, TierHolder>;
}

/** An entry to be written. */
export interface TierWrite extends TierEntry {
  readonly name: string;
  /**
   * ms that it is of use: until it expires, and with a validator for as long as it may be revalidated after
   * that; 0 = for ever. The level may keep it longer, as long as nobody finds it.
   */
  readonly ttlMs: number;
  /**
   * When its load began: a write, or an invalidation that matches it, that came after that wins.
   * `undefined` for a value that was set: it is newer than all before it.
   */
  readonly moment: TierMoment | undefined;
  /**
   * It has failed before: a value that was set counts as of `createdAtMs`, since others may have
   * written after that.
   */
  readonly isRepeated?: boolean;
}

/**
 * What a cache is told by its second level, at any time. Nobody is told of what he has done himself; other
 * caches of the same process are. No method may throw.
 */
export interface TierListener {
  /** Others have written or dropped these entries; `undefined`: any of them. */
  changed(names: readonly string[] | undefined): void;
  /** Others have invalidated. */
  invalidated(invalidations: readonly Invalidation[]): void;
  /** It may be used (again). */
  connected(): void;
  /** Nothing is told from here on until `connected`. */
  disconnected(cause: unknown): void;
}

/**
 * What a second level must do: hold entries by name for several processes, and know what was
 * invalidated.
 *
 * Names are `resource:{uri}`, with a prefix for what is private (`uriOfResourceKey` gives the URI). Every
 * method may reject: the caller goes on without the level, counts that, and replays what was to be
 * written or invalidated. Reads and writes are tried once, with a deadline of the caller's.
 *
 * The order of things is the point. A load takes the moment of the read that missed, and its write
 * must not be found once a later write or invalidation has resolved, in whatever process: else a slow
 * load would bring back what was dropped. Where a level has lost what it knew of invalidations, it
 * must take what it holds for invalid.
 *
 * `examples/parts/own-tier.ts` is one that lives in the memory of the process.
 */
export interface Tier {
  /** What is held of some names. One round trip, however many. */
  getMany(names: readonly string[]): Promise<TierRead>;
  /**
   * As `getMany`, and takes a lock for every name without an entry that lives, so that of several
   * processes one loads it; together with `unlockMany`, or not at all. The read is not before the taking: what the
   * holder before has written is found.
   *
   * The lock is no more than that: nobody is kept from writing. It is the moment of the read that has
   * a late holder's write lose against a newer one's.
   *
   * @param leaseMs after which a lock is anybody's
   */
  lockMany?(names: readonly string[], leaseMs: number): Promise<TierLockRead>;
  /** Gives locks back, by name; those that are somebody else's by now stay. */
  unlockMany?(locks: ReadonlyMap<string, string>): Promise<void>;
  /**
   * Writes entries, each under its name until it expires. One round trip, however many.
   *
   * @param by who writes, where he has subscribed
   * @returns the names of which a newer entry was held, which stays
   */
  setMany(writes: readonly TierWrite[], by?: TierListener): Promise<readonly string[]>;
  /**
   * Makes all that matches invalid; resolves when no later read in any process can find it.
   *
   * @param by who invalidates, where he has subscribed
   */
  invalidate(invalidations: readonly Invalidation[], by?: TierListener): Promise<void>;
  /** @returns ends it */
  subscribe(listener: TierListener): () => void;
  /** Lets go of what the level has opened. */
  close(): Promise<void>;
}
