import { badOption, checkInteger } from '../options.ts';
import type { EnvelopeOptions } from './envelope.ts';

/** How a second level lays values out as bytes; each has a default. */
export interface TierValueOptions {
  /** Bytes from which on a value is compressed with zstd; default 1,024. */
  readonly compressAboveBytes?: number | undefined;
  /** Larger values are not kept, and nothing is inflated beyond it; default 16,777,216 (16 MiB). */
  readonly maxValueBytes?: number | undefined;
  /**
   * Whether all who can write to the store are trusted as if their code ran here: then values that only
   * structured clone can express (Map, Date, bigint, cycles) are kept too, and read by V8, which is not
   * made for hostile bytes. Default false: such values stay in the first level.
   */
  readonly trusted?: boolean | undefined;
}

/** Redis takes no larger value. */
const MOST_VALUE_BYTES = 512 * 1024 * 1024 - 65_536;

/** @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range */
export function readValueOptions(given: TierValueOptions): EnvelopeOptions {
  const { compressAboveBytes = 1_024, maxValueBytes = 16_777_216, trusted = false } = given;
  if (typeof trusted !== 'boolean') badOption('trusted', trusted, 'true or false');
  return {
    compressAboveBytes: checkInteger('compressAboveBytes', compressAboveBytes, 0, MOST_VALUE_BYTES),
    maxValueBytes: checkInteger('maxValueBytes', maxValueBytes, 1, MOST_VALUE_BYTES),
    trusted,
  };
}

/** @returns a text that is put in front of every key, none by default */
export function checkPrefix(prefix: unknown = ''): string {
  if (typeof prefix !== 'string' || !prefix.isWellFormed()) {
    badOption('prefix', prefix, 'a string of well-formed Unicode');
  }
  return prefix;
}
