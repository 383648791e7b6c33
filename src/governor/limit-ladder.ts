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
  /** How long it must stay below before a status is left, in ms; 1,000 by default. */
  readonly dwellMs: number;
}

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
  #belowSinceMs: number | undefined;
  /** The worst that it was while it stayed below. */
  #belowShare = 0;

  constructor(settings: LadderSettings) {
    this.#settings = settings;
  }

  get status(): ResourceStatus {
    return this.#status;
  }

  /** @param share - of the limit, that is used now */
  update(share: number, nowMs: number): ResourceStatus {
    if (isAtLeast(this.statusAt(share), this.#status)) {
      this.#status = this.statusAt(share);
      this.#belowSinceMs = undefined;
      return this.#status;
    }
    const { gap, dwellMs } = this.#settings;
    if (this.statusAt(share + gap) === this.#status) {
      this.#belowSinceMs = undefined;
      return this.#status;
    }
    if (this.#belowSinceMs === undefined) {
      this.#belowSinceMs = nowMs;
      this.#belowShare = share;
    }
    this.#belowShare = Math.max(this.#belowShare, share);
    if (nowMs - this.#belowSinceMs >= dwellMs) {
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
