import { type Resource, type ResourceLimits, LIMIT_OF, shortAmount } from './resource-limits.ts';
import { describeSpan } from './patterns/usage-pattern.ts';
import type { TrackedResource } from './patterns/tracked-resource.ts';

/** What could be set better. */
export interface Advice {
  readonly resource: Resource;
  /** What is to be set, or `undefined` where the tool itself is to be looked at. */
  readonly option?: `baseLimits.${keyof ResourceLimits}` | `maxLimits.${keyof ResourceLimits}`;
  readonly from?: number;
  readonly to?: number;
  /** Such as `base memory could be 60.0 MiB`. */
  readonly text: string;
  /** In words and numbers. */
  readonly evidence: string;
}

const HOUR_MS = 3_600_000;
const KEPT_MS = 8 * 24 * HOUR_MS;
/** A base that leaves this share of itself unused at the highest peak is too high. */
const UNUSED = 0.5;
/** What a base or maximum is set to, above the highest peak. */
const ROOM = 1.25;
/** Of its maximum; a peak there may have been cut off. */
const AT_MAXIMUM = 0.95;

const NOUNS = {
  memoryBytes: 'memory',
  cpuTimeMs: 'CPU time',
  fileHandles: 'file handles',
  networkConnections: 'network connections',
} as const satisfies Record<Resource, string>;

/** @returns what could be set better for a resource of a tool; nothing before an hour of use */
export function adviceOn(resource: Resource, tracked: TrackedResource, nowMs: number): Advice[] {
  const { policy, base, max, pattern, isLimited } = tracked;
  const { sinceMs } = policy;
  const highest = policy.highest(nowMs, KEPT_MS);
  if (sinceMs === undefined || highest === undefined || !isLimited) return [];
  const seenMs = Math.min(nowMs - sinceMs, KEPT_MS);
  if (seenMs < HOUR_MS) return [];
  const amount = (value: number): string => shortAmount(resource, value);
  const noun = NOUNS[resource];
  const peak = `the highest of ${describeSpan(seenMs)} is ${amount(highest)}`;
  const limit = LIMIT_OF[resource];
  const wanted = rounded(highest * ROOM, resource);
  const advice: Advice[] = [];
  if (highest < base * (1 - UNUSED) && wanted < base) {
    advice.push({
      resource,
      option: `baseLimits.${limit}`,
      from: base,
      to: wanted,
      text: `base ${noun} could be ${amount(wanted)}`,
      evidence: `${peak}, the base ${amount(base)}`,
    });
  } else if ((policy.mean ?? 0) > base) {
    advice.push({
      resource,
      option: `baseLimits.${limit}`,
      from: base,
      to: Math.min(max, wanted),
      text: `base ${noun} could be ${amount(Math.min(max, wanted))}`,
      evidence: `the mean of what is used, ${amount(policy.mean ?? 0)}, is above the base of ${amount(base)}`,
    });
  }
  if (highest >= max * AT_MAXIMUM) {
    advice.push({
      resource,
      option: `maxLimits.${limit}`,
      from: max,
      to: wanted,
      text: `maximum ${noun} could be ${amount(wanted)}, or the tool needs less`,
      evidence: `${peak}, the maximum ${amount(max)}`,
    });
  }
  if (pattern.kind === 'growth' && resource !== 'cpuTimeMs') {
    const perHour = pattern.trend * 3_600;
    advice.push({
      resource,
      text: `${noun} may leak`,
      evidence: `${pattern.evidence}; ${amount(perHour)} an hour, the maximum of ${amount(max)} in ${describeSpan(
        Math.max(0, ((max - highest) / perHour) * HOUR_MS),
      )}`,
    });
  }
  return advice;
}

/** To two digits, upwards; counts to whole ones. */
function rounded(value: number, resource: Resource): number {
  if (value <= 0) return resource === 'memoryBytes' ? 1_048_576 : 1;
  const step = 10 ** (Math.floor(Math.log10(value)) - 1);
  const up = Math.ceil(value / step) * step;
  return resource === 'memoryBytes' || resource === 'cpuTimeMs' ? up : Math.max(1, Math.ceil(up));
}
