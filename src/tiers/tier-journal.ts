import { Journal } from '../events/journal.ts';

/** Every event of what lies behind a first level, for checks and for iteration. */
export const TIER_EVENT_NAMES = [
  /** An operation of the level failed; it was gone on without. */
  'tier-failed',
  /** An operation took longer than `tierTimeoutMs`; it was gone on without. */
  'tier-timed-out',
  /** Too many failures in a row: the level is left alone for `breakerMs`. */
  'breaker-opened',
  'breaker-closed',
  /** A write or an invalidation has not reached the level and is kept for later. */
  'deferred',
  /** What was deferred has reached the level. */
  'replayed',
  /** A write came later than a newer one: the level keeps that, the first level drops its own. */
  'superseded',
  /** More was deferred than `maxPending`: writes are given up, everything is invalidated instead. */
  'overflowed',
  /** Others have invalidated; it was applied to the first level. */
  'invalidation-received',
  'tier-connected',
  'tier-disconnected',
  /** A value past its time to live was served, while it is loaded anew. */
  'stale-while-revalidate',
  /** … since loading it anew has failed; `cause` tells how. */
  'stale-on-failure',
  /** … since loading it anew takes longer than `softTimeoutMs`. */
  'stale-on-timeout',
  /** A load took longer than `hardTimeoutMs` and was aborted. */
  'origin-timed-out',
  /** A hit has begun to load a value whose time is nearly over. */
  'eager-refresh',
  /** A load behind has brought a value. */
  'refreshed',
  'refresh-failed',
  /** A load failed as an earlier one had, without asking the origin. */
  'negative-hit',
] as const;

/** What can happen behind a first level. */
export type TierEventName = (typeof TIER_EVENT_NAMES)[number];

/** What a listener receives. */
export interface TierEvent {
  readonly event: TierEventName;
  /** What was being done: `read`, `write`, `invalidate` or `unlock`. */
  readonly operation?: string;
  /** The URI that it is about, where it is about one. */
  readonly uri?: string;
  /** How many writes or invalidations it is about. */
  readonly count?: number;
  readonly cause?: unknown;
}

/** A listener; what it throws becomes one process warning. */
export type TierEventListener = (event: TierEvent) => void;

type TierEventDetails = Readonly<Record<TierEventName, Omit<TierEvent, 'event'>>>;

/** Tells and counts what happens behind a first level; deferred, replayed and superseded things count each. */
export class TierJournal extends Journal<TierEventDetails> {
  constructor() {
    super(TIER_EVENT_NAMES);
  }

  override tell(event: TierEventName, details: Omit<TierEvent, 'event'> = {}): void {
    super.tell(event, details, details.count);
  }
}

/** Whether a name is that of an event of a second level. */
export function isTierEventName(event: string): event is TierEventName {
  return TIER_EVENT_NAMES.some((name) => name === event);
}
