import type { HostSettings } from './host-message.ts';
import { checkLeakOptions, type LeakOptions } from './leak-options.ts';
import { checkDurationMs, checkInteger } from '../options.ts';

/** How threads or processes of tools are kept. */
export interface HostOptions extends LeakOptions {
  /**
   * How many may wait for the next execution, 0 to 64; 8 where not given. As many do as were in use at once lately, and
   * one after that.
   */
  readonly maxIdle?: number;
  /** How long one waits that is not needed, in ms, 100 to 86,400,000; 60,000 where not given. */
  readonly idleMs?: number;
  /** Time between asking and ending, in ms, at each step; 1,000 where not given. */
  readonly graceMs?: number;
  /** One that holds this much more than when it was new is not used again, in bytes; 16 MiB where not given. */
  readonly wornBytes?: number;
}

/** @returns the options with what was not given filled in. */
export function checkHostOptions(given: HostOptions): {
  settings: Omit<HostSettings, 'figures'>;
  wornBytes: number;
  maxIdle: number;
  idleMs: number;
  graceMs: number;
} {
  const { keepStacks, policy } = checkLeakOptions(given);
  return {
    settings: { leaks: policy.action, leakStacks: keepStacks, backOffMs: policy.backOffMs },
    maxIdle: checkInteger('maxIdle', given.maxIdle ?? 8, 0, 64),
    idleMs: checkInteger('idleMs', given.idleMs ?? 60_000, 100, 86_400_000),
    graceMs: checkDurationMs('graceMs', given.graceMs ?? 1_000, 'at once'),
    wornBytes: checkInteger('wornBytes', given.wornBytes ?? 16_777_216, 0, Number.MAX_SAFE_INTEGER),
  };
}
