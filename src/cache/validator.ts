import { badOption, checkOptions } from '../options.ts';

/**
 * What tells one version of a resource from another (RFC 9110, 8.8): at least one of the two, each an
 * opaque text of the origin's, given back to it as it was got.
 */
export interface Validator {
  /** As `ETag`: a hash, a version number, a revision. */
  readonly etag?: string | undefined;
  /** As `Last-Modified`: an HTTP date, an ISO 8601 timestamp, a file's mtime. */
  readonly lastModified?: string | undefined;
}

/** A validator, and how long its entry may be revalidated once it has expired. */
export interface Revalidation {
  readonly validator: Validator;
  /** ms after its time to live. */
  readonly staleTtlMs: number;
}

/** A loader's answer that what has expired is what it would load again, as `304 Not Modified`. */
export type NotModified = typeof NOT_MODIFIED;

// Registered, so that copies of this package know each other's.
export const NOT_MODIFIED: unique symbol = Symbol.for('mcp-granary.not-modified');

/** Held beside the value, and weighed with nothing. */
const LONGEST_TEXT = 1_024;

/** @throws `ERR_GRANARY_BAD_OPTION` */
export function checkValidator(option: string, value: unknown): Validator {
  const { etag, lastModified } = checkOptions(option, value as Validator);
  if (etag === undefined && lastModified === undefined) {
    badOption(option, value, 'an object with etag, lastModified or both');
  }
  return Object.freeze({
    ...(etag === undefined ? {} : { etag: checkText(`${option}.etag`, etag) }),
    ...(lastModified === undefined
      ? {}
      : { lastModified: checkText(`${option}.lastModified`, lastModified) }),
  });
}

/** A validator as a line of text, for what keeps it outside of JS. */
export function validatorText({ etag, lastModified }: Validator): string {
  return JSON.stringify([etag ?? null, lastModified ?? null]);
}

/** @returns what `validatorText` was given; `undefined` for anything else */
export function parseValidator(text: string): Validator | undefined {
  try {
    const [etag, lastModified] = JSON.parse(text) as unknown[];
    return checkValidator('validator', {
      ...(etag === null ? {} : { etag }),
      ...(lastModified === null ? {} : { lastModified }),
    });
  } catch {
    return undefined;
  }
}

function checkText(option: string, value: unknown): string {
  const isText =
    typeof value === 'string' &&
    value !== '' &&
    value.length <= LONGEST_TEXT &&
    value.isWellFormed();
  if (!isText) {
    badOption(option, value, `a string of 1 to ${LONGEST_TEXT} characters of well-formed Unicode`);
  }
  return value;
}
