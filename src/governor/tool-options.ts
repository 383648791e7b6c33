import { badOption, checkInteger, checkOneOf, checkOptions } from '../options.ts';
import type { IsolationKind } from './execution.ts';

/** What a tool is governed by. */
export interface ToolOptions {
  /** Where its code runs; `inline` by default. */
  readonly isolation?: IsolationKind;
  /** While memory is short, tools of a low priority wait first; 0 by default. */
  readonly priority?: number;
  /** Whether its patterns are learned; true by default. */
  readonly patternTracking?: boolean;
  /** What happens to new executions at 95 % of a limit; `throttle` by default. */
  readonly criticalAction?: 'throttle' | 'refuse';
  /**
   * What one execution is taken to need while nothing is known of the tool, in bytes; the base limit of memory, or
   * `admission.coldStartShare` of it, by default.
   */
  readonly expectedMemoryBytes?: number;
  /** Whether figures that are only estimates throttle, refuse and end; false by default. */
  readonly enforceEstimates?: boolean;
}

const ISOLATIONS = ['inline', 'worker', 'process'] as const satisfies readonly IsolationKind[];

/** Options with what was not given filled in. */
export type CheckedToolOptions = Required<Omit<ToolOptions, 'expectedMemoryBytes'>> & {
  /** `undefined`: the base limit says. */
  readonly expectedMemoryBytes: number | undefined;
};

/** @returns the options with what was not given filled in. */
export function checkToolOptions(options: ToolOptions | undefined): CheckedToolOptions {
  const given = checkOptions('options', options);
  const { expectedMemoryBytes } = given;
  if (expectedMemoryBytes !== undefined) {
    checkInteger('expectedMemoryBytes', expectedMemoryBytes, 0, Number.MAX_SAFE_INTEGER);
  }
  const { patternTracking = true, enforceEstimates = false, priority = 0 } = given;
  if (typeof patternTracking !== 'boolean') {
    badOption('patternTracking', patternTracking, 'true or false');
  }
  if (typeof enforceEstimates !== 'boolean') {
    badOption('enforceEstimates', enforceEstimates, 'true or false');
  }
  if (typeof priority !== 'number' || !Number.isFinite(priority)) {
    badOption('priority', priority, 'a finite number');
  }
  return {
    isolation: checkOneOf('isolation', given.isolation ?? 'inline', ISOLATIONS),
    criticalAction: checkOneOf('criticalAction', given.criticalAction ?? 'throttle', [
      'throttle',
      'refuse',
    ]),
    priority,
    patternTracking,
    enforceEstimates,
    expectedMemoryBytes,
  };
}
