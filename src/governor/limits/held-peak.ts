import type { PeakRing } from './peak-ring.ts';

const HOUR_MS = 3_600_000;
/** A day and an hour: what comes once a day may come late. */
const DAY_HOURS = 25;
const WEEK_HOURS = 168;
/** The slack, a share of the limit, that the week's peak may cost above the day's. */
const MEMORY_SLACK = 0.04;

/** The peak that a limit stays above, from the day's to the week's. */
export interface HeldPeak {
  readonly peak: number;
  readonly day: number;
  readonly week: number;
}

/**
 * The highest peak of a day, and as much of the week's as 4 points of slack pay.
 *
 * A limit at a peak wastes `1 - mean / peak`: a higher one costs little where the mean is far below. A part
 * of the way up is worth having: use between the two is likelier than use at the higher one.
 *
 * @param mean - of what is used
 */
export function heldPeak(ring: PeakRing, atMs: number, mean: number): HeldPeak {
  const now = ring.binOf(atMs);
  const since = (hours: number): number =>
    Math.max(0, ring.peak(now - Math.ceil((hours * HOUR_MS) / ring.binMs), now));
  const day = since(DAY_HOURS);
  const week = since(WEEK_HOURS);
  if (day === 0) return { peak: day, day, week };
  // mean / day - mean / peak = MEMORY_SLACK, solved for the peak.
  const left = Math.min(mean, day) / day - MEMORY_SLACK;
  const paid = left > 0 ? Math.min(mean, day) / left : Infinity;
  return { peak: Math.min(week, paid), day, week };
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
    `of which ${100 * MEMORY_SLACK} points of slack pay for ${format(peak)}`
  );
}
