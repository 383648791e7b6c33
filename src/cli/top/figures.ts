/** What stands for a bound that there is not, or a ratio of nothing. */
export const NONE = '–';

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const LEVELS = ' ▁▂▃▄▅▆▇█';
const EIGHTHS = ' ▏▎▍▌▋▊▉█';

/** `0 B`, `81.2 MiB`, `312 MiB`: three digits at most. */
export function bytesText(bytes: number): string {
  if (!Number.isFinite(bytes)) return NONE;
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999.5 would be written as 1000.
  while (value >= 999.5 && unit < BINARY_UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  const digits = unit > 0 && value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${BINARY_UNITS[unit]}`;
}

/** `12,345`. */
export function countText(count: number): string {
  return Number.isFinite(count) ? Math.round(count).toLocaleString('en-US') : NONE;
}

/** `45 %`, `0.4 %`. */
export function shareText(share: number): string {
  if (!Number.isFinite(share)) return NONE;
  const percent = share * 100;
  return `${percent > 0 && percent < 9.95 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

/** `3 d 4 h`, `2 h 5 m`, `1 m 9 s`, `7 s`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} m`;
  return minutes > 0 ? `${minutes} m ${seconds % 60} s` : `${seconds} s`;
}

/** A bar of `width` characters, by eighths of one; full above 1, blank where there is no bound. */
export function barText(share: number, width: number): string {
  if (!Number.isFinite(share)) return ' '.repeat(width);
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const full = '█'.repeat(Math.floor(eighths / 8));
  return `${full}${eighths % 8 === 0 ? '' : EIGHTHS[eighths % 8]}`.padEnd(width);
}

/**
 * A character for each span of values, as high as its greatest is of the greatest of all; what is above 0 can be seen.
 *
 * @param values - a multiple of `width` of them
 */
export function sparklineText(values: readonly number[], width: number): string {
  const span = values.length / width;
  const most = Math.max(...values);
  return Array.from({ length: width }, (_, index) => {
    const value = Math.max(...values.slice(index * span, (index + 1) * span));
    return value > 0 ? LEVELS[Math.max(1, Math.round((value / most) * 8))] : ' ';
  }).join('');
}
