import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Use over time, of one tool and resource. */
export interface UsageSeries {
  readonly name: string;
  readonly seconds: readonly number[];
  readonly values: readonly number[];
}

/** A file that is no series. */
export class UsageSeriesError extends Error {}

const DAY_SECONDS = 86_400;

/**
 * Reads a file of the form `seconds,value`, with or without that header; an empty line is none.
 *
 * @throws UsageSeriesError - where the file cannot be read, a line is no sample, time runs backwards, or
 *   no sample comes after the warm-up
 */
export function readUsageSeries(file: string): UsageSeries {
  const seconds: number[] = [];
  const values: number[] = [];
  for (const [index, line] of text(file).split(/\r?\n/).entries()) {
    if (line.trim() === '' || (index === 0 && line.trim() === 'seconds,value')) continue;
    const parts = line.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    const [second = Number.NaN, value = Number.NaN] = parts;
    if (parts.length !== 2 || !Number.isFinite(second) || !(value >= 0 && value < Infinity)) {
      throw new UsageSeriesError(
        `${file}, line ${index + 1}: ${JSON.stringify(line.slice(0, 80))} is not seconds,value from 0`,
      );
    }
    if (second < (seconds.at(-1) ?? -Infinity)) {
      throw new UsageSeriesError(
        `${file}, line ${index + 1}: ${second} s is before the line above`,
      );
    }
    seconds.push(second);
    values.push(value);
  }
  const series = { name: seriesName(file), seconds, values };
  const spanSeconds = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0);
  if (!(spanSeconds > warmUpSeconds(series))) {
    throw new UsageSeriesError(`${file} spans ${spanSeconds} s: nothing is left after the warm-up`);
  }
  return series;
}

export function seriesName(file: string): string {
  return path.basename(file).replace(/\.csv$/, '');
}

/** How long policies may look before they are judged. */
export function warmUpSeconds({ seconds }: UsageSeries): number {
  const spanSeconds = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0);
  return spanSeconds > 3 * DAY_SECONDS ? DAY_SECONDS : DAY_SECONDS / 6;
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageSeriesError(`cannot read the series ${file}: ${reason}`, { cause: error });
  }
}
