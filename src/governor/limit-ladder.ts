/** How near a tool is to a limit. */
export type ResourceStatus = 'normal' | 'warning' | 'critical' | 'emergency';

/** From the mildest to the worst. */
export const STATUSES = ['normal', 'warning', 'critical', 'emergency'] as const;

/** When the status changes. */
export interface LadderSettings {
  /** Share of the limit that is `warning`; 0.8 by default. */
  readonly warning: number;
  /** Share of the limit that is `critical`; 0.95 by default. */
  readonly critical: number;
  /** How far below its threshold a status is left, as a share of the limit; 0.05 by default. */
  readonly gap: number;
  /**
   * How long it must stay below before a status is left, in ms; 1,000 by default. From the fourth emergency in a row on,
   * with no execution completed in between, emergency is left after twice as long each time, up to 32 times.
   */
  readonly dwellMs: number;
}

/** So many emergencies in a row are left after the dwell; after each further one it is twice as long. */
const PATIENT_EMERGENCIES = 3;
const MOST_DOUBLINGS = 5;

/** @returns the worse of two. */
export function worseStatus(one: ResourceStatus, other: ResourceStatus): ResourceStatus {
  return STATUSES.indexOf(one) >= STATUSES.indexOf(other) ? one : other;
}

/** Whether a status is another or worse. */
export function isAtLeast(status: ResourceStatus, least: ResourceStatus): boolean {
  return STATUSES.indexOf(status) >= STATUSES.indexOf(least);
}

/**
 * The status of one resource of one tool: entered at once, left only after use has stayed well below the threshold, so
 * that noise at a threshold changes nothing.
 */
export class LimitLadder {
  readonly #settings: LadderSettings;
  #status: ResourceStatus = 'normal';
  /** Since it last went well. */
  #emergencies = 0;
  #belowSinceMs: number | undefined;
  /** The worst that it was while it stayed below. */
  #belowShare = 0;

  constructor(settings: LadderSettings) {
    this.#settings = settings;
  }

  get status(): ResourceStatus {
    return this.#status;
  }

  /** How long use must stay below before the status is left, in ms: longer the more emergencies there were in a row. */
  get dwellMs(): number {
    const { dwellMs } = this.#settings;
    if (this.#status !== 'emergency') return dwellMs;
    const doublings = Math.min(
      Math.max(0, this.#emergencies - PATIENT_EMERGENCIES),
      MOST_DOUBLINGS,
    );
    return dwellMs * 2 ** doublings;
  }

  /** It went well: the next emergency is the first again. */
  relent(): void {
    this.#emergencies = 0;
  }

  /** @param share - of the limit, that is used now */
  update(share: number, nowMs: number): ResourceStatus {
    if (isAtLeast(this.statusAt(share), this.#status)) {
      const status = this.statusAt(share);
      if (status === 'emergency' && this.#status !== 'emergency') this.#emergencies++;
      this.#status = status;
      this.#belowSinceMs = undefined;
      return this.#status;
    }
    const { gap } = this.#settings;
    if (this.statusAt(share + gap) === this.#status) {
      this.#belowSinceMs = undefined;
      return this.#status;
    }
    if (this.#belowSinceMs === undefined) {
      this.#belowSinceMs = nowMs;
      this.#belowShare = share;
    }
    this.#belowShare = Math.max(this.#belowShare, share);
    if (nowMs - this.#belowSinceMs >= this.dwellMs) {
      this.#status = this.statusAt(this.#belowShare + gap);
      this.#belowSinceMs = undefined;
    }
    return this.#status;
  }

  /** @returns what a share of the limit is, without regard to what was before. */
  statusAt(share: number): ResourceStatus {
    const { warning, critical } = this.#settings;
    if (share >= 1) return 'emergency';
    if (share >= critical) return 'critical';
    return share >= warning ? 'warning' : 'normal';
  }
}
