import type { PeakRing } from './peak-ring.ts';

const SEASON_DAYS = 7;
const DAY_MS = 86_400_000;
/** How far before and after the time of day a peak of another day counts: it may come earlier. */
const SLACK_MS = 3 * 3_600_000;
const RECENT_MS = 2 * 3_600_000;
const HEADROOM = 0.1;
/** Whole days that are looked at before the first bound is made, and that it must then hold. */
const LEARNT_MS = 2 * DAY_MS;
const PROVEN_MS = 2 * DAY_MS;

/**
 * What use reached around this time of day within a week, with headroom: a bound that follows a daily
 * season, ahead of its peak by three hours.
 *
 * It is made in the shadow first, and counts only after it would have held for two whole days: a tool
 * without a season, or whose season has moved, is never held to it.
 */
export class SeasonEnvelope {
  readonly #ring: PeakRing;
  #sinceMs = Number.NaN;
  #brokenMs = Number.NaN;
  #bin = Number.NaN;
  #past = -Infinity;
  #bound = Infinity;

  constructor(ring: PeakRing) {
    this.#ring = ring;
  }

  /** Since when it is learnt, and when it was last exceeded; `null` for never. */
  state(): readonly [number | null, number | null] {
    return [known(this.#sinceMs), known(this.#brokenMs)];
  }

  restore([sinceMs, brokenMs]: readonly [number | null, number | null]): void {
    this.#sinceMs = sinceMs ?? Number.NaN;
    this.#brokenMs = brokenMs ?? Number.NaN;
  }

  /** Says what was used, before it is added to the ring. */
  observe(value: number, atMs: number): void {
    if (Number.isNaN(this.#sinceMs)) this.#sinceMs = atMs;
    if (value > this.#bound) this.#brokenMs = atMs;
  }

  /**
   * @param most - what the season may not be above
   * @returns the bound, where it has proven itself; else `undefined`
   */
  bound(atMs: number, most: number): number | undefined {
    const seenMs = atMs - this.#sinceMs;
    if (!(seenMs >= LEARNT_MS)) return undefined;
    const ring = this.#ring;
    const bin = ring.binOf(atMs);
    if (bin !== this.#bin) {
      this.#bin = bin;
      this.#past = this.#peakOfPastDays(bin);
    }
    const recent = ring.peak(bin - Math.ceil(RECENT_MS / ring.binMs), bin);
    this.#bound = Math.min(most, (1 + HEADROOM) * Math.max(this.#past, recent));
    const cleanSinceMs = Number.isNaN(this.#brokenMs) ? this.#sinceMs + LEARNT_MS : this.#brokenMs;
    return atMs - cleanSinceMs > PROVEN_MS ? this.#bound : undefined;
  }

  #peakOfPastDays(bin: number): number {
    const ring = this.#ring;
    const perDay = Math.round(DAY_MS / ring.binMs);
    const slack = Math.ceil(SLACK_MS / ring.binMs);
    let peak = -Infinity;
    for (let day = 1; day <= SEASON_DAYS; day++) {
      const same = bin - day * perDay;
      peak = Math.max(peak, ring.peak(same - slack, same + slack));
    }
    return peak;
  }
}

function known(ms: number): number | null {
  return Number.isNaN(ms) ? null : ms;
}
