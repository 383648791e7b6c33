import type { IsolationKind } from '../execution.ts';
import type { GovernedTool } from '../governed-tool.ts';
import type { ResourceStatus } from '../limit-ladder.ts';
import { amountOf, type Resource, type ResourceLimits, RESOURCES } from '../resource-limits.ts';
import type { Amount } from '../resource-usage.ts';
import type { UsagePoint } from '../usage-history.ts';

/** How a tool stands at a moment. */
export interface ToolInspection {
  readonly toolId: string;
  /** The moment, in ms of the governor's clock. */
  readonly atMs: number;
  readonly isolation: IsolationKind;
  /** The worst of all resources. */
  readonly status: ResourceStatus;
  /** How many executions run. */
  readonly running: number;
  /** How many wait for their turn. */
  readonly waiting: number;
  /** How many have ended since the tool became known. */
  readonly executions: number;
  /** What those that run use together; handles and connections by their number. */
  readonly usage: Readonly<Record<Resource, Amount>>;
  /** What it may use now. `Infinity`, in JSON `null`, is no limit. */
  readonly limits: ResourceLimits;
  /** How far the limits may be raised. */
  readonly max: ResourceLimits;
  /** The last 60 whole seconds, from the oldest; those in which nothing was used are left out. */
  readonly history: readonly UsagePoint[];
}

const SECOND_MS = 1_000;
const HISTORY_MS = 60 * SECOND_MS;

/** Looks at a tool: O(what runs of it), and at most 60 points of history. */
export function inspectTool(tool: GovernedTool, nowMs: number): ToolInspection {
  const { id: toolId, ledger, limits, max, options, queue, status } = tool;
  const usage = ledger.look(nowMs);
  ledger.history.flush(nowMs);
  return {
    toolId,
    atMs: nowMs,
    isolation: options.isolation,
    status,
    running: ledger.running.size,
    waiting: queue?.size ?? 0,
    executions: ledger.executions,
    usage: Object.fromEntries(
      RESOURCES.map((resource) => [resource, amountOf(usage, resource)]),
    ) as Record<Resource, Amount>,
    limits,
    max,
    history: ledger.history.seconds(nowMs - (nowMs % SECOND_MS) - HISTORY_MS),
  };
}
