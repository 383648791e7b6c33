import type { Journal } from '../events/journal.ts';
import type { Means } from './admission-options.ts';
import type { Execution, IsolationKind } from './execution.ts';
import type { GovernedTool } from './governed-tool.ts';
import type { GovernorDetails } from './governor-event.ts';
import type { SpareHosts } from './host-pool.ts';
import { limitError } from './limit-error.ts';
import type { ExecutionFeatures, ExpectedUse } from './prediction/tool-prediction.ts';
import { ReservationQueue, type WaitingExecution } from './reservation-queue.ts';
import { RecentLeast } from './recent-least.ts';
import type { ResourceUsage } from './resource-usage.ts';

/** What one execution is granted from before it begins until it has ended. */
export interface Reservation {
  readonly tool: GovernedTool;
  readonly features: ExecutionFeatures;
  readonly expected: ExpectedUse;
  /** What a thread or process to run in takes, where there is none yet. */
  readonly hostBytes: number;
  execution: Execution | undefined;
}

/** What reservations are held against. */
export interface ReservationParts {
  readonly means: Means;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  readonly journal: Journal<GovernorDetails>;
  readonly now: () => number;
  /** Whether time passes by itself; if not, `turn` is called by whoever moves it. */
  readonly isTimed: boolean;
  /** What this process holds now, in bytes. */
  readonly residentBytes: () => number;
  /** What the next execution takes for a thread or process of its own, in bytes. */
  readonly hostBytes: (kind: IsolationKind) => number;
  /** What threads, or processes, hold in which nothing runs; `undefined` where there are none. */
  readonly spare: (kind: 'worker' | 'process') => SpareHosts | undefined;
  /** Has memory that is free and still held given back. */
  readonly trim: () => Promise<void>;
}

/** What is spoken for. */
interface Committed {
  memoryBytes: number;
  cpuCores: number;
}

/** How often those who wait are looked at, besides whenever an execution ends. */
const TURN_EVERY_MS = 10;
/** From then on what an execution has used of a core says more than what was expected. */
const KNOWN_AFTER_MS = 250;
/** CPU can be shared: while there is none left, one more begins each second all the same. */
const CPU_PATIENCE_MS = 1_000;
/** How long what the rest has been at the least stands for what it is. */
const REST_WINDOW_MS = 1_000;
/** How often, at most, free memory is asked for while somebody waits for it. */
const TRIM_EVERY_MS = 500;
/** Sums of fractions. */
const TOLERANCE = 1e-6;
const MIB = 1_048_576;
const COLD_CORES = 1;
/** To start a thread or process keeps a core half busy: many at a time would only hold their memory for longer. */
const STARTING_CORES = 0.5;
const NO_SPARE: SpareHosts = { idleBytes: 0, endingBytes: 0 };
const NO_FEATURES: ExecutionFeatures = { argumentBytes: 0, load: 0 };

/**
 * Reserves for each execution the memory and CPU that it is expected to need before it begins, and lets the sum of that
 * grow no larger than what there is: who does not fit waits, unless nothing runs at all.
 */
export class Reservations {
  readonly #parts: ReservationParts;
  readonly #queue = new ReservationQueue();
  readonly #held = new Set<Reservation>();
  readonly #byExecution = new Map<Execution, Reservation>();
  /** What this process holds that no execution and no waiting thread accounts for. */
  readonly #rest = new RecentLeast(REST_WINDOW_MS);
  #timer: NodeJS.Timeout | undefined;
  #isShort = false;
  #trimmedMs = -Infinity;
  /** When the last began. */
  #begunMs = -Infinity;

  constructor(parts: ReservationParts) {
    this.#parts = parts;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** What is spoken for now: what is held and what is expected to be. */
  committed(): Committed {
    const { residentBytes, spare, now } = this.#parts;
    const nowMs = now();
    const threads = spare('worker') ?? NO_SPARE;
    const processes = spare('process') ?? NO_SPARE;
    const ownBytes = residentBytes();
    // What ending threads have freed already is no part of the rest any more: it may be missing from it twice.
    let restBytes = ownBytes - threads.idleBytes;
    let memoryBytes = threads.idleBytes + threads.endingBytes;
    let hostedBytes = processes.idleBytes + processes.endingBytes;
    let cpuCores = 0;
    for (const { execution, expected, hostBytes } of this.#held) {
      if (execution === undefined) {
        memoryBytes += expected.memoryBytes + hostBytes;
        cpuCores += expected.cpuCores;
        continue;
      }
      const usage = execution.usage();
      const usedBytes = usage.memoryBytes.value;
      const heldBytes = Math.max(expected.memoryBytes, usedBytes) + (execution.hostBytes?.() ?? 0);
      if (execution.kind === 'process') hostedBytes += heldBytes;
      else {
        memoryBytes += heldBytes;
        restBytes -= usedBytes;
      }
      const elapsedMs = nowMs - execution.startedAtMs;
      if (execution.isStarting === true) cpuCores += Math.max(STARTING_CORES, expected.cpuCores);
      else if (elapsedMs < KNOWN_AFTER_MS) cpuCores += expected.cpuCores;
      else cpuCores += usage.cpuTimeMs.value / elapsedMs;
    }
    // A thread that blocks tells late what it holds: then that looks like rest, for a while.
    const leastRestBytes = this.#rest.least(Math.max(0, restBytes), nowMs);
    return {
      memoryBytes: Math.max(ownBytes, memoryBytes + leastRestBytes) + hostedBytes,
      cpuCores,
    };
  }

  /**
   * Runs something as soon as what it is expected to need is there.
   *
   * @param start - begins it; its execution is told to `begun` and `ended`
   * @throws (rejects with) `ERR_GRANARY_LIMIT_EXCEEDED`, the reason of `signal`, or what `start` does
   */
  run<T>(
    tool: GovernedTool,
    argumentBytes: number,
    signal: AbortSignal | undefined,
    start: (reservation: Reservation) => Promise<T>,
  ): Promise<T> {
    const { now, maxWaiting, maxWaitMs, isTimed } = this.#parts;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise<T>((resolve, reject) => {
      let isWaiting = true;
      const settled: (() => void)[] = [];
      const settle = (): void => {
        isWaiting = false;
        for (const call of settled) call();
      };
      const waiting: WaitingExecution = {
        tool,
        features: { argumentBytes, load: this.#held.size },
        sinceMs: now(),
        ...{ overtaken: 0, expected: undefined, learned: -1, lack: undefined },
        begin: (expected) => {
          settle();
          resolve(this.#begin(waiting, expected, start));
        },
        giveUp: (reason) => {
          settle();
          reject(reason);
        },
      };
      this.#queue.add(waiting);
      this.turn();
      if (!isWaiting) return;
      const reason = waiting.lack ?? `${this.#queue.size - 1} executions wait that came before`;
      if (this.#queue.sizeOf(tool) > maxWaiting) {
        this.#queue.remove(waiting);
        const full = `${maxWaiting} executions of tool ${JSON.stringify(tool.id)} wait already`;
        return waiting.giveUp(this.#refuse(tool, `${reason}, and ${full}`));
      }
      const leave = (why: () => unknown): void => {
        if (!this.#queue.remove(waiting)) return;
        waiting.giveUp(why());
        this.turn();
      };
      const onAbort = (): void => leave(() => signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      const onTimeout = (): void => leave(() => this.#refuse(tool, waiting.lack ?? reason));
      const patience = setTimeout(onTimeout, maxWaitMs);
      settled.push(() => {
        clearTimeout(patience);
        signal?.removeEventListener('abort', onAbort);
      });
      if (isTimed) this.#timer ??= setInterval(() => this.turn(), TURN_EVERY_MS);
      const { size } = this.#queue;
      this.#parts.journal.tell('throttled', { toolId: tool.id, reason, waiting: size });
    });
  }

  /** Takes note of what runs with a reservation. */
  begun(reservation: Reservation, execution: Execution): void {
    reservation.execution = execution;
    this.#byExecution.set(execution, reservation);
  }

  /** Learns from an execution, and gives back what was reserved for it. */
  ended(tool: GovernedTool, execution: Execution, peak: ResourceUsage, isWhole: boolean): void {
    const reservation = this.#byExecution.get(execution);
    if (reservation === undefined && tool.isTooSmallToReserve(peak.memoryBytes.value)) return;
    const elapsedMs = this.#parts.now() - execution.startedAtMs;
    tool.learn(reservation?.features ?? NO_FEATURES, peak, elapsedMs, isWhole);
    if (reservation === undefined) return;
    this.#byExecution.delete(execution);
    this.#release(reservation);
  }

  /** Lets those who wait begin, as things stand now. */
  turn(): void {
    if (this.#queue.size > 0) {
      const { now, hostBytes } = this.#parts;
      const nowMs = now();
      const committed = this.committed();
      this.#isShort = false;
      const fits = (waiting: WaitingExecution): boolean => {
        waiting.lack = this.#lackOf(waiting, this.#expect(waiting), committed, nowMs);
        return waiting.lack === undefined;
      };
      for (;;) {
        const next = this.#queue.next(nowMs, fits);
        if (next === undefined) break;
        const expected = this.#expect(next);
        committed.memoryBytes += expected.memoryBytes + hostBytes(next.tool.options.isolation);
        committed.cpuCores += this.#coresOf(next, expected);
        next.begin(expected);
      }
      if (this.#isShort && nowMs - this.#trimmedMs >= TRIM_EVERY_MS) {
        this.#trimmedMs = nowMs;
        void this.#parts.trim();
      }
    }
    this.#pause();
  }

  /** Turns away who waits, or who waits for a tool. */
  clear(reason: unknown, tool?: GovernedTool): void {
    for (const waiting of this.#queue.clear(tool)) waiting.giveUp(reason);
    this.#pause();
  }

  /** Looks no more where nobody waits. */
  #pause(): void {
    if (this.#queue.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #expect(waiting: WaitingExecution): ExpectedUse {
    const { tool, features } = waiting;
    const { learned } = tool.prediction;
    if (waiting.expected !== undefined && waiting.learned === learned) return waiting.expected;
    const { means } = this.#parts;
    const { memoryBytes, cpuCores, evidence } = tool.prediction.expect(features, {
      memoryBytes:
        tool.options.expectedMemoryBytes ?? tool.base.maxMemoryBytes * means.coldStartShare,
      cpuCores: COLD_CORES,
    });
    waiting.learned = learned;
    waiting.expected = {
      // What is larger than all there is waits until nothing else runs.
      memoryBytes: Math.min(memoryBytes, means.memoryBytes),
      cpuCores: Math.min(cpuCores, means.cpuCores),
      evidence,
    };
    return waiting.expected;
  }

  /** What is missing for an execution to begin, in words and numbers. */
  #lackOf(
    waiting: WaitingExecution,
    expected: ExpectedUse,
    committed: Committed,
    nowMs: number,
  ): string | undefined {
    if (this.#held.size === 0) return undefined;
    const { means, hostBytes } = this.#parts;
    const { tool } = waiting;
    const { memoryBytes, evidence } = expected;
    const cpuCores = this.#coresOf(waiting, expected);
    const neededBytes = memoryBytes + hostBytes(tool.options.isolation);
    const name = `tool ${JSON.stringify(tool.id)} is expected to need`;
    const others = `what ${this.#held.size} executions and the rest need`;
    if (committed.memoryBytes + neededBytes > means.memoryBytes) {
      this.#isShort = true;
      return (
        `${name} ${inMib(neededBytes)} of memory (${evidence}), ` +
        `${inMib(committed.memoryBytes)} of ${inMib(means.memoryBytes)} are ${others}`
      );
    }
    const isPatient = nowMs - this.#begunMs < CPU_PATIENCE_MS;
    if (isPatient && committed.cpuCores + cpuCores > means.cpuCores + TOLERANCE) {
      return (
        `${name} ${cpuCores.toFixed(2)} CPU cores, ` +
        `${committed.cpuCores.toFixed(2)} of ${means.cpuCores} are ${others}`
      );
    }
    return undefined;
  }

  #coresOf({ tool }: WaitingExecution, { cpuCores }: ExpectedUse): number {
    const { means, hostBytes } = this.#parts;
    const isStart = hostBytes(tool.options.isolation) > 0;
    return isStart ? Math.min(means.cpuCores, Math.max(STARTING_CORES, cpuCores)) : cpuCores;
  }

  #begin<T>(
    { tool, features }: WaitingExecution,
    expected: ExpectedUse,
    start: (reservation: Reservation) => Promise<T>,
  ): Promise<T> {
    const hostBytes = this.#parts.hostBytes(tool.options.isolation);
    const reservation: Reservation = {
      ...{ tool, features, expected, hostBytes },
      execution: undefined,
    };
    this.#held.add(reservation);
    this.#begunMs = this.#parts.now();
    try {
      return start(reservation);
    } catch (error) {
      // It has not begun, and never will.
      this.#release(reservation);
      return Promise.reject(error);
    }
  }

  #release(reservation: Reservation): void {
    this.#held.delete(reservation);
    this.turn();
  }

  #refuse({ id: toolId }: GovernedTool, reason: string): Error {
    const retryAfterMs = 1_000;
    const error = limitError(reason, retryAfterMs, { toolId });
    this.#parts.journal.tell('refused', { toolId, reason: error.message, retryAfterMs });
    return error;
  }
}

function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
