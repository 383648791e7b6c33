import type { Clock } from '../clock.ts';
import { badOption, checkInteger, checkOptions } from '../options.ts';
import type { Execution, IsolationKind } from './execution.ts';
import { addAmounts, type Amounts, type ResourceUsage } from './resource-usage.ts';
import { sampleProcess } from './sample-process.ts';
import type { ExecutionRecord, Outcome } from './execution-log.ts';
import { ToolLedger } from './tool-ledger.ts';
import type { UsagePoint } from './usage-history.ts';

/** How use is tracked. */
export interface TrackerOptions {
  /** How many ended executions of each tool are kept whole, 0 to 10,000; 100 by default. */
  readonly keptExecutions?: number;
  /** ms since 1970 by default. */
  readonly clock?: Clock;
}

/** An execution that runs now. */
export interface RunningExecution {
  readonly id: number;
  readonly toolId: string;
  readonly isolation: IsolationKind;
  readonly startedAtMs: number;
  readonly usage: ResourceUsage;
}

/** Who uses what of this process and of those that it has started for its tools; CPU time since the tracker began. */
export interface ProcessAccount {
  /** This process, and what the tools in processes of their own use. */
  readonly process: Amounts;
  readonly tools: ReadonlyMap<string, Amounts>;
  /** What is no tool's: the server itself, its runtime and caches; `process` less all `tools`. */
  readonly shared: Amounts;
}

/**
 * Keeps who uses what, now and in the past: by tool and by execution, each figure with how sure it is.
 *
 * Reads of what runs look at the operating system, some 20 µs for each worker or process; the past is kept in at most
 * 100 kB a tool (seconds for five minutes, minutes for a day).
 *
 * @example
 * ```ts
 * import { InlineIsolation, ResourceTracker } from 'mcp-granary/governor';
 * const isolation = new InlineIsolation();
 * const tracker = new ResourceTracker();
 * await tracker.track(isolation.start('sum', () => 1 + 1, {})).result;
 * console.log(tracker.history('sum').at(-1)?.executions); // 1
 * await isolation.close();
 * ```
 */
export class ResourceTracker {
  readonly #now: () => number;
  readonly #keptExecutions: number;
  readonly #ledgers = new Map<string, ToolLedger>();
  readonly #startCpu = process.cpuUsage();

  /** @throws `ERR_GRANARY_BAD_OPTION` */
  constructor(options?: TrackerOptions) {
    const { keptExecutions = 100, clock = Date } = checkOptions('options', options);
    this.#keptExecutions = checkInteger('keptExecutions', keptExecutions, 0, 10_000);
    if (typeof clock.now !== 'function') badOption('clock', clock, 'an object with now()');
    this.#now = () => clock.now();
  }

  /** Every tool that has run, or runs. */
  get tools(): readonly string[] {
    return [...this.#ledgers.keys()];
  }

  /** Follows an execution until it has ended, and returns it. */
  track<T>(execution: Execution<T>): Execution<T> {
    const ledger = this.ledger(execution.toolId);
    this.begin(ledger, execution);
    const end = (outcome: Outcome) => () => this.end(ledger, execution, outcome);
    execution.result.then(end('completed'), end('failed'));
    return execution;
  }

  /** The books of a tool, opened where there are none. */
  ledger(toolId: string): ToolLedger {
    let ledger = this.#ledgers.get(toolId);
    if (ledger === undefined) {
      ledger = new ToolLedger(toolId, this.#keptExecutions);
      this.#ledgers.set(toolId, ledger);
    }
    return ledger;
  }

  begin(ledger: ToolLedger, execution: Execution): void {
    ledger.begin(execution, this.#now());
  }

  end(ledger: ToolLedger, execution: Execution, outcome: Outcome): ResourceUsage {
    const peak = execution.usage();
    ledger.end(execution, peak, outcome, this.#now());
    return peak;
  }

  /** What all executions of a tool that run now use together; nothing where none runs. */
  usage(toolId: string): ResourceUsage {
    return this.#known(toolId).look(this.#now());
  }

  /** What runs now of a tool, each with what it uses. */
  running(toolId: string): readonly RunningExecution[] {
    return [...this.#known(toolId).running].map((execution) => ({
      id: execution.id,
      toolId,
      isolation: execution.kind,
      startedAtMs: execution.startedAtMs,
      usage: execution.usage(),
    }));
  }

  /** The executions of a tool that ended last, the newest last. */
  executions(toolId: string): readonly ExecutionRecord[] {
    return this.#known(toolId).records;
  }

  /** How many executions of a tool have ended. */
  executionCount(toolId: string): number {
    return this.#known(toolId).executions;
  }

  /** What a tool has used, from the oldest. */
  history(toolId: string): readonly UsagePoint[] {
    return this.#known(toolId).history.points();
  }

  /** Looks at all that runs, so that the history knows of it. */
  look(): void {
    const nowMs = this.#now();
    for (const ledger of this.#ledgers.values()) ledger.look(nowMs);
  }

  /** Forgets a tool of which nothing runs. */
  forget(toolId: string): void {
    if (this.#ledgers.get(toolId)?.running.size === 0) this.#ledgers.delete(toolId);
  }

  /** Divides what this process uses among the tools and the rest. */
  async account(): Promise<ProcessAccount> {
    const { descriptors = [], sockets = [] } = await sampleProcess(process.pid, {
      parts: ['descriptors', 'sockets'],
    });
    const ofNetwork = sockets.filter(({ protocol }) => protocol !== 'other').map(({ fd }) => fd);
    // Whoever claims one first has it: guesses of several threads may be about the same.
    const unclaimedSockets = new Set(ofNetwork);
    const unclaimedFiles = new Set(descriptors.map(({ fd }) => fd));
    for (const fd of ofNetwork) unclaimedFiles.delete(fd);
    const { user, system } = process.cpuUsage(this.#startCpu);
    let whole: Amounts = {
      memoryBytes: process.memoryUsage.rss(),
      cpuTimeMs: (user + system) / 1_000,
      fileHandles: unclaimedFiles.size,
      networkConnections: unclaimedSockets.size,
    };
    let shared = whole;
    const tools = new Map<string, Amounts>();
    const nowMs = this.#now();
    for (const [toolId, ledger] of this.#ledgers) {
      const { inside, hosted } = ledger.lookByPlace(nowMs);
      const ofThreads: Amounts = {
        memoryBytes: inside.memoryBytes.value,
        cpuTimeMs: inside.cpuTimeMs.value,
        fileHandles: claim(unclaimedFiles, inside.fileHandles.ids),
        networkConnections: claim(unclaimedSockets, inside.networkConnections.ids),
      };
      const ofProcesses: Amounts = {
        memoryBytes: hosted.memoryBytes.value,
        cpuTimeMs: hosted.cpuTimeMs.value,
        fileHandles: hosted.fileHandles.ids.length,
        networkConnections: hosted.networkConnections.ids.length,
      };
      tools.set(toolId, addAmounts(ofThreads, ofProcesses));
      shared = addAmounts(shared, ofThreads, -1);
      whole = addAmounts(whole, ofProcesses);
    }
    return { process: whole, tools, shared };
  }

  #known(toolId: string): ToolLedger {
    const ledger = this.#ledgers.get(toolId);
    if (ledger === undefined) badOption('toolId', toolId, 'the name of a tool that has run');
    return ledger;
  }
}

/** @returns how many of the ids were there to be claimed, and are not any more. */
function claim(unclaimed: Set<number>, ids: readonly number[]): number {
  return ids.reduce((count, id) => count + (unclaimed.delete(id) ? 1 : 0), 0);
}
