import type { Execution, IsolationKind, Leak } from './execution.ts';
import { NO_INLINE_HANDLES } from './inline-account.ts';
import type { Confidence, ResourceUsage } from './resource-usage.ts';

/** How an execution ended. */
export type Outcome = 'completed' | 'failed' | 'ended';

/** One run of a tool that is over. */
export interface ExecutionRecord {
  readonly id: number;
  readonly toolId: string;
  readonly isolation: IsolationKind;
  /** In ms of the clock of the tracker. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** `ended`: by a limit, a timeout, its caller, or because its tool was removed. */
  readonly outcome: Outcome;
  /** Of each resource the most that it used at a time; of CPU time, all. */
  readonly peak: ResourceUsage;
  /** What it left open. */
  readonly leaks: readonly Leak[];
}

const OUTCOMES = ['completed', 'failed', 'ended'] as const satisfies readonly Outcome[];
const ISOLATIONS = ['inline', 'worker', 'process'] as const satisfies readonly IsolationKind[];
const CONFIDENCES = ['exact', 'thread', 'estimate'] as const satisfies readonly Confidence[];
const NO_LEAKS: readonly Leak[] = [];
const FIRST_ROOM = 4;
/** Numbers that a record is made of. */
const [ID, ISOLATION, STARTED, ENDED, OUTCOME, MEMORY, MEMORY_CONFIDENCE, CPU, CPU_CONFIDENCE] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8,
] as const;
const WIDTH = 9;

const INLINE = ISOLATIONS.indexOf('inline');
const THREAD = CONFIDENCES.indexOf('thread');
const ESTIMATE = CONFIDENCES.indexOf('estimate');

/**
 * The executions of one tool that ended last. Numbers stand in one array: thousands may end in a second, and what is kept
 * of them should be no work for the collector.
 */
export class ExecutionLog {
  readonly #toolId: string;
  readonly #capacity: number;
  #numbers = new Float64Array(0);
  /** Handles and leaks, of the few that have any, by place. */
  readonly #handles = new Map<number, Pick<ExecutionRecord, 'peak' | 'leaks'>>();
  #first = 0;
  #count = 0;
  /** What handles are like where there are none: the same for all of one isolation. */
  readonly #noHandles = new Map<number, Omit<ResourceUsage, 'memoryBytes' | 'cpuTimeMs'>>();

  constructor(toolId: string, capacity: number) {
    this.#toolId = toolId;
    this.#capacity = capacity;
  }

  add(execution: Execution, peak: ResourceUsage, outcome: Outcome, endedAtMs: number): void {
    if (this.#capacity === 0) return;
    const { memoryBytes, cpuTimeMs, fileHandles, networkConnections } = peak;
    const place = this.#write(execution, outcome, endedAtMs, memoryBytes.value, cpuTimeMs.value);
    const at = place * WIDTH;
    this.#numbers[at + MEMORY_CONFIDENCE] = CONFIDENCES.indexOf(memoryBytes.confidence);
    this.#numbers[at + CPU_CONFIDENCE] = CONFIDENCES.indexOf(cpuTimeMs.confidence);
    const leaks = execution.leaks();
    const isolation = ISOLATIONS.indexOf(execution.kind);
    if (leaks.length + fileHandles.ids.length + networkConnections.ids.length > 0) {
      this.#handles.set(place, { peak, leaks });
    } else if (!this.#noHandles.has(isolation)) {
      this.#noHandles.set(isolation, { fileHandles, networkConnections });
    }
  }

  /** Adds an inline execution that had no handles: thousands may end in a second. */
  addPlain(
    execution: Execution,
    outcome: Outcome,
    endedAtMs: number,
    memoryBytes: number,
    cpuTimeMs: number,
  ): void {
    if (this.#capacity === 0) return;
    const at = this.#write(execution, outcome, endedAtMs, memoryBytes, cpuTimeMs) * WIDTH;
    this.#numbers[at + MEMORY_CONFIDENCE] = ESTIMATE;
    this.#numbers[at + CPU_CONFIDENCE] = THREAD;
    if (!this.#noHandles.has(INLINE)) this.#noHandles.set(INLINE, NO_INLINE_HANDLES);
  }

  /** The newest last. */
  records(): readonly ExecutionRecord[] {
    return Array.from({ length: this.#count }, (_, index) =>
      this.#record((this.#first + index) % this.#room),
    );
  }

  /** @returns the place that was written to, but for the confidences. */
  #write(
    { id, kind, startedAtMs }: Execution,
    outcome: Outcome,
    endedAtMs: number,
    memoryBytes: number,
    cpuTimeMs: number,
  ): number {
    const place = this.#nextPlace();
    const numbers = this.#numbers;
    const at = place * WIDTH;
    numbers[at + ID] = id;
    numbers[at + ISOLATION] = ISOLATIONS.indexOf(kind);
    numbers[at + STARTED] = startedAtMs;
    numbers[at + ENDED] = endedAtMs;
    numbers[at + OUTCOME] = OUTCOMES.indexOf(outcome);
    numbers[at + MEMORY] = memoryBytes;
    numbers[at + CPU] = cpuTimeMs;
    return place;
  }

  get #room(): number {
    return this.#numbers.length / WIDTH;
  }

  #nextPlace(): number {
    if (this.#count === this.#room && this.#room < this.#capacity) this.#grow();
    if (this.#count < this.#room) this.#count++;
    else this.#first = (this.#first + 1) % this.#room;
    const place = (this.#first + this.#count - 1) % this.#room;
    if (this.#handles.size > 0) this.#handles.delete(place);
    return place;
  }

  /** Nothing was dropped before there is all the room that there will be: the first is at the first place. */
  #grow(): void {
    const room = Math.min(this.#capacity, Math.max(FIRST_ROOM, this.#room * 2));
    const numbers = new Float64Array(room * WIDTH);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }

  #record(place: number): ExecutionRecord {
    const number = (field: number): number => this.#numbers[place * WIDTH + field] ?? 0;
    const isolation = number(ISOLATION);
    const handles = this.#handles.get(place);
    const none = this.#noHandles.get(isolation);
    const noHandles = none ?? handles?.peak;
    if (noHandles === undefined) throw new Error('a record of an isolation that nothing ran in');
    return {
      id: number(ID),
      toolId: this.#toolId,
      isolation: ISOLATIONS[isolation] ?? 'inline',
      startedAtMs: number(STARTED),
      endedAtMs: number(ENDED),
      outcome: OUTCOMES[number(OUTCOME)] ?? 'completed',
      peak: handles?.peak ?? {
        memoryBytes: {
          value: number(MEMORY),
          confidence: CONFIDENCES[number(MEMORY_CONFIDENCE)] ?? 'estimate',
        },
        cpuTimeMs: {
          value: number(CPU),
          confidence: CONFIDENCES[number(CPU_CONFIDENCE)] ?? 'estimate',
        },
        fileHandles: noHandles.fileHandles,
        networkConnections: noHandles.networkConnections,
      },
      leaks: handles?.leaks ?? NO_LEAKS,
    };
  }
}
