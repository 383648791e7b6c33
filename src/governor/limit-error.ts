import { GranaryError } from '../errors.ts';
import type { LimitUse } from './governor-event.ts';
import { describeAmount } from './resource-limits.ts';

/** @returns in words and numbers what a tool uses, and what it may. */
export function describeExcess({ toolId, resource, used, limit }: LimitUse): string {
  const uses = describeAmount(resource, used);
  return `tool ${JSON.stringify(toolId)} uses ${uses}, its limit is ${describeAmount(resource, limit)}`;
}

/** @returns the error of an execution that may not begin, or go on, for what its tool uses. */
export function limitExceeded(use: LimitUse, retryAfterMs: number): GranaryError {
  const { toolId, resource, used, limit } = use;
  return limitError(describeExcess(use), retryAfterMs, { toolId, resource, used, limit });
}

/** @returns the error of an execution that may not begin or go on. */
export function limitError(
  what: string,
  retryAfterMs: number,
  data: Readonly<Record<string, unknown>>,
): GranaryError {
  const seconds = Math.ceil(retryAfterMs / 1_000);
  return new GranaryError(
    'ERR_GRANARY_LIMIT_EXCEEDED',
    `Resource limits exceeded: ${what}; try again in ${seconds} s`,
    { data: { ...data, retryAfterMs } },
  );
}
