import { describeValue } from '../describe-value.ts';
import type { CommandLine } from './command-line.ts';
import { UsageError } from './usage-error.ts';

/** What an option may be, bounds inclusive. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

/**
 * @returns the value of an option in decimal digits; `usual` where it is not given
 * @throws UsageError naming the option, the value and what is allowed
 */
export function integerOption<Usual extends number | undefined>(
  { options }: CommandLine,
  name: string,
  { min, max, unit }: IntegerRange,
  usual: Usual,
): number | Usual {
  const text = options.get(name);
  if (text === undefined) return usual;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(
      `--${name} must be an integer from ${min} to ${max} (${unit}), got ${describeValue(text)}`,
    );
  }
  return value;
}
