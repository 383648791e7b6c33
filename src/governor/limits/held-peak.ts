import type { PeakRing } from './peak-ring.ts';

const HOUR_MS = 3_600_000;
/** A day and an hour: what comes once a day may come late. */
const DAY_HOURS = 25;
const WEEK_HOURS = 168;
/** How far above the day's peak the week's is kept. */
const WEEK_SHARE = 0.1;

/** The peak that a limit stays above, from the day's to the week's. */
export interface HeldPeak {
  readonly peak: number;
  readonly day: number;
  readonly week: number;
}

/**
 * The highest peak of a day, or the week's where that is higher, to a tenth above the day's.
 *
 * A part of the way up is worth having, since use between the two is likelier than use at the higher one.
 * A tenth more limit leaves a tenth less of it in use, wherever the mean is.
 */
export function heldPeak(ring: PeakRing, atMs: number): HeldPeak {
  const now = ring.binOf(atMs);
  const since = (hours: number): number =>
    Math.max(0, ring.peak(now - Math.ceil((hours * HOUR_MS) / ring.binMs), now));
  const day = since(DAY_HOURS);
  const week = since(WEEK_HOURS);
  return { peak: Math.min(week, (1 + WEEK_SHARE) * day), day, week };
}

/** @returns where the peak comes from, in words and numbers */
export function heldReason(
  { peak, day, week }: HeldPeak,
  format: (value: number) => string,
): string {
  if (peak === day) return `highest in ${DAY_HOURS} h is ${format(day)}`;
  if (peak === week) return `highest in ${WEEK_HOURS} h is ${format(week)}`;
  return (
    `highest in ${DAY_HOURS} h is ${format(day)}, in ${WEEK_HOURS} h ${format(week)}, ` +
    `of which ${100 * WEEK_SHARE} % above the day's are kept: ${format(peak)}`
  );
}
