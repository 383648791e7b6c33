import { badOption, checkOneOf, checkOptions } from '../options.ts';
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
  /** Whether figures that are only estimates throttle, refuse and end; false by default. */
  readonly enforceEstimates?: boolean;
}

const ISOLATIONS = ['inline', 'worker', 'process'] as const satisfies readonly IsolationKind[];

/** @returns the options with what was not given filled in. */
export function checkToolOptions(options: ToolOptions | undefined): Required<ToolOptions> {
  const given = checkOptions('options', options);
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
  };
}
