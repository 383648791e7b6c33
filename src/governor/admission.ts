import type { GranaryError } from '../errors.ts';
import type { Journal } from '../events/journal.ts';
import type { Degradation } from './degradation.ts';
import type { GovernedTool } from './governed-tool.ts';
import type { GovernorDetails } from './governor-event.ts';
import { describeExcess, limitError, limitExceeded } from './limit-error.ts';
import { isAtLeast } from './limit-ladder.ts';
import type { ManagerSettings } from './manager-settings.ts';
import { ToolQueue } from './tool-queue.ts';

/** Lets executions begin, wait or go away. */
export class Admission {
  readonly #settings: ManagerSettings;
  readonly #journal: Journal<GovernorDetails>;
  readonly #degradation: Degradation;

  constructor(
    settings: ManagerSettings,
    journal: Journal<GovernorDetails>,
    degradation: Degradation,
  ) {
    this.#settings = settings;
    this.#journal = journal;
    this.#degradation = degradation;
  }

  /** Whether an execution may begin at once, without a further look. */
  isClear(tool: GovernedTool): boolean {
    return (
      tool.queue === undefined &&
      this.#degradation.level === 0 &&
      (tool.actingStatus === 'normal' || tool.actingStatus === 'warning')
    );
  }

  /**
   * Runs something when it may.
   *
   * @throws (rejects with) `ERR_GRANARY_LIMIT_EXCEEDED`, the reason of `signal`, or what `run` does
   */
  async admit<T>(
    tool: GovernedTool,
    signal: AbortSignal | undefined,
    run: () => Promise<T>,
  ): Promise<T> {
    const reason = this.#reasonToWait(tool);
    if (reason === undefined && tool.queue === undefined) return await run();
    if (this.#mustNotWait(tool, reason)) throw this.#refuse(tool, reason);
    const { maxWaiting, maxWaitMs } = this.#settings;
    tool.queue ??= new ToolQueue();
    if (tool.queue.size >= maxWaiting) {
      const full = `${maxWaiting} executions of tool ${JSON.stringify(tool.id)} wait already`;
      throw this.#refuse(tool, reason === undefined ? full : `${reason}, and ${full}`);
    }
    const added = tool.queue.add(run, {
      signal,
      patienceMs: maxWaitMs,
      gaveUp: () => this.#refuse(tool, this.#reasonToWait(tool)),
    });
    if (reason !== undefined) {
      this.#journal.tell('throttled', { toolId: tool.id, reason, waiting: tool.queue.size });
    }
    this.turnQueue(tool);
    return await added;
  }

  /** Lets those who wait begin, or not, as things stand now. */
  turnQueue(tool: GovernedTool): void {
    const { queue } = tool;
    if (queue === undefined) return;
    if (this.#reasonToWait(tool) !== undefined) queue.pause();
    else queue.resume();
    if (queue.isIdle) tool.queue = undefined;
  }

  #mustNotWait({ actingStatus, options }: GovernedTool, reason: string | undefined): boolean {
    if (actingStatus === 'emergency' || this.#degradation.refuses(options.priority)) return true;
    return reason !== undefined && options.criticalAction === 'refuse';
  }

  /** Why an execution may not begin now. */
  #reasonToWait({ actingStatus, actingUse, options }: GovernedTool): string | undefined {
    if (actingUse !== undefined && isAtLeast(actingStatus, 'critical')) {
      return describeExcess(actingUse);
    }
    const { priority } = options;
    if (this.#degradation.throttles(priority) || this.#degradation.refuses(priority)) {
      return `memory of the whole process is short, and the tool is of priority ${priority}`;
    }
    return undefined;
  }

  #refuse(tool: GovernedTool, reason = 'the tool has let others wait for too long'): GranaryError {
    const { actingStatus, actingUse } = tool;
    const retryAfterMs = Math.max(tool.dwellMs, 1_000);
    const error =
      actingUse !== undefined && isAtLeast(actingStatus, 'critical')
        ? limitExceeded(actingUse, retryAfterMs)
        : limitError(reason, retryAfterMs, { toolId: tool.id });
    this.#journal.tell('refused', { toolId: tool.id, reason: error.message, retryAfterMs });
    return error;
  }
}
