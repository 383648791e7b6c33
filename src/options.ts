import { describeError, describeValue } from './describe-value.ts';
import { GranaryError } from './errors.ts';

/** The longest time that an option may name: 100 years, in ms. */
export const MAX_DURATION_MS = 3_155_760_000_000;

/** Throws `ERR_GRANARY_BAD_OPTION`, naming the option, the value and what is allowed. */
export function badOption(option: string, value: unknown, allowed: string): never {
  throw new GranaryError(
    'ERR_GRANARY_BAD_OPTION',
    `${option} must be ${allowed}, got ${describeValue(value)}`,
    { data: { option, value: describeValue(value), allowed } },
  );
}

/** @returns `value`, when it is an integer within the bounds (inclusive). */
export function checkInteger(option: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    badOption(option, value, `an integer from ${min} to ${max}`);
  }
  return value;
}

/** @returns `value`, when it is a finite number that is not negative. */
export function checkAmount(option: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value < Infinity)) {
    badOption(option, value, 'a finite number from 0');
  }
  return value;
}

/** @returns `value`, when it is a duration in ms; 0 is allowed and has the meaning that `zero` names. */
export function checkDurationMs(option: string, value: unknown, zero: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= MAX_DURATION_MS)) {
    badOption(option, value, `a number of ms from 0 (${zero}) to ${MAX_DURATION_MS}`);
  }
  return value;
}

/** @returns `value`, when it is one of the names allowed. */
export function checkOneOf<T extends string>(
  option: string,
  value: unknown,
  allowed: readonly T[],
): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) {
    badOption(option, value, `one of ${allowed.map((name) => `'${name}'`).join(', ')}`);
  }
  return found;
}

/** Throws unless `value` is a function. */
export function checkFunction(option: string, value: unknown): void {
  if (typeof value !== 'function') badOption(option, value, 'a function');
}

/** @returns `value`, when it is an object that options may be read from; `undefined` becomes `{}`. */
export function checkOptions<T extends object>(option: string, value: T | undefined): Partial<T> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    badOption(option, value, 'an object');
  }
  return value;
}

/** Throws `ERR_GRANARY_BAD_URI` unless `uri` is a non-empty string. */
export function checkUri(uri: unknown): asserts uri is string {
  // Its length: a comparison with '' is a call where the string is not interned.
  if (typeof uri !== 'string' || uri.length === 0) {
    throw new GranaryError(
      'ERR_GRANARY_BAD_URI',
      `a URI must be a non-empty string, got ${describeValue(uri)}`,
      { data: { uri: describeValue(uri), allowed: 'a non-empty string' } },
    );
  }
}

/** @returns `value`, when it is a tag. */
export function checkTag(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') badOption(option, value, 'a non-empty string');
  return value;
}

/** @returns the tags, each once, when `value` is an iterable of non-empty strings. */
export function checkTags(option: string, value: unknown): readonly string[] {
  const allowed = 'an array of non-empty strings';
  if (!Array.isArray(value)) badOption(option, value, allowed);
  for (const tag of value) {
    if (typeof tag !== 'string' || tag === '') badOption(option, tag, allowed);
  }
  return [...new Set(value as string[])];
}

/**
 * Calls a function that the user gave as an option.
 *
 * @throws `ERR_GRANARY_BAD_OPTION` with what it threw as `cause`
 */
export function callGiven<T>(option: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const why = describeError(cause);
    throw new GranaryError('ERR_GRANARY_BAD_OPTION', `${option} must not throw, it threw: ${why}`, {
      cause,
      data: { option, allowed: 'a function that does not throw' },
    });
  }
}
