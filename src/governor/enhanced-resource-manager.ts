import type { ChildProcess } from 'node:child_process';
import { GranaryError } from '../errors.ts';
import { Journal } from '../events/journal.ts';
import { badOption, checkAmount, checkInteger, checkOptions } from '../options.ts';
import {
  AdoptedProcess,
  type GovernedProcess,
  type GovernProcessOptions,
} from './adopted-process.ts';
import {
  AdaptiveResourceManager,
  type UsageForecast,
  type UsageForecastOptions,
} from './adaptive-resource-manager.ts';
import { Admission } from './admission.ts';
import type { Advice } from './advice.ts';
import { trimAllocator } from './allocator-trim.ts';
import { argumentBytesOf } from './argument-size.ts';
import { Degradation } from './degradation.ts';
import type { Execution, Leak, ToolTask } from './execution.ts';
import { GovernedTool } from './governed-tool.ts';
import {
  GOVERNOR_EVENT_NAMES,
  type GovernorDetails,
  type GovernorEventName,
  type GovernorListener,
} from './governor-event.ts';
import type { EndedInline, Failure } from './inline-execution.ts';
import { inspectTool, type ToolInspection } from './inspect/tool-inspection.ts';
import { LimitEnforcer } from './limit-enforcer.ts';
import type { ResourceStatus } from './limit-ladder.ts';
import {
  checkManagerOptions,
  type EnhancedResourceManagerOptions,
  LONGEST_TIMER_MS,
  type ManagerSettings,
} from './manager-settings.ts';
import { memoryGauge } from './memory-pressure.ts';
import { checkLimits, type Resource, type ResourceLimits, UNLIMITED } from './resource-limits.ts';
import { type Reservation, Reservations } from './reservations.ts';
import { ResourceTracker } from './resource-tracker.ts';
import type { ResourceUsage } from './resource-usage.ts';
import { StateKeeper } from './state-keeper.ts';
import { ToolIsolations } from './tool-isolations.ts';
import { checkToolOptions, type ToolOptions } from './tool-options.ts';
import type { UsagePattern } from './patterns/usage-pattern.ts';
import type { UsagePoint } from './usage-history.ts';
import { whileWanted } from './wanted-execution.ts';

/** How one execution runs. */
export interface ExecuteOptions {
  /** Its abort is that of the signal which the code is given; who waits in a queue leaves it. */
  readonly signal?: AbortSignal;
  /** After this the code is asked to end, and what can be ended is, in ms; no end by default. */
  readonly timeoutMs?: number;
  /** Told of what the code says of how far it is. */
  readonly onProgress?: (value: unknown) => void;
  /**
   * How large its input is, in bytes or any other unit that is the same for all executions of the tool: what it is
   * expected to need may follow from that. An estimate of the arguments of a module task by default.
   */
  readonly argumentBytes?: number;
}

/** How much of the time of this thread is spent on looking at what runs on it. */
const INLINE_LOOK_SHARE = 0.02;

const NO_OPTIONS: ExecuteOptions = {};

/**
 * Runs tools within limits: each is measured, throttled near its limits, refused and ended beyond them, and cleaned up
 * after; while memory of the whole process is short, caches shrink first.
 *
 * Looks at what runs each `sampleIntervalMs`; costs nothing while nothing runs.
 *
 * @example
 * ```ts
 * import { EnhancedResourceManager } from 'mcp-granary/governor';
 * const governor = new EnhancedResourceManager();
 * governor.initializeTool('search', { maxMemoryBytes: 50_000_000 }, { maxMemoryBytes: 200_000_000 });
 * governor.on('status', ({ toolId, resource, to }) => console.error(`${toolId}: ${resource} is ${to}`));
 * console.log(await governor.execute('search', async () => 'found')); // found
 * await governor.close();
 * ```
 */
export class EnhancedResourceManager {
  /** What tools use and have used, and who uses what of this process. */
  readonly tracker: ResourceTracker;
  /** What use is like, and how limits follow it. */
  readonly adaptive: AdaptiveResourceManager;
  readonly #settings: ManagerSettings;
  readonly #options: EnhancedResourceManagerOptions;
  readonly #journal = new Journal<GovernorDetails>(GOVERNOR_EVENT_NAMES);
  readonly #enforcer: LimitEnforcer;
  readonly #degradation: Degradation;
  readonly #admission: Admission;
  readonly #state: StateKeeper | undefined;
  readonly #reservations: Reservations | undefined;
  readonly #tools = new Map<string, GovernedTool>();
  /** What lets go of each process that somebody else has started. */
  readonly #releases = new Set<() => void>();
  readonly #isolations: ToolIsolations;
  readonly #now: () => number;
  /** When inline executions are looked at next, by `performance.now()`. */
  #inlineDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  constructor(options?: EnhancedResourceManagerOptions) {
    const settings = checkManagerOptions(options);
    this.#settings = settings;
    this.#options = { ...options };
    const { keptExecutions, clock } = this.#options;
    this.#now = clock === undefined ? Date.now : () => clock.now();
    this.tracker = new ResourceTracker({
      ...(keptExecutions !== undefined && { keptExecutions }),
      ...(clock !== undefined && { clock }),
    });
    this.adaptive = new AdaptiveResourceManager({
      ...this.#options.adaptive,
      ...(clock !== undefined && { clock }),
    });
    this.#isolations = new ToolIsolations(settings, this.#options, this.#journal);
    this.#enforcer = new LimitEnforcer(settings, this.#journal, this.adaptive);
    this.#degradation = new Degradation(
      settings.degradation,
      memoryGauge(settings.processMemoryBytes),
      {
        caches: settings.caches,
        priorities: () => this.#priorities(),
        changed: (direction, step, reason) => {
          if (direction === 'worse') this.#isolations.trim();
          this.#journal.tell('degraded', { direction, step, reason });
          this.#settings.logger?.warn(`memory: ${step}`, { direction, reason });
        },
      },
    );
    this.#admission = new Admission(settings, this.#journal, this.#degradation);
    const { stateFile, logger } = settings;
    if (stateFile !== undefined) {
      this.#state = new StateKeeper(stateFile, this.adaptive, logger, clock === undefined);
    }
    this.#reservations = this.#openReservations();
    if (settings.caches.length > 0) this.#watch();
  }

  /**
   * Makes a tool known, with the limits that it begins with and those that it may be raised to.
   *
   * @param baseLimits - 100 MiB, 30 s of CPU time an execution, 50 file handles, 10 connections by default
   * @param maxLimits - 500 MiB, 120 s, 200, 50 by default
   * @throws `ERR_GRANARY_BAD_OPTION`, also where the tool is known already
   */
  initializeTool(
    toolId: string,
    baseLimits?: Partial<ResourceLimits>,
    maxLimits?: Partial<ResourceLimits>,
    options?: ToolOptions,
  ): void {
    this.#checkOpen();
    if (typeof toolId !== 'string' || toolId === '') {
      badOption('toolId', toolId, 'a non-empty string');
    }
    if (this.#tools.has(toolId)) badOption('toolId', toolId, 'one that is not initialised yet');
    const checked = checkToolOptions(options);
    const limits = checkLimits(baseLimits, maxLimits);
    const tool = new GovernedTool(toolId, checked, {
      ...limits,
      ledger: this.tracker.ledger(toolId),
      onInlineSettled: this.#settleInline,
      ladder: this.#settings.ladder,
      reserves: this.#reservations !== undefined,
    });
    this.#tools.set(toolId, tool);
    if (checked.patternTracking) this.#learn(tool);
  }

  /** Has the limits of a tool follow its use. */
  #learn(tool: GovernedTool): void {
    this.adaptive.initializeTool(tool.id, tool.base, tool.max);
    // What was learned before a restart.
    if (this.#settings.raise === undefined) tool.limits = this.adaptive.limits(tool.id);
    tool.ledger.history.onSecond = (second) => this.#enforcer.learn(tool, second);
  }

  #forget(tool: GovernedTool): void {
    tool.ledger.history.onSecond = undefined;
    if (this.adaptive.hasTool(tool.id)) this.adaptive.removeTool(tool.id);
  }

  /** Whether a tool is known. */
  hasTool(toolId: string): boolean {
    return this.#tools.has(toolId);
  }

  /** The names of all tools that are known, in the order in which they became so. */
  tools(): readonly string[] {
    return [...this.#tools.keys()];
  }

  /** How a tool stands now, with the last minute of its history. */
  inspect(toolId: string): ToolInspection {
    return inspectTool(this.#tool(toolId), this.#now());
  }

  /**
   * Runs a tool within its limits.
   *
   * @param task - a function, where the tool runs inline; `{ module, export, args }` anywhere
   * @returns what the code returns
   * @throws (rejects with) what the code throws; `ERR_GRANARY_LIMIT_EXCEEDED` where it may not begin (`data.retryAfterMs`
   *   says when it might) or was ended; `ERR_GRANARY_ABORTED` after `timeoutMs`; the reason of `signal`;
   *   `ERR_GRANARY_BAD_OPTION`
   */
  execute<T>(toolId: string, task: ToolTask<T>, options: ExecuteOptions = NO_OPTIONS): Promise<T> {
    try {
      this.#checkOpen();
      const tool = this.#tool(toolId);
      if (this.#admission.isClear(tool)) return this.#start(tool, task, options);
      this.#watch();
      const run = () => this.#start(tool, task, options);
      return this.#admission.admit(tool, options.signal, run);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Governs a process that somebody else has started, such as another MCP server, with all that it starts: over a limit
   * it is asked to end (SIGTERM), then ended after `graceMs` (SIGKILL).
   *
   * @param limits - what is not named is not limited; CPU time is that of its whole life
   * @returns what tells of it and lets go of it; its name serves `usage`, `status` and `history`
   * @throws `ERR_GRANARY_BAD_OPTION`, also where there is no such process
   */
  governProcess(
    target: number | ChildProcess,
    limits: Partial<ResourceLimits>,
    options?: GovernProcessOptions,
  ): GovernedProcess {
    this.#checkOpen();
    const { toolId, graceMs, priority } = checkOptions('options', options);
    const checkedGraceMs = checkInteger('graceMs', graceMs ?? 1_000, 0, LONGEST_TIMER_MS);
    const pid = typeof target === 'number' ? target : target?.pid;
    const name = toolId ?? `process ${pid}`;
    const asked = { ...UNLIMITED, ...checkOptions('limits', limits) };
    this.initializeTool(name, asked, asked, {
      isolation: 'process',
      ...(priority !== undefined && { priority }),
    });
    const tool = this.#tool(name);
    const forget = (): void => {
      if (this.#tools.get(name) !== tool) return;
      this.#tools.delete(name);
      this.#forget(tool);
    };
    try {
      const adopted = new AdoptedProcess(name, target, checkedGraceMs);
      this.#watch();
      const ended = this.#follow(tool, adopted);
      const release = (): void => {
        this.#releases.delete(release);
        adopted.release();
        forget();
      };
      this.#releases.add(release);
      return { toolId: name, pid: adopted.pid, ended, release };
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** What all executions of a tool that run now use together. */
  usage(toolId: string): ResourceUsage {
    return this.#tool(toolId).ledger.look(this.#now());
  }

  /** What a tool may use now. */
  limits(toolId: string): ResourceLimits {
    return this.#tool(toolId).limits;
  }

  /** How near a tool is to that of its limits to which it is nearest. */
  status(toolId: string): ResourceStatus {
    return this.#tool(toolId).status;
  }

  /**
   * What use of each resource by a tool is like: its mean, trend, season and kind, each with the evidence.
   *
   * @throws `ERR_GRANARY_BAD_OPTION` where its patterns are not tracked
   */
  pattern(toolId: string): UsagePattern {
    return this.adaptive.pattern(this.#tracked(toolId));
  }

  /**
   * Forecasts the highest use of each step of time to come, by the model that did best on the tool's own past.
   *
   * @returns `undefined` before anything was used
   * @throws (rejects with) `ERR_GRANARY_BAD_OPTION`
   */
  async forecast(
    toolId: string,
    resource: Resource,
    options: UsageForecastOptions,
  ): Promise<UsageForecast | undefined> {
    return await this.adaptive.forecast(this.#tracked(toolId), resource, options);
  }

  /** What could be set better for a tool, with the evidence; nothing before it was seen for an hour. */
  advice(toolId: string): readonly Advice[] {
    return this.adaptive.advice(this.#tracked(toolId));
  }

  /** What a tool has used: seconds for five minutes, minutes for a day. */
  history(toolId: string): readonly UsagePoint[] {
    return this.#tool(toolId).ledger.history.points();
  }

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  on<Name extends GovernorEventName>(event: Name, listener: GovernorListener<Name>): this {
    this.#journal.add(event, listener, false);
    return this;
  }

  once<Name extends GovernorEventName>(event: Name, listener: GovernorListener<Name>): this {
    this.#journal.add(event, listener, true);
    return this;
  }

  off<Name extends GovernorEventName>(event: Name, listener: GovernorListener<Name>): this {
    this.#journal.remove(event, listener);
    return this;
  }

  /** How often something has happened. */
  count(event: GovernorEventName): number {
    return this.#journal.count(event);
  }

  /** Looks now at what runs, at every limit, and at memory; with a clock of one's own the only way. */
  sync(): void {
    const nowMs = this.#now();
    for (const tool of this.#tools.values()) {
      if (tool.options.isolation === 'inline') this.#look(tool, nowMs);
    }
    this.#lookElsewhere(nowMs);
    this.#endSecond(nowMs);
  }

  /** As `sync`, at what may be many thousand inline executions only as often as takes little of this thread's time. */
  #tick(): void {
    const beginMs = performance.now();
    const nowMs = this.#now();
    if (beginMs >= this.#inlineDueMs) {
      for (const tool of this.#tools.values()) {
        if (tool.options.isolation === 'inline') this.#look(tool, nowMs);
      }
      const endMs = performance.now();
      this.#inlineDueMs = endMs + (endMs - beginMs) / INLINE_LOOK_SHARE;
    }
    this.#lookElsewhere(nowMs);
    this.#endSecond(nowMs);
  }

  /** Has limits follow what was used in a second that is over, and patterns what has changed since they were told. */
  #endSecond(nowMs: number): void {
    for (const { ledger } of this.#tools.values()) ledger.history.flush(nowMs);
    this.adaptive.offerAnalysis();
  }

  /** Looks at workers and processes, and at memory. */
  #lookElsewhere(nowMs: number): void {
    for (const tool of this.#tools.values()) {
      if (tool.options.isolation !== 'inline') this.#look(tool, nowMs);
    }
    this.#degradation.look(nowMs);
    for (const tool of this.#tools.values()) this.#admission.turnQueue(tool);
    this.#reservations?.turn();
  }

  #look(tool: GovernedTool, nowMs: number): void {
    if (tool.ledger.running.size > 0 || tool.status !== 'normal') this.#enforcer.look(tool, nowMs);
  }

  /**
   * Saves what was learned to `stateFile` now.
   *
   * @throws (rejects with) `ERR_GRANARY_BAD_OPTION` without that option; what the file system says
   */
  async save(): Promise<void> {
    if (this.#state === undefined) badOption('stateFile', undefined, 'the path of a file');
    for (const { ledger } of this.#tools.values()) ledger.history.settle();
    await this.#state.save();
  }

  /** Ends what runs of a tool, turns away who waits, and forgets it with its history. */
  async removeTool(toolId: string): Promise<void> {
    const tool = this.#tool(toolId);
    this.#tools.delete(toolId);
    this.#forget(tool);
    const reason = new GranaryError(
      'ERR_GRANARY_ABORTED',
      `tool ${JSON.stringify(toolId)} was removed`,
      { data: { toolId } },
    );
    tool.queue?.clear(reason);
    this.#reservations?.clear(reason, tool);
    const ended = [...tool.ledger.running].map(async (execution) => {
      execution.stop(reason);
      // Code on this thread ends when it likes.
      if (execution.kind !== 'inline') await Promise.allSettled([execution.result]);
    });
    await Promise.all(ended);
    this.tracker.forget(toolId);
  }

  /** Ends all that runs, with every thread and process; a second call waits for the first. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    const reason = new GranaryError('ERR_GRANARY_CLOSED', 'this governor was closed');
    for (const { queue } of this.#tools.values()) queue?.clear(reason);
    this.#reservations?.clear(reason);
    for (const release of this.#releases) release();
    this.#degradation.close();
    await this.#state?.close();
    await Promise.all([this.adaptive.close(), this.#isolations.close()]);
    this.#journal.removeAll();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new GranaryError('ERR_GRANARY_CLOSED', 'this governor is closed');
    }
  }

  #tool(toolId: string): GovernedTool {
    return (
      this.#tools.get(toolId) ??
      badOption('toolId', toolId, 'the name of a tool that is initialised')
    );
  }

  #tracked(toolId: string): string {
    const { patternTracking } = this.#tool(toolId).options;
    return patternTracking ? toolId : badOption('toolId', toolId, 'a tool with patternTracking');
  }

  *#priorities(): IterableIterator<number> {
    for (const { options } of this.#tools.values()) yield options.priority;
  }

  #openReservations(): Reservations | undefined {
    const { means, maxWaiting, maxWaitMs, clock } = this.#settings;
    if (means === undefined) return undefined;
    return new Reservations({
      ...{ means, maxWaiting, maxWaitMs, now: this.#now, isTimed: clock === undefined },
      journal: this.#journal,
      residentBytes: () => process.memoryUsage.rss(),
      hostBytes: (kind) =>
        kind === 'inline' ? 0 : (this.#isolations.hosted(kind).hostBytes?.() ?? 0),
      trim: trimAllocator,
      spare: (kind) => this.#isolations.spare(kind),
    });
  }

  /** Runs an execution that no limit keeps from it, when what it is expected to need is there. */
  #start<T>(tool: GovernedTool, task: ToolTask<T>, options: ExecuteOptions): Promise<T> {
    if (!tool.reserves || this.#reservations === undefined) return this.#run(tool, task, options);
    const { argumentBytes = argumentBytesOf(task), signal } = options;
    checkAmount('argumentBytes', argumentBytes);
    return this.#reservations.run(tool, argumentBytes, signal, (reservation) =>
      this.#run(tool, task, options, reservation),
    );
  }

  #run<T>(
    tool: GovernedTool,
    task: ToolTask<T>,
    options: ExecuteOptions,
    reservation?: Reservation,
  ): Promise<T> {
    const { signal, timeoutMs } = options;
    if (timeoutMs !== undefined) checkInteger('timeoutMs', timeoutMs, 1, LONGEST_TIMER_MS);
    this.#watch();
    const { isolation } = tool.options;
    let execution: Execution<T>;
    let result: Promise<T>;
    if (isolation === 'inline') {
      const start = options === NO_OPTIONS ? tool.inlineStart : { ...options, ...tool.inlineStart };
      execution = this.#isolations.inline.start(tool.id, task, start);
      this.tracker.begin(tool.ledger, execution);
      if (reservation !== undefined) this.#begun(tool, reservation, execution);
      result = execution.result;
    } else {
      execution = this.#isolations
        .hosted(isolation)
        .start(tool.id, task, tool.startOptions(options));
      if (reservation !== undefined) this.#begun(tool, reservation, execution);
      result = this.#follow(tool, execution);
    }
    if (signal === undefined && timeoutMs === undefined) return result;
    const graceMs = this.#settings.inlineGraceMs;
    return whileWanted(execution, result, { signal, timeoutMs, graceMs });
  }

  /** Allows an execution the CPU time that its arguments explain, and follows what it was reserved. */
  #begun(tool: GovernedTool, reservation: Reservation, execution: Execution): void {
    this.#reservations?.begun(reservation, execution);
    const expectedMs = tool.prediction.explainedCpuMs(reservation.features);
    if (expectedMs !== undefined && tool.options.patternTracking) {
      this.#enforcer.allow(execution, expectedMs);
    }
  }

  /** Books what an execution uses until it has ended. */
  async #follow<T>(tool: GovernedTool, execution: Execution<T>): Promise<T> {
    this.tracker.begin(tool.ledger, execution);
    try {
      const result = await execution.result;
      this.#settle(tool, execution, undefined);
      return result;
    } catch (error) {
      throw this.#settle(tool, execution, { error })?.error;
    }
  }

  /** As `#settle`; most have opened nothing and are far from every limit, and are booked without a word. */
  readonly #settleInline = (
    tool: GovernedTool,
    execution: EndedInline,
    failure: Failure | undefined,
  ): Failure | undefined => {
    const { hasHandles, peakMemoryBytes, cpuTimeMs, pendingMs } = execution.account;
    const usedMs = cpuTimeMs + pendingMs;
    const isPlain =
      !hasHandles && failure === undefined && tool.isTooSmallToReserve(peakMemoryBytes);
    if (!isPlain || !tool.isUneventfulAt(peakMemoryBytes, usedMs)) {
      return this.#settle(tool, execution, failure);
    }
    tool.relent();
    tool.ledger.endPlain(execution, peakMemoryBytes, usedMs, 'completed', this.#now());
    return undefined;
  };

  /** Looks at what an execution has used and left, and returns how it fails. */
  readonly #settle = (
    tool: GovernedTool,
    execution: Execution,
    failure: Failure | undefined,
  ): Failure | undefined => {
    const reason = this.#enforcer.reasonOf(execution);
    const outcome =
      reason === undefined ? (failure === undefined ? 'completed' : 'failed') : 'ended';
    const peak = this.tracker.end(tool.ledger, execution, outcome);
    if (outcome === 'completed') tool.relent();
    this.#enforcer.ended(tool, execution, peak, this.#now());
    if (tool.mayReserve) this.#reservations?.ended(tool, execution, peak, outcome === 'completed');
    const leaks = execution.leaks();
    if (leaks.length > 0) this.#tellLeaks(tool, execution, leaks);
    return failure === undefined || reason === undefined ? failure : { error: reason };
  };

  #tellLeaks({ id: toolId }: GovernedTool, { id, kind }: Execution, leaks: readonly Leak[]): void {
    const { logger } = this.#settings;
    this.#journal.tell('leaked', { toolId, executionId: id, leaks });
    const remaining = leaks.filter(({ closed }) => !closed);
    const closes = kind !== 'inline' || this.#options.inline?.leaks === 'close';
    if (remaining.length === 0 || !closes) {
      logger?.warn(`tool ${toolId} left ${leaks.length} handles open`, { toolId, leaks });
      return;
    }
    this.#journal.tell('cleanup-failed', { toolId, executionId: id, remaining });
    logger?.error(`tool ${toolId} left handles that could not be closed`, { toolId, remaining });
  }

  /** From now on, looks at what runs, until nothing does. */
  #watch(): void {
    if (this.#timer !== undefined || this.#settings.clock !== undefined) return;
    this.#timer = setInterval(() => {
      this.#tick();
      if (!this.#isBusy()) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    }, this.#settings.sampleIntervalMs);
    this.#timer.unref();
  }

  #isBusy(): boolean {
    if (this.#settings.caches.length > 0 || this.#degradation.level > 0) return true;
    if ((this.#reservations?.waiting ?? 0) > 0) return true;
    for (const { ledger, status, queue } of this.#tools.values()) {
      if (ledger.running.size > 0 || status !== 'normal' || queue !== undefined) return true;
    }
    return false;
  }
}
