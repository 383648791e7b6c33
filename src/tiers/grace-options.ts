import { badOption, checkDurationMs, checkInteger } from '../options.ts';

/** What becomes of loads whose origin is slow or fails; all of it is off by default. */
export interface GraceOptions {
  /**
   * ms after its time to live during which a value is still served when loading it anew fails or takes
   * longer than `softTimeoutMs` (fail-safe); default 0 = off. What was invalidated is never served.
   */
  readonly graceMs?: number | undefined;
  /** ms after such a failure until the origin is asked again; default 10,000. */
  readonly graceRetryMs?: number | undefined;
  /**
   * ms after its time to live during which a value is served at once, while it is loaded anew behind
   * (RFC 5861); default 0 = off.
   */
  readonly staleWhileRevalidateMs?: number | undefined;
  /**
   * ms after which a caller gets the value that has expired, where there is one, while the load goes on
   * behind; default 0 = as long as it takes.
   */
  readonly softTimeoutMs?: number | undefined;
  /** ms after which a load is aborted and has failed, the second level included; default 0 = never. */
  readonly hardTimeoutMs?: number | undefined;
  /**
   * The share of its time to live, more than 0 and less than 1, after which the next hit loads a value
   * anew, behind; up to a tenth earlier at random, so that not all come at once. Default: off.
   */
  readonly eagerRefresh?: number | undefined;
  /**
   * ms for which a failure is remembered: loads of the URI fail the same way without asking the origin;
   * default 0 = off.
   */
  readonly negativeTtlMs?: number | undefined;
}

/** Options after the checks. */
export interface GraceSettings {
  readonly graceMs: number;
  readonly graceRetryMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly softTimeoutMs: number;
  readonly hardTimeoutMs: number;
  readonly eagerRefresh: number | undefined;
  readonly negativeTtlMs: number;
}

const OFF = 'off';
/** A timer takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Takes the options about grace out of others.
 *
 * @returns `grace` is undefined where all of it is off
 * @throws `ERR_GRANARY_BAD_OPTION` naming the option, the value and the allowed range
 */
export function splitGraceOptions<T extends GraceOptions>(
  given: T,
): { grace: GraceSettings | undefined; rest: Omit<T, keyof GraceOptions> } {
  const {
    graceMs = 0,
    graceRetryMs = 10_000,
    staleWhileRevalidateMs = 0,
    softTimeoutMs = 0,
    hardTimeoutMs = 0,
    eagerRefresh,
    negativeTtlMs = 0,
    ...rest
  } = given;
  if (eagerRefresh !== undefined && !isInnerShare(eagerRefresh)) {
    badOption('eagerRefresh', eagerRefresh, 'a number between 0 and 1, both excluded');
  }
  const grace: GraceSettings = {
    graceMs: checkDurationMs('graceMs', graceMs, OFF),
    graceRetryMs: checkInteger('graceRetryMs', graceRetryMs, 1, LONGEST_TIMER_MS),
    staleWhileRevalidateMs: checkDurationMs('staleWhileRevalidateMs', staleWhileRevalidateMs, OFF),
    softTimeoutMs: checkInteger('softTimeoutMs', softTimeoutMs, 0, LONGEST_TIMER_MS),
    hardTimeoutMs: checkInteger('hardTimeoutMs', hardTimeoutMs, 0, LONGEST_TIMER_MS),
    eagerRefresh,
    negativeTtlMs: checkDurationMs('negativeTtlMs', negativeTtlMs, OFF),
  };
  const isOn =
    graceMs > 0 ||
    staleWhileRevalidateMs > 0 ||
    hardTimeoutMs > 0 ||
    eagerRefresh !== undefined ||
    negativeTtlMs > 0;
  if (softTimeoutMs > 0 && graceMs === 0) {
    badOption(
      'softTimeoutMs',
      softTimeoutMs,
      '0 (off) where graceMs is 0: nothing could be served',
    );
  }
  return { grace: isOn ? grace : undefined, rest };
}

function isInnerShare(share: unknown): boolean {
  return typeof share === 'number' && share > 0 && share < 1;
}
