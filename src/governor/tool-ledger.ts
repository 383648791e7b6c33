import type { Execution } from './execution.ts';
import { ExecutionLog, type ExecutionRecord, type Outcome } from './execution-log.ts';
import { amountOf, lesserConfidence, RESOURCES } from './resource-limits.ts';
import {
  addAmounts,
  type Amounts,
  type Confidence,
  NO_AMOUNTS,
  type ResourceUsage,
} from './resource-usage.ts';
import { RunningList } from './running-list.ts';
import { UsageHistory } from './usage-history.ts';
import { noUsage } from './usage-peak.ts';

/** What one tool uses and has used. */
export class ToolLedger {
  readonly running = new RunningList<Execution>();
  readonly history = new UsageHistory();
  readonly #log: ExecutionLog;
  /** CPU time of all that has run on threads of this process, in ms. */
  #insideCpuMs = 0;
  /** CPU time of all that has run in processes of its own, in ms. */
  #hostedCpuMs = 0;
  /** How many have ended. */
  executions = 0;

  constructor(toolId: string, keptExecutions: number) {
    this.#log = new ExecutionLog(toolId, keptExecutions);
  }

  /** The newest last. */
  get records(): readonly ExecutionRecord[] {
    return this.#log.records();
  }

  begin(execution: Execution, nowMs: number): void {
    execution.startedAtMs = nowMs;
    this.running.add(execution);
  }

  /** Books what an execution has used, which was at most `peak`. */
  end(execution: Execution, peak: ResourceUsage, outcome: Outcome, nowMs: number): void {
    if (!this.running.delete(execution)) return;
    this.executions++;
    this.history.add(nowMs, {
      memoryBytes: peak.memoryBytes.value,
      cpuTimeMs: this.#bookCpu(execution, peak.cpuTimeMs.value),
      fileHandles: peak.fileHandles.ids.length,
      networkConnections: peak.networkConnections.ids.length,
      executions: 1,
      executionCpuTimeMs: peak.cpuTimeMs.value,
    });
    this.#log.add(execution, peak, outcome, nowMs);
  }

  /** As `end`, of an inline execution that had no handles. */
  endPlain(
    execution: Execution,
    memoryBytes: number,
    cpuTimeMs: number,
    outcome: Outcome,
    nowMs: number,
  ): void {
    if (!this.running.delete(execution)) return;
    this.executions++;
    this.history.addEnded(nowMs, memoryBytes, this.#bookCpu(execution, cpuTimeMs), cpuTimeMs);
    this.#log.addPlain(execution, outcome, nowMs, memoryBytes, cpuTimeMs);
  }

  /**
   * Looks at all that runs, and books it.
   *
   * @param each - told of what each execution uses
   * @returns what they use together
   */
  look(nowMs: number, each?: (execution: Execution, usage: ResourceUsage) => void): ResourceUsage {
    if (this.running.size === 0) return noUsage();
    const sum = new UsageSum();
    this.#lookInto((execution, usage) => {
      each?.(execution, usage);
      return sum;
    }, nowMs);
    return sum.usage();
  }

  /** As `look`, with what runs on threads of this process apart from what runs in processes of its own. */
  lookByPlace(nowMs: number): { inside: ResourceUsage; hosted: ResourceUsage } {
    const inside = new UsageSum();
    const hosted = new UsageSum();
    this.#lookInto((execution) => (execution.kind === 'process' ? hosted : inside), nowMs);
    return {
      inside: withCpu(inside.usage(), this.#insideCpuMs),
      hosted: withCpu(hosted.usage(), this.#hostedCpuMs),
    };
  }

  #lookInto(sumFor: (execution: Execution, usage: ResourceUsage) => UsageSum, nowMs: number): void {
    let cpuTimeMs = 0;
    let executionCpuTimeMs = 0;
    const sums = new Set<UsageSum>();
    for (const execution of this.running) {
      const usage = execution.usage();
      const sum = sumFor(execution, usage);
      sum.add(usage);
      sums.add(sum);
      cpuTimeMs += this.#bookCpu(execution, usage.cpuTimeMs.value);
      executionCpuTimeMs = Math.max(executionCpuTimeMs, usage.cpuTimeMs.value);
    }
    if (sums.size === 0) return;
    let seen = NO_AMOUNTS;
    for (const sum of sums) seen = addAmounts(seen, sum.amounts());
    this.history.add(nowMs, { ...seen, cpuTimeMs, executions: 0, executionCpuTimeMs });
  }

  /** @returns what is new of its CPU time. */
  #bookCpu(execution: Execution, cpuTimeMs: number): number {
    const newMs = Math.max(0, cpuTimeMs - execution.bookedCpuMs);
    execution.bookedCpuMs += newMs;
    if (execution.kind === 'process') this.#hostedCpuMs += newMs;
    else this.#insideCpuMs += newMs;
    return newMs;
  }
}

function withCpu(usage: ResourceUsage, cpuTimeMs: number): ResourceUsage {
  return { ...usage, cpuTimeMs: { ...usage.cpuTimeMs, value: cpuTimeMs } };
}

/** Adds up what several executions use; the sum is as sure as the least sure of them. */
class UsageSum {
  #memoryBytes = 0;
  #cpuTimeMs = 0;
  readonly #fileHandles: number[] = [];
  readonly #networkConnections: number[] = [];
  readonly #confidences = new Map<string, Confidence>();

  add(usage: ResourceUsage): void {
    this.#memoryBytes += usage.memoryBytes.value;
    this.#cpuTimeMs += usage.cpuTimeMs.value;
    this.#fileHandles.push(...usage.fileHandles.ids);
    this.#networkConnections.push(...usage.networkConnections.ids);
    for (const resource of RESOURCES) {
      const { confidence } = amountOf(usage, resource);
      const known = this.#confidences.get(resource) ?? confidence;
      this.#confidences.set(resource, lesserConfidence(known, confidence));
    }
  }

  amounts(): Amounts {
    return {
      memoryBytes: this.#memoryBytes,
      cpuTimeMs: this.#cpuTimeMs,
      fileHandles: this.#fileHandles.length,
      networkConnections: this.#networkConnections.length,
    };
  }

  usage(): ResourceUsage {
    const confidence = (resource: string): Confidence => this.#confidences.get(resource) ?? 'exact';
    return {
      memoryBytes: { value: this.#memoryBytes, confidence: confidence('memoryBytes') },
      cpuTimeMs: { value: this.#cpuTimeMs, confidence: confidence('cpuTimeMs') },
      fileHandles: { ids: this.#fileHandles, confidence: confidence('fileHandles') },
      networkConnections: {
        ids: this.#networkConnections,
        confidence: confidence('networkConnections'),
      },
    };
  }
}
