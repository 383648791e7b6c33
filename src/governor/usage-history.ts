import { type Merge, TimeRing } from './time-ring.ts';

/** What a tool has used within a span of time. */
export interface UsagePoint {
  /** Start of the span, in ms of the clock of the tracker. */
  readonly fromMs: number;
  /** Length of the span: 1,000 for what is recent, 60,000 before that. */
  readonly spanMs: number;
  /** At most, of all executions together. */
  readonly memoryBytes: number;
  /** Within the span. */
  readonly cpuTimeMs: number;
  /** At most, of all executions together. */
  readonly fileHandles: number;
  /** At most, of all executions together. */
  readonly networkConnections: number;
  /** That ended within the span. */
  readonly executions: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
/** Five minutes in steps of a second, a day in steps of a minute: at most 100 kB. */
const SECONDS = 300;
const MINUTES = 1_440;
const MERGES = ['max', 'sum', 'max', 'max', 'sum'] as const satisfies readonly Merge[];

/** What is added at a moment. */
export type UsageAddition = Omit<UsagePoint, 'fromMs' | 'spanMs'> & {
  /** The most that one execution has used so far, in ms. */
  readonly executionCpuTimeMs: number;
};

/**
 * What a tool has used, second by second for five minutes and minute by minute for a day.
 *
 * What comes within one second is gathered, and written when the next begins.
 */
export class UsageHistory {
  readonly #seconds = new TimeRing(SECOND_MS, SECONDS, MERGES);
  readonly #minutes = new TimeRing(MINUTE_MS, MINUTES, MERGES);
  #second = -1;
  #memoryBytes = 0;
  #cpuTimeMs = 0;
  #fileHandles = 0;
  #networkConnections = 0;
  #executions = 0;
  #executionCpuTimeMs = 0;
  #untold: UsageAddition | undefined;
  /** Told what was gathered of each second in which something was used, when it is over. */
  onSecond: ((second: UsageAddition) => void) | undefined;

  /** Bytes that it takes. */
  get byteLength(): number {
    return this.#seconds.byteLength + this.#minutes.byteLength;
  }

  add(nowMs: number, addition: UsageAddition): void {
    this.#begin(nowMs);
    if (addition.memoryBytes > this.#memoryBytes) this.#memoryBytes = addition.memoryBytes;
    if (addition.fileHandles > this.#fileHandles) this.#fileHandles = addition.fileHandles;
    if (addition.networkConnections > this.#networkConnections) {
      this.#networkConnections = addition.networkConnections;
    }
    if (addition.executionCpuTimeMs > this.#executionCpuTimeMs) {
      this.#executionCpuTimeMs = addition.executionCpuTimeMs;
    }
    this.#cpuTimeMs += addition.cpuTimeMs;
    this.#executions += addition.executions;
  }

  /** Adds an execution that has ended and that had no handles: thousands may in a second. */
  addEnded(
    nowMs: number,
    memoryBytes: number,
    cpuTimeMs: number,
    executionCpuTimeMs: number,
  ): void {
    this.#begin(nowMs);
    if (memoryBytes > this.#memoryBytes) this.#memoryBytes = memoryBytes;
    if (executionCpuTimeMs > this.#executionCpuTimeMs)
      this.#executionCpuTimeMs = executionCpuTimeMs;
    this.#cpuTimeMs += cpuTimeMs;
    this.#executions++;
  }

  /** Ends the second that is over, if something was gathered in it. */
  flush(nowMs: number): void {
    this.#begin(nowMs);
  }

  /** Writes what was gathered of the second that is not over yet, too. */
  settle(): void {
    this.#write();
    this.#tell();
  }

  /** Writes what has been gathered of a second that is over. */
  #begin(nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second <= this.#second) return;
    this.#write();
    this.#tell();
    this.#second = second;
  }

  /** @returns from the oldest; minutes as far as seconds do not reach. */
  points(): readonly UsagePoint[] {
    this.#write();
    const seconds = [...this.#seconds.rows()].map((row) => toPoint(row, SECOND_MS));
    if (!this.#seconds.hasDropped) return seconds;
    const minutes = [...this.#minutes.rows()].map((row) => toPoint(row, MINUTE_MS));
    const firstMs = seconds[0]?.fromMs ?? Infinity;
    // A minute that seconds cover in part is told by the minute alone: nothing is counted twice.
    const older = minutes.filter(({ fromMs }) => fromMs < firstMs);
    const last = older.at(-1);
    const untilMs = last === undefined ? -Infinity : last.fromMs + MINUTE_MS;
    return [...older, ...seconds.filter(({ fromMs }) => fromMs >= untilMs)];
  }

  /**
   * Changes nothing: who follows the seconds by `onSecond` is not told of half a one.
   *
   * @returns the seconds that have ended in which anything was used, those from `sinceMs` on, from the oldest; at most 300
   */
  seconds(sinceMs: number): readonly UsagePoint[] {
    return [...this.#seconds.rows(sinceMs)].map((row) => toPoint(row, SECOND_MS));
  }

  #write(): void {
    const gathered = this.#gathered();
    const { memoryBytes, cpuTimeMs, fileHandles, networkConnections, executions } = gathered;
    if (executions + cpuTimeMs + memoryBytes + fileHandles + networkConnections === 0) return;
    const values = [memoryBytes, cpuTimeMs, fileHandles, networkConnections, executions];
    this.#seconds.add(this.#second * SECOND_MS, values);
    this.#minutes.add(this.#second * SECOND_MS, values);
    this.#untold = this.#untold === undefined ? gathered : together(this.#untold, gathered);
  }

  /** Who reads in the midst of a second has it written, and not told by halves. */
  #tell(): void {
    const second = this.#untold;
    this.#untold = undefined;
    if (second !== undefined) this.onSecond?.(second);
  }

  /** Takes what has been gathered. */
  #gathered(): UsageAddition {
    const gathered = {
      memoryBytes: this.#memoryBytes,
      cpuTimeMs: this.#cpuTimeMs,
      fileHandles: this.#fileHandles,
      networkConnections: this.#networkConnections,
      executions: this.#executions,
      executionCpuTimeMs: this.#executionCpuTimeMs,
    };
    this.#executionCpuTimeMs = 0;
    this.#memoryBytes = 0;
    this.#cpuTimeMs = 0;
    this.#fileHandles = 0;
    this.#networkConnections = 0;
    this.#executions = 0;
    return gathered;
  }
}

function together(one: UsageAddition, other: UsageAddition): UsageAddition {
  return {
    memoryBytes: Math.max(one.memoryBytes, other.memoryBytes),
    cpuTimeMs: one.cpuTimeMs + other.cpuTimeMs,
    fileHandles: Math.max(one.fileHandles, other.fileHandles),
    networkConnections: Math.max(one.networkConnections, other.networkConnections),
    executions: one.executions + other.executions,
    executionCpuTimeMs: Math.max(one.executionCpuTimeMs, other.executionCpuTimeMs),
  };
}

function toPoint(
  { fromMs, values }: { readonly fromMs: number; readonly values: readonly number[] },
  spanMs: number,
): UsagePoint {
  const [memoryBytes = 0, cpuTimeMs = 0, fileHandles = 0, networkConnections = 0, executions = 0] =
    values;
  return { fromMs, spanMs, memoryBytes, cpuTimeMs, fileHandles, networkConnections, executions };
}
