import { describeError } from '../describe-value.ts';
import { checkFunction, checkOneOf } from '../options.ts';

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

interface Registration {
  readonly listener: TierEventListener;
  readonly once: boolean;
}

/** Tells and counts what happens behind a first level. */
export class TierJournal {
  readonly #counts = new Map<TierEventName, number>();
  readonly #registrations = new Map<TierEventName, readonly Registration[]>();
  readonly #reported = new WeakSet<TierEventListener>();

  /** How often something has happened; deferred, replayed and superseded things are counted each. */
  count(event: TierEventName): number {
    return this.#counts.get(event) ?? 0;
  }

  add(event: TierEventName, listener: TierEventListener, once: boolean): void {
    checkOneOf('event', event, TIER_EVENT_NAMES);
    checkFunction('listener', listener);
    this.#registrations.set(event, [...this.#of(event), { listener, once }]);
  }

  remove(event: TierEventName, listener: TierEventListener): void {
    checkOneOf('event', event, TIER_EVENT_NAMES);
    checkFunction('listener', listener);
    const at = this.#of(event).findLastIndex((registered) => registered.listener === listener);
    if (at >= 0) this.#registrations.set(event, this.#of(event).toSpliced(at, 1));
  }

  removeAll(): void {
    this.#registrations.clear();
  }

  tell(event: TierEventName, details: Omit<TierEvent, 'event'> = {}): void {
    this.#counts.set(event, this.count(event) + (details.count ?? 1));
    for (const { listener, once } of this.#of(event)) {
      if (once) this.remove(event, listener);
      try {
        listener({ ...details, event });
      } catch (error) {
        this.#report(listener, event, error);
      }
    }
  }

  #of(event: TierEventName): readonly Registration[] {
    return this.#registrations.get(event) ?? [];
  }

  #report(listener: TierEventListener, event: TierEventName, error: unknown): void {
    if (this.#reported.has(listener)) return;
    this.#reported.add(listener);
    process.emitWarning(`a listener of '${event}' failed: ${describeError(error, 'stack')}`, {
      type: 'GranaryListenerWarning',
      code: 'GRANARY_LISTENER_FAILED',
    });
  }
}

/** Whether a name is that of an event of a second level. */
export function isTierEventName(event: string): event is TierEventName {
  return TIER_EVENT_NAMES.some((name) => name === event);
}
