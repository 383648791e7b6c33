import type { LeakPolicy } from './leak-cleanup.ts';
import { badOption, checkDurationMs, checkOneOf, checkOptions } from '../options.ts';

/** What is done about handles that an execution leaves open. */
export interface LeakOptions {
  /** `close` closes them, `report` (default) only tells. */
  readonly leaks?: 'report' | 'close';
  /** Keeps the stack of each opening; costs some µs for each. False where not given. */
  readonly leakStacks?: boolean;
  /** Pauses between attempts to close, in ms, before it is done by force; `[5, 25, 100]` where not given. */
  readonly backOffMs?: readonly number[];
}

/** @returns the options with what was not given filled in. */
export function checkLeakOptions(given: LeakOptions): { keepStacks: boolean; policy: LeakPolicy } {
  const {
    leaks = 'report',
    leakStacks = false,
    backOffMs = [5, 25, 100],
  } = checkOptions('options', given);
  const action = checkOneOf('leaks', leaks, ['report', 'close']);
  if (typeof leakStacks !== 'boolean') badOption('leakStacks', leakStacks, 'true or false');
  if (!Array.isArray(backOffMs)) badOption('backOffMs', backOffMs, 'an array of numbers of ms');
  for (const pauseMs of backOffMs as readonly number[])
    checkDurationMs('backOffMs', pauseMs, 'no pause');
  return {
    keepStacks: leakStacks,
    policy: { action, backOffMs: [...(backOffMs as readonly number[])] },
  };
}
