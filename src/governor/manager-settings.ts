import type { Clock } from '../clock.ts';
import type { AdaptiveResourceManagerOptions } from './adaptive-resource-manager.ts';
import type { Logger } from '../logger.ts';
import {
  badOption,
  checkDurationMs,
  checkFunction,
  checkInteger,
  checkOneOf,
  checkOptions,
} from '../options.ts';
import { type AdmissionOptions, checkAdmission, type Means } from './admission-options.ts';
import {
  DEGRADATION_MEASURES,
  type DegradationMeasure,
  type DegradationSettings,
  type ResizableCache,
} from './degradation.ts';
import type { HostOptions } from './host-options.ts';
import type { InlineIsolationOptions } from './inline-isolation.ts';
import type { LadderSettings } from './limit-ladder.ts';
import type { Resource } from './resource-limits.ts';
import type { WorkerIsolationOptions } from './worker-isolation.ts';

/** A tool needs more than its limit, and less than its maximum. */
export interface RaiseRequest {
  readonly toolId: string;
  readonly resource: Resource;
  readonly used: number;
  readonly limit: number;
  /** The limit cannot be raised further than this. */
  readonly max: number;
}

/** What is done while memory of the whole process is short. */
export interface DegradationOptions extends Partial<DegradationSettings> {
  /** Shrunk first; a `ResourceCache`, or several. */
  readonly caches?: readonly ResizableCache[];
  /** How much memory this process may have, in bytes; what its container or machine grants by default. */
  readonly processMemoryBytes?: number;
}

/** How tools are governed. */
export interface EnhancedResourceManagerOptions {
  /** How often use is looked at while something runs, in ms, 10 to 10,000; 100 by default. */
  readonly sampleIntervalMs?: number;
  /** When a status changes; warning at 0.8, critical at 0.95 of the limit by default. */
  readonly thresholds?: Partial<LadderSettings>;
  /**
   * Asked before a tool that is below its maximum is throttled or ended: the new limit, or `undefined` to deny. With
   * it, nothing else moves limits. Without it, the limits of tools whose patterns are tracked adapt.
   */
  readonly raise?: (request: RaiseRequest) => number | undefined;
  /** How patterns of use are told. */
  readonly adaptive?: Omit<AdaptiveResourceManagerOptions, 'clock'>;
  /**
   * File that patterns and limits are restored from at once, and saved to each 5 minutes and by `close`. One that is
   * damaged is told of, and left out.
   */
  readonly stateFile?: string;
  /** How many executions of one tool may wait, 0 to 100,000; 100 by default. */
  readonly maxWaiting?: number;
  /** How long an execution waits at most before it is refused, in ms; 30,000 by default. */
  readonly maxWaitMs?: number;
  /** How long a caller waits for inline code that was asked to end and does not, in ms; 1,000 by default. */
  readonly inlineGraceMs?: number;
  /**
   * Whether processes of tools are limited by the kernel too, where this process has a control group (cgroup v2) of its
   * own to divide; true by default. Where it has not, that is told once: `unavailable`.
   */
  readonly walls?: boolean;
  readonly degradation?: DegradationOptions;
  /**
   * What executions in threads and processes may be expected to need together: who does not fit waits, unless nothing
   * runs. `false` reserves nothing.
   */
  readonly admission?: AdmissionOptions | false;
  /** How tools on this thread are watched; `guessedLeaks` is false by default here. */
  readonly inline?: InlineIsolationOptions;
  /** How worker threads are kept. */
  readonly worker?: WorkerIsolationOptions;
  /** How processes are kept. */
  readonly process?: HostOptions;
  /** How many ended executions of each tool are kept whole; 100 by default. */
  readonly keptExecutions?: number;
  /** Told of leaks and of clean-up that failed. */
  readonly logger?: Logger;
  /** With one, use is looked at by `sync()` alone. */
  readonly clock?: Clock;
}

/** What a manager runs on. */
export interface ManagerSettings {
  readonly sampleIntervalMs: number;
  readonly ladder: LadderSettings;
  readonly raise: ((request: RaiseRequest) => number | undefined) | undefined;
  readonly stateFile: string | undefined;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  readonly inlineGraceMs: number;
  readonly walls: boolean;
  readonly degradation: DegradationSettings;
  readonly caches: readonly ResizableCache[];
  readonly processMemoryBytes: number | undefined;
  /** What there is to reserve from; `undefined`: nothing is reserved. */
  readonly means: Means | undefined;
  readonly logger: Logger | undefined;
  readonly clock: Clock | undefined;
}

/** @returns the options with what was not given filled in. */
export function checkManagerOptions(
  options: EnhancedResourceManagerOptions | undefined,
): ManagerSettings {
  const given = checkOptions('options', options);
  const { raise, logger, clock } = given;
  if (raise !== undefined) checkFunction('raise', raise);
  if (clock !== undefined) checkMethods('clock', clock, ['now']);
  if (logger !== undefined) checkMethods('logger', logger, ['debug', 'info', 'warn', 'error']);
  const { processMemoryBytes, caches, ...degradation } = checkOptions(
    'degradation',
    given.degradation,
  );
  if (processMemoryBytes !== undefined) {
    checkInteger('degradation.processMemoryBytes', processMemoryBytes, 1, Number.MAX_SAFE_INTEGER);
  }
  return {
    sampleIntervalMs: checkInteger('sampleIntervalMs', given.sampleIntervalMs ?? 100, 10, 10_000),
    ladder: checkLadder(given.thresholds),
    raise,
    stateFile: checkFile(given.stateFile),
    maxWaiting: checkInteger('maxWaiting', given.maxWaiting ?? 100, 0, 100_000),
    maxWaitMs: checkInteger('maxWaitMs', given.maxWaitMs ?? 30_000, 1, LONGEST_TIMER_MS),
    inlineGraceMs: checkInteger('inlineGraceMs', given.inlineGraceMs ?? 1_000, 0, LONGEST_TIMER_MS),
    walls: checkBoolean('walls', given.walls ?? true),
    degradation: checkDegradation(degradation),
    caches: checkCaches(caches),
    processMemoryBytes,
    means: checkAdmission(given.admission, processMemoryBytes),
    logger,
    clock,
  };
}

/** The longest that a timer of Node waits; a longer one would fire at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

function checkLadder(given: Partial<LadderSettings> | undefined): LadderSettings {
  const { warning = 0.8, critical = 0.95, gap = 0.05, dwellMs } = checkOptions('thresholds', given);
  const checkedCritical = checkShare('thresholds.critical', critical, 0, 1);
  return {
    critical: checkedCritical,
    warning: checkShare('thresholds.warning', warning, 0, checkedCritical),
    gap: checkShare('thresholds.gap', gap, 0, 0.5),
    dwellMs: checkDurationMs('thresholds.dwellMs', dwellMs ?? 1_000, 'left at once'),
  };
}

function checkDegradation(given: Partial<DegradationSettings>): DegradationSettings {
  const { order = DEGRADATION_MEASURES, enter = 0.9, leave = 0.8 } = given;
  if (!Array.isArray(order)) {
    badOption('degradation.order', order, `an array of ${DEGRADATION_MEASURES.join(', ')}`);
  }
  const measures = order.map((measure: DegradationMeasure) =>
    checkOneOf('degradation.order', measure, DEGRADATION_MEASURES),
  );
  const checkedEnter = checkShare('degradation.enter', enter, 0, 10);
  return {
    enter: checkedEnter,
    leave: checkShare('degradation.leave', leave, 0, checkedEnter),
    sustainMs: checkDurationMs('degradation.sustainMs', given.sustainMs ?? 1_000, 'at once'),
    recoverMs: checkDurationMs('degradation.recoverMs', given.recoverMs ?? 5_000, 'at once'),
    stalledEnter: checkShare('degradation.stalledEnter', given.stalledEnter ?? 0.6, 0, 1),
    stalledSustainMs: checkDurationMs(
      'degradation.stalledSustainMs',
      given.stalledSustainMs ?? 30_000,
      'at once',
    ),
    order: measures,
    shrinkTo: checkShare('degradation.shrinkTo', given.shrinkTo ?? 0.5, 0, 1),
    shrinkFloor: checkShare('degradation.shrinkFloor', given.shrinkFloor ?? 0.1, 0, 1),
  };
}

function checkCaches(given: readonly ResizableCache[] = []): readonly ResizableCache[] {
  const allowed = 'an array of caches, each with stats() and resize()';
  if (!Array.isArray(given)) badOption('degradation.caches', given, allowed);
  for (const cache of given as readonly Partial<ResizableCache>[]) {
    if (typeof cache?.stats !== 'function' || typeof cache.resize !== 'function') {
      badOption('degradation.caches', cache, allowed);
    }
  }
  return [...given];
}

function checkFile(file: unknown): string | undefined {
  if (file === undefined || (typeof file === 'string' && file !== '')) return file;
  return badOption('stateFile', file, 'the path of a file');
}

function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value !== 'boolean') badOption(option, value, 'true or false');
  return value;
}

function checkMethods(option: string, value: object, names: readonly string[]): void {
  const isWhole =
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof Reflect.get(value, name) === 'function');
  if (!isWhole) badOption(option, value, `an object with the methods ${names.join(', ')}`);
}

function checkShare(option: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    badOption(option, value, `a number from ${min} to ${max}`);
  }
  return value;
}
