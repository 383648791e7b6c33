import { describeError } from '../describe-value.ts';
import type { Journal } from '../events/journal.ts';
import type { Execution } from './execution.ts';
import type { AdaptiveResourceManager } from './adaptive-resource-manager.ts';
import type { GovernedTool } from './governed-tool.ts';
import type { GovernorDetails, LimitUse } from './governor-event.ts';
import { isAtLeast } from './limit-ladder.ts';
import { limitExceeded } from './limit-error.ts';
import type { ManagerSettings } from './manager-settings.ts';
import { amountOf, describeAmount, LIMIT_OF } from './resource-limits.ts';
import type { ResourceUsage } from './resource-usage.ts';
import type { UsageAddition } from './usage-history.ts';

/** Above what nearly all with such arguments stay below. */
const COMPLEXITY_ROOM = 1.5;
/** Beyond this share of its maximum an execution has no grace left. */
const FORCED_SHARE = 1.25;

interface Seen {
  readonly execution: Execution;
  readonly usage: ResourceUsage;
}

/** Compares what tools use with what they may, and ends what goes on beyond it. */
export class LimitEnforcer {
  readonly #settings: ManagerSettings;
  readonly #journal: Journal<GovernorDetails>;
  readonly #adaptive: AdaptiveResourceManager;
  /** Why each was asked to end. */
  readonly #asked = new WeakMap<Execution, unknown>();
  readonly #forced = new WeakSet<Execution>();
  /** CPU time that is expected of an execution by the size of its arguments, with room, in ms. */
  readonly #complexities = new WeakMap<Execution, number>();

  constructor(
    settings: ManagerSettings,
    journal: Journal<GovernorDetails>,
    adaptive: AdaptiveResourceManager,
  ) {
    this.#settings = settings;
    this.#journal = journal;
    this.#adaptive = adaptive;
  }

  /** @returns why an execution was ended; `undefined` if it was not. */
  reasonOf(execution: Execution): unknown {
    return this.#asked.get(execution);
  }

  /**
   * Allows an execution more CPU time than its tool has, because of what it was given to do; never more than the maximum.
   *
   * @param expectedMs - what nearly all with such arguments stay below
   */
  allow(execution: Execution, expectedMs: number): void {
    this.#complexities.set(execution, expectedMs * COMPLEXITY_ROOM);
  }

  #cpuLimitOf(tool: GovernedTool, execution: Execution): number {
    const complexityMs = this.#complexities.get(execution) ?? 0;
    return Math.max(tool.limits.maxCpuTimeMs, Math.min(tool.max.maxCpuTimeMs, complexityMs));
  }

  /** Looks at all that runs of a tool. */
  look(tool: GovernedTool, nowMs: number): void {
    const seen: Seen[] = [];
    // The limit of CPU time is one of each execution: whoever is nearest to it counts.
    let nearest = { value: 0, limit: tool.limits.maxCpuTimeMs };
    const sum = tool.ledger.look(nowMs, (execution, usage) => {
      seen.push({ execution, usage });
      const [{ value }, limit] = [usage.cpuTimeMs, this.#cpuLimitOf(tool, execution)];
      if (value / limit > nearest.value / nearest.limit) nearest = { value, limit };
    });
    const usage = { ...sum, cpuTimeMs: { ...sum.cpuTimeMs, value: nearest.value } };
    this.#compare(tool, usage, nearest.limit, nowMs);
    // Whoever is over a limit is not to be in the way of those who are not.
    if (isAtLeast(tool.actingStatus, 'critical')) {
      for (const { execution } of seen) execution.yieldCpu?.();
    }
    const limit = Math.max(nearest.limit, tool.limits.maxCpuTimeMs);
    for (const use of tool.uses(usage, limit)) {
      if (tool.actsOn(use.confidence) && tool.statusAt(use) === 'emergency')
        this.#end(tool, use, seen);
    }
  }

  /** Takes note of the most that an execution used that has ended between two looks. */
  ended(tool: GovernedTool, execution: Execution, peak: ResourceUsage, nowMs: number): void {
    if (tool.isUneventful(peak)) return;
    this.#compare(tool, peak, this.#cpuLimitOf(tool, execution), nowMs);
  }

  #compare(tool: GovernedTool, usage: ResourceUsage, cpuLimitMs: number, nowMs: number): void {
    for (const use of tool.uses(usage, cpuLimitMs)) {
      let asked = use;
      while (isAtLeast(tool.statusAt(asked), 'critical') && this.#raised(tool, asked)) {
        asked = { ...use, limit: tool.limitOf(use.resource) };
      }
    }
    const limitMs = Math.max(cpuLimitMs, tool.limits.maxCpuTimeMs);
    tool.update(tool.uses(usage, limitMs), nowMs, (use, from, to) =>
      this.#journal.tell('status', { ...use, from, to }),
    );
  }

  /** Asks for a higher limit, and returns whether it was granted. */
  #raised(tool: GovernedTool, { resource, used, limit }: LimitUse): boolean {
    const { raise, logger } = this.#settings;
    const max = tool.max[LIMIT_OF[resource]];
    if (limit >= max) return false;
    if (raise === undefined) return this.#raisedByUse(tool, { resource, used });
    let granted: number | undefined;
    try {
      granted = raise({ toolId: tool.id, resource, used, limit, max });
    } catch (error) {
      // What cannot be asked is denied.
      logger?.error(`raise failed for tool ${tool.id}: ${describeError(error)}`, {
        toolId: tool.id,
      });
    }
    if (granted === undefined || !(granted > limit)) return false;
    const to = Math.min(granted, max);
    const reason = `${describeAmount(resource, used)} used of ${describeAmount(resource, limit)}`;
    this.#set(tool, { limit: LIMIT_OF[resource], to, cause: 'asked', reason });
    return true;
  }

  #raisedByUse(
    tool: GovernedTool,
    { resource, used }: Pick<LimitUse, 'resource' | 'used'>,
  ): boolean {
    if (!this.#adaptive.hasTool(tool.id)) return false;
    const adjustment = this.#adaptive.raise(tool.id, resource, used);
    if (adjustment === undefined) return false;
    this.#set(tool, adjustment);
    return true;
  }

  /** Takes what a tool has used within a second, and moves its limits to where they belong. */
  learn(tool: GovernedTool, used: UsageAddition): void {
    const { memoryBytes, executionCpuTimeMs, fileHandles, networkConnections } = used;
    const adjustments = this.#adaptive.observe(tool.id, {
      memoryBytes,
      cpuTimeMs: executionCpuTimeMs,
      fileHandles,
      networkConnections,
    });
    // Whoever decides on raises decides on limits.
    if (this.#settings.raise !== undefined) return;
    for (const adjustment of adjustments) this.#set(tool, adjustment);
  }

  /** Sets a limit, and tells of it. */
  #set(
    tool: GovernedTool,
    adjustment: Pick<GovernorDetails['limits-adjusted'], 'limit' | 'to' | 'cause' | 'reason'>,
  ): void {
    const { limit, to, cause, reason } = adjustment;
    const from = tool.limits[limit];
    if (from === to) return;
    tool.limits = { ...tool.limits, [limit]: to };
    this.#journal.tell('limits-adjusted', { toolId: tool.id, limit, from, to, cause, reason });
  }

  #end(tool: GovernedTool, use: LimitUse, seen: readonly Seen[]): void {
    const max = tool.max[LIMIT_OF[use.resource]];
    const used = ({ usage }: Seen): number => amountOf(usage, use.resource).value;
    if (use.resource === 'cpuTimeMs') {
      for (const one of seen) {
        const limit = this.#cpuLimitOf(tool, one.execution);
        const own = { ...use, used: used(one), limit };
        if (own.used >= limit) this.#ask(tool, one.execution, own);
        if (own.used >= max * FORCED_SHARE) this.#force(one.execution, own);
      }
      return;
    }
    // What those use who are ending already is as good as gone.
    const isStaying = ({ execution }: Seen): boolean => !this.#asked.has(execution);
    const staying = seen.filter(isStaying).toSorted((one, other) => used(other) - used(one));
    let remaining = staying.reduce((sum, one) => sum + used(one), 0);
    for (const one of staying) {
      if (remaining < use.limit) break;
      this.#ask(tool, one.execution, { ...use, used: remaining });
      remaining -= used(one);
    }
    if (use.used < max * FORCED_SHARE) return;
    for (const one of seen) if (!isStaying(one)) this.#force(one.execution, use);
  }

  #ask(tool: GovernedTool, execution: Execution, use: LimitUse): void {
    if (this.#asked.has(execution)) return;
    const reason = limitExceeded(use, tool.dwellMs);
    this.#asked.set(execution, reason);
    this.#journal.tell('execution-ended', { ...use, executionId: execution.id, how: 'asked' });
    execution.stop(reason);
  }

  #force(execution: Execution, use: LimitUse): void {
    if (execution.kind === 'inline' || this.#forced.has(execution)) return;
    this.#forced.add(execution);
    this.#journal.tell('execution-ended', { ...use, executionId: execution.id, how: 'forced' });
    void execution.kill(this.#asked.get(execution));
  }
}
