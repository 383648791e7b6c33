import type { Clock } from '../clock.ts';
import { badOption, checkFunction, checkInteger, checkOneOf, checkOptions } from '../options.ts';
import { adviceOn, type Advice } from './advice.ts';
import type { LimitCause, LimitChange } from './limits/limit-policy.ts';
import { Analyst, machineLoad } from './patterns/analyst.ts';
import { type Forecast, forecast } from './patterns/forecast.ts';
import { processLoad } from './patterns/process-load.ts';
import type { PendingAnalysis, TrackedResourceState } from './patterns/tracked-resource.ts';
import { TrackedResource } from './patterns/tracked-resource.ts';
import type { UsagePattern } from './patterns/usage-pattern.ts';
import {
  checkLimits,
  LIMIT_OF,
  type Resource,
  type ResourceLimits,
  RESOURCES,
  shortAmount,
} from './resource-limits.ts';
import { type Amounts, NO_AMOUNTS } from './resource-usage.ts';

/** How patterns are told. */
export interface AdaptiveResourceManagerOptions {
  /** Between two batches of analysis, in ms, 100 to 3,600,000; 5,000 by default. A loaded machine has up to 32 × that. */
  readonly analysisIntervalMs?: number;
  /** How busy the machine is, 1 is fully; that of this thread and the machine by default. */
  readonly load?: () => number;
  /** CPU that this process uses, 1 is one core; as the system counts it by default. */
  readonly processLoad?: () => number;
  /** ms since 1970 by default. */
  readonly clock?: Clock;
}

/** How far use is forecast. */
export interface UsageForecastOptions {
  /** In ms, 1,000 to 30 days. */
  readonly horizonMs: number;
  /** The share of steps that the interval is to hold, above 0 and below 1; 0.9 by default. */
  readonly level?: number;
}

/** What a tool will use. */
export interface UsageForecast extends Forecast {
  /** Width of a step, in ms. */
  readonly stepMs: number;
  /** When the first step begins, in ms of the clock. */
  readonly startMs: number;
}

/** A limit that was moved. */
export interface LimitAdjustment {
  readonly toolId: string;
  readonly limit: keyof ResourceLimits;
  readonly from: number;
  readonly to: number;
  readonly cause: LimitCause;
  /** In words and numbers, such as `cpuTimeMs of tool x 30.00 s → 41.00 s: growth 1.20 s/min reaches 95 % in 6 min`. */
  readonly reason: string;
}

/** What is saved of one tool. */
export type TrackedToolState = Readonly<Partial<Record<Resource, TrackedResourceState>>>;

/** How far a clock may have been set back between two runs. */
const CLOCK_TOLERANCE_MS = 3_600_000;

type TrackedTool = Readonly<Record<Resource, TrackedResource>>;

/** Which share of its limit use is after a raise on demand: below `warning`, and below where that is left. */
const COMFORTABLE = 0.7;
/** A raise on demand is one of a tenth at least: use that goes on rising asks a few times, not at each look. */
const LEAST_RAISE = 1.1;

/**
 * Learns how each tool uses each resource, and moves its limits between base and maximum: raised at once when needed,
 * ahead of growth and of a season's peak; lowered slowly.
 *
 * Knows no clock but that of its samples and starts no timer; at most 11 kB a tool and resource. Patterns are told on
 * another thread.
 *
 * @example
 * ```ts
 * import { AdaptiveResourceManager } from 'mcp-granary/governor';
 * const adaptive = new AdaptiveResourceManager();
 * adaptive.initializeTool('resize', { maxMemoryBytes: 50_000_000 }, { maxMemoryBytes: 200_000_000 });
 * const [raised] = adaptive.observe('resize', { memoryBytes: 60_000_000 });
 * console.log(raised?.limit, raised!.to > 60_000_000); // maxMemoryBytes true
 * ```
 */
export class AdaptiveResourceManager {
  readonly #tools = new Map<string, TrackedTool>();
  /** Of tools that were not initialised yet. */
  readonly #restored = new Map<string, TrackedToolState>();
  readonly #analyst: Analyst;
  readonly #now: () => number;
  readonly #processLoad: () => number;
  #latestMs = -Infinity;

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  constructor(options?: AdaptiveResourceManagerOptions) {
    const given = checkOptions('options', options);
    const { analysisIntervalMs = 5_000, load, clock = Date } = given;
    if (given.processLoad !== undefined) checkFunction('processLoad', given.processLoad);
    this.#processLoad = given.processLoad ?? processLoad();
    if (load !== undefined) checkFunction('load', load);
    if (typeof clock.now !== 'function') badOption('clock', clock, 'an object with now()');
    this.#now = () => clock.now();
    this.#analyst = new Analyst({
      intervalMs: checkInteger('analysisIntervalMs', analysisIntervalMs, 100, 3_600_000),
      load: load ?? machineLoad(),
    });
  }

  /**
   * Makes a tool known.
   *
   * @throws `ERR_GRANARY_BAD_OPTION`, also where it is known already
   */
  initializeTool(
    toolId: string,
    baseLimits?: Partial<ResourceLimits>,
    maxLimits?: Partial<ResourceLimits>,
  ): void {
    if (typeof toolId !== 'string' || toolId === '') {
      badOption('toolId', toolId, 'a non-empty string');
    }
    if (this.#tools.has(toolId)) badOption('toolId', toolId, 'one that is not initialised yet');
    const { base, max } = checkLimits(baseLimits, maxLimits);
    const tracked = (resource: Resource): TrackedResource =>
      new TrackedResource(resource, base, max);
    this.#tools.set(toolId, {
      memoryBytes: tracked('memoryBytes'),
      cpuTimeMs: tracked('cpuTimeMs'),
      fileHandles: tracked('fileHandles'),
      networkConnections: tracked('networkConnections'),
    });
    const state = this.#restored.get(toolId);
    if (state !== undefined) this.#restore(toolId, state);
  }

  hasTool(toolId: string): boolean {
    return this.#tools.has(toolId);
  }

  /** What a tool may use now. */
  limits(toolId: string): ResourceLimits {
    const { memoryBytes, cpuTimeMs, fileHandles, networkConnections } = this.#tool(toolId);
    return {
      maxMemoryBytes: limitOf(memoryBytes),
      maxCpuTimeMs: limitOf(cpuTimeMs),
      maxFileHandles: limitOf(fileHandles),
      maxNetworkConnections: limitOf(networkConnections),
    };
  }

  /**
   * Takes what a tool has used: the most of the time since the last call (of CPU time, the most of one execution), and
   * moves its limits to where they belong.
   *
   * @param used - numbers from 0; what is not named was not used
   * @returns the limits that were moved
   * @throws `ERR_GRANARY_BAD_OPTION`
   */
  observe(toolId: string, used: Partial<Amounts>): readonly LimitAdjustment[] {
    const tool = this.#tool(toolId);
    const nowMs = this.#time();
    const adjustments: LimitAdjustment[] = [];
    const whole = { ...NO_AMOUNTS, ...used };
    const load = this.#processLoad();
    for (const resource of RESOURCES) {
      const value = used[resource];
      if (value === undefined) continue;
      const tracked = tool[resource];
      tracked.observe(value, nowMs);
      tracked.compare(whole, load);
      if (!tracked.isLimited) continue;
      const change = tracked.policy.adjust(nowMs, value, tracked.foreseen(nowMs));
      if (change !== undefined) adjustments.push(toAdjustment(toolId, resource, change));
    }
    return adjustments;
  }

  /**
   * Raises a limit at once for what a tool uses right now, so that it is comfortable again, up to its maximum.
   *
   * @returns `undefined` where it cannot be raised
   */
  raise(toolId: string, resource: Resource, used: number): LimitAdjustment | undefined {
    const { policy, isLimited } = this.#tool(toolId)[resource];
    if (!isLimited) return undefined;
    const nowMs = this.#time();
    const needed = Math.max(used / COMFORTABLE, policy.limit * LEAST_RAISE);
    policy.observe(used, nowMs);
    const change = policy.adjust(nowMs, needed);
    return change === undefined || change.to <= change.from
      ? undefined
      : toAdjustment(toolId, resource, change);
  }

  /** What use of each resource by a tool is like, by the last analysis. */
  pattern(toolId: string): UsagePattern {
    const { memoryBytes, cpuTimeMs, fileHandles, networkConnections } = this.#tool(toolId);
    return {
      memoryBytes: memoryBytes.pattern,
      cpuTimeMs: cpuTimeMs.pattern,
      fileHandles: fileHandles.pattern,
      networkConnections: networkConnections.pattern,
    };
  }

  /**
   * Forecasts the highest use of each step of time to come, by the model that did best on the tool's own past.
   *
   * @param horizonMs - how far ahead; finer steps up to 5 minutes
   * @param level - the share of steps that the interval is to hold; 0.9 by default
   * @returns `undefined` before anything was used
   * @throws (rejects with) `ERR_GRANARY_BAD_OPTION`
   */
  async forecast(
    toolId: string,
    resource: Resource,
    options: UsageForecastOptions,
  ): Promise<UsageForecast | undefined> {
    const { horizonMs, level } = checkOptions('options', options);
    checkOneOf('resource', resource, RESOURCES);
    const aheadMs = checkInteger('horizonMs', horizonMs, 1_000, 30 * 86_400_000);
    const past = this.#tool(toolId)[resource].past(aheadMs);
    if (past === undefined) return undefined;
    const { values, stepMs, endMs, season } = past;
    const horizon = Math.min(4_096, Math.ceil(aheadMs / stepMs));
    const found = await forecast(values, { horizon, season, level });
    return { ...found, stepMs, startMs: endMs };
  }

  /** What could be set better for a tool, with the evidence; nothing before it was seen for an hour. */
  advice(toolId: string): readonly Advice[] {
    const tool = this.#tool(toolId);
    return RESOURCES.flatMap((resource) => adviceOn(resource, tool[resource], this.#time()));
  }

  /** Begins an analysis of what has changed, if one is due; never waits. */
  offerAnalysis(): void {
    this.#analyst.offer(() => this.#pending(), this.#time());
  }

  /** Analyses what has changed, in one batch of 64 series at most. */
  async analyse(): Promise<void> {
    await this.#analyst.analyse(this.#pending(), this.#time());
  }

  /** How many times less often than asked for analysis runs now, because the machine is loaded: 1 to 32. */
  get backOff(): number {
    return this.#analyst.backOff;
  }

  /** Bytes that the series of a tool take. */
  byteLength(toolId: string): number {
    return RESOURCES.reduce((sum, resource) => sum + this.#tool(toolId)[resource].byteLength, 0);
  }

  /** @returns what has been learned, by tool, those included that were restored and not initialised yet */
  state(): ReadonlyMap<string, TrackedToolState> {
    const states = new Map(this.#restored);
    for (const [toolId, tool] of this.#tools) {
      const state: Partial<Record<Resource, TrackedResourceState>> = {};
      for (const resource of RESOURCES) {
        const one = tool[resource].state();
        if (one !== undefined) state[resource] = one;
      }
      if (Object.keys(state).length > 0) states.set(toolId, state);
    }
    return states;
  }

  /** Goes on from what was saved; tools that are not initialised yet do so when they are. */
  restore(states: ReadonlyMap<string, TrackedToolState>): void {
    for (const [toolId, state] of states) {
      this.#restored.set(toolId, state);
      if (this.#tools.has(toolId)) this.#restore(toolId, state);
    }
  }

  removeTool(toolId: string): void {
    this.#tool(toolId);
    this.#tools.delete(toolId);
  }

  /** Waits for the analysis that is under way. */
  async close(): Promise<void> {
    await this.#analyst.settled();
    this.#tools.clear();
  }

  #restore(toolId: string, state: TrackedToolState): void {
    const tool = this.#tool(toolId);
    for (const resource of RESOURCES) {
      const one = state[resource];
      // What is of a time to come would stand still until then: the clock was wrong, then or now.
      if (one === undefined || one.policy.lastMs > this.#now() + CLOCK_TOLERANCE_MS) continue;
      tool[resource].restore(one);
      // Time may not run backwards.
      this.#latestMs = Math.max(this.#latestMs, one.policy.lastMs);
    }
    this.#restored.delete(toolId);
  }

  *#pending(): IterableIterator<PendingAnalysis> {
    for (const tool of this.#tools.values()) {
      for (const resource of RESOURCES) yield* tool[resource].pending();
    }
  }

  #time(): number {
    this.#latestMs = Math.max(this.#latestMs, this.#now());
    return this.#latestMs;
  }

  #tool(toolId: string): TrackedTool {
    return (
      this.#tools.get(toolId) ??
      badOption('toolId', toolId, 'the name of a tool that is initialised')
    );
  }
}

function limitOf({ policy, isLimited }: TrackedResource): number {
  return isLimited ? policy.limit : Infinity;
}

function toAdjustment(
  toolId: string,
  resource: Resource,
  { from, to, cause, reason }: LimitChange,
): LimitAdjustment {
  const moved = `${shortAmount(resource, from)} → ${shortAmount(resource, to)}`;
  return {
    toolId,
    limit: LIMIT_OF[resource],
    from,
    to,
    cause,
    reason: `${resource} of tool ${toolId} ${moved}: ${reason}`,
  };
}
