import type { StartOptions } from './execution.ts';
import type { EndedInline, Failure, InlineStart } from './inline-execution.ts';
import {
  isAtLeast,
  type LadderSettings,
  LimitLadder,
  type ResourceStatus,
  worseStatus,
} from './limit-ladder.ts';
import {
  amountOf,
  LIMIT_OF,
  type Resource,
  type ResourceLimits,
  RESOURCES,
} from './resource-limits.ts';
import type { Confidence, ResourceUsage } from './resource-usage.ts';
import { type ExecutionFeatures, ToolPrediction } from './prediction/tool-prediction.ts';
import type { ToolLedger } from './tool-ledger.ts';
import type { CheckedToolOptions } from './tool-options.ts';
import type { ToolQueue } from './tool-queue.ts';
import type { LimitUse } from './governor-event.ts';

/** Processes and threads of one execution: a fork bomb ends there, a build does not. */
const MOST_PIDS = 512;

/** Inline tools whose executions are expected to stay below run without a reservation, which costs more than they do. */
const RESERVED_FROM_BYTES = 1_048_576;

/** One tool, as it stands with its limits. */
export class GovernedTool {
  readonly id: string;
  readonly options: CheckedToolOptions;
  readonly ledger: ToolLedger;
  /** What an inline execution is started with that has no options. */
  readonly inlineStart: InlineStart;
  readonly base: ResourceLimits;
  readonly max: ResourceLimits;
  limits: ResourceLimits;
  /** The worst of all resources. */
  status: ResourceStatus = 'normal';
  /** The worst of those that are known surely enough to act upon. */
  actingStatus: ResourceStatus = 'normal';
  /** Which that is, at its last look. */
  actingUse: LimitUse | undefined;
  /** Made when somebody has to wait, and gone when nobody does any more. */
  queue: ToolQueue | undefined;
  /** What its executions are expected to need. */
  readonly prediction = new ToolPrediction();
  /** Whether that is reserved before each begins; of inline tools, whether they have proven to be large. */
  reserves: boolean;
  /** Whether its executions may come to be reserved for. */
  readonly mayReserve: boolean;
  readonly #warning: number;
  /** How sure the figure was that has brought about the status of a resource. */
  readonly #sureness: Partial<Record<Resource, Confidence>> = {};
  readonly #ladders: Readonly<Record<Resource, LimitLadder>>;

  constructor(
    id: string,
    options: CheckedToolOptions,
    parts: {
      readonly ledger: ToolLedger;
      readonly onInlineSettled: (
        tool: GovernedTool,
        execution: EndedInline,
        failure: Failure | undefined,
      ) => Failure | undefined;
      readonly base: ResourceLimits;
      readonly max: ResourceLimits;
      readonly ladder: LadderSettings;
      readonly reserves: boolean;
    },
  ) {
    this.id = id;
    this.options = options;
    this.ledger = parts.ledger;
    this.inlineStart = {
      onSettled: (execution, failure) => parts.onInlineSettled(this, execution, failure),
    };
    const isHosted = options.isolation !== 'inline';
    this.reserves = parts.reserves && isHosted;
    this.mayReserve = parts.reserves && (isHosted || options.enforceEstimates);
    this.base = parts.base;
    this.max = parts.max;
    this.limits = parts.base;
    this.#warning = parts.ladder.warning;
    const ladder = () => new LimitLadder(parts.ladder);
    this.#ladders = {
      memoryBytes: ladder(),
      cpuTimeMs: ladder(),
      fileHandles: ladder(),
      networkConnections: ladder(),
    };
  }

  /** What an execution is started with: a process within walls that no raise can move. */
  startOptions(options: StartOptions): StartOptions {
    if (this.options.isolation !== 'process') return options;
    return { ...options, walls: { memoryBytes: this.max.maxMemoryBytes, pids: MOST_PIDS } };
  }

  /** Whether figures of a confidence throttle, refuse and end. */
  actsOn(confidence: Confidence): boolean {
    return confidence !== 'estimate' || this.options.enforceEstimates;
  }

  /** How long it takes at the least until its worst status is left, in ms. */
  get dwellMs(): number {
    return Math.max(...RESOURCES.map((resource) => this.#ladders[resource].dwellMs));
  }

  /** An execution has completed: emergencies before it are no reason for patience with the next. */
  relent(): void {
    for (const resource of RESOURCES) this.#ladders[resource].relent();
  }

  limitOf(resource: Resource): number {
    return this.limits[LIMIT_OF[resource]];
  }

  /** @returns what is used of each limit. */
  uses(usage: ResourceUsage, cpuLimitMs = this.limits.maxCpuTimeMs): readonly LimitUse[] {
    return RESOURCES.map((resource) => {
      const { value, confidence } = amountOf(usage, resource);
      return {
        toolId: this.id,
        resource,
        used: value,
        limit: resource === 'cpuTimeMs' ? cpuLimitMs : this.limitOf(resource),
        confidence,
      };
    });
  }

  /** What a use would be, without regard to what was before. */
  statusAt({ resource, used, limit }: LimitUse): ResourceStatus {
    return this.#ladders[resource].statusAt(used / limit);
  }

  /** Whether a usage is far from every limit, and has been: then nothing changes by it. */
  isUneventful({
    memoryBytes,
    cpuTimeMs,
    fileHandles,
    networkConnections,
  }: ResourceUsage): boolean {
    const { limits } = this;
    const share = this.#warning;
    return (
      this.status === 'normal' &&
      memoryBytes.value < limits.maxMemoryBytes * share &&
      cpuTimeMs.value < limits.maxCpuTimeMs * share &&
      fileHandles.ids.length < limits.maxFileHandles * share &&
      networkConnections.ids.length < limits.maxNetworkConnections * share
    );
  }

  /** Whether an inline execution that held so much is nothing to learn from for reservations. */
  isTooSmallToReserve(memoryBytes: number): boolean {
    return !this.mayReserve || (!this.reserves && memoryBytes < RESERVED_FROM_BYTES);
  }

  /** The same of an execution that has no handles. */
  isUneventfulAt(memoryBytes: number, cpuTimeMs: number): boolean {
    return (
      this.status === 'normal' &&
      memoryBytes < this.limits.maxMemoryBytes * this.#warning &&
      cpuTimeMs < this.limits.maxCpuTimeMs * this.#warning
    );
  }

  /** Learns from an execution that is over. */
  learn(
    features: ExecutionFeatures,
    peak: ResourceUsage,
    elapsedMs: number,
    isWhole: boolean,
  ): void {
    this.prediction.learn(features, peak, elapsedMs, isWhole);
    if (this.options.isolation !== 'inline') return;
    const upper = this.prediction.memory.predict([features.argumentBytes])?.upper;
    this.reserves = this.mayReserve && (upper ?? peak.memoryBytes.value) >= RESERVED_FROM_BYTES;
  }

  /** Takes note of what is used, and tells of each status that has changed. */
  update(
    uses: readonly LimitUse[],
    nowMs: number,
    changed: (use: LimitUse, from: ResourceStatus, to: ResourceStatus) => void,
  ): void {
    let status: ResourceStatus = 'normal';
    let actingStatus: ResourceStatus = 'normal';
    let actingUse: LimitUse | undefined;
    const changes: (() => void)[] = [];
    for (const use of uses) {
      const ladder = this.#ladders[use.resource];
      const from = ladder.status;
      const to = ladder.update(use.used / use.limit, nowMs);
      status = worseStatus(status, to);
      // A status that lasts is as sure as what has brought it about, not as what is used since: that may be nothing.
      if (this.statusAt(use) === to) this.#sureness[use.resource] = use.confidence;
      if (
        this.actsOn(this.#sureness[use.resource] ?? use.confidence) &&
        to !== 'normal' &&
        isAtLeast(to, actingStatus)
      ) {
        actingStatus = to;
        actingUse = use;
      }
      if (from !== to) changes.push(() => changed(use, from, to));
    }
    this.status = status;
    this.actingStatus = actingStatus;
    this.actingUse = actingUse;
    // Listeners may look at the tool: it is all up to date by now.
    for (const tell of changes) tell();
  }
}
