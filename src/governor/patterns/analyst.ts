import { availableParallelism, loadavg } from 'node:os';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { analysePatterns } from './series-pattern.ts';
import type { PendingAnalysis } from './tracked-resource.ts';

/** How often patterns are told anew. */
export interface AnalystSettings {
  /** Between two batches while the machine has time for them, in ms. */
  readonly intervalMs: number;
  /** How busy the machine is: 1 is fully. */
  readonly load: () => number;
}

/** Above this the machine is loaded: batches become half as frequent each time, up to a 32nd. */
const LOADED = 0.9;
const MOST_BACK_OFF = 32;
/** Series of a batch: 10 ms of another thread at most. */
const BATCH = 64;

/**
 * Has patterns told in batches on another thread, less often while the machine is loaded.
 *
 * A batch costs this thread the copies of its series, 4 kB each at most.
 */
export class Analyst {
  readonly #settings: AnalystSettings;
  /** How many times longer than usual it waits between two batches: 1, 2, 4 … 32. */
  backOff = 1;
  #dueMs = -Infinity;
  #running: Promise<void> | undefined;

  constructor(settings: AnalystSettings) {
    this.#settings = settings;
  }

  /** Begins a batch if one is due, and none is under way. */
  offer(pending: () => Iterable<PendingAnalysis>, nowMs: number): void {
    if (this.#running !== undefined || nowMs < this.#dueMs) return;
    const isLoaded = this.#settings.load() > LOADED;
    this.backOff = isLoaded
      ? Math.min(MOST_BACK_OFF, this.backOff * 2)
      : Math.ceil(this.backOff / 2);
    this.#dueMs = nowMs + this.#settings.intervalMs * this.backOff;
    // What is found late is still found: the series keep what they have.
    if (isLoaded) return;
    void this.analyse(pending(), nowMs);
  }

  /** Analyses a batch now; waits for one that is under way. */
  async analyse(pending: Iterable<PendingAnalysis>, nowMs: number): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#running = this.#analyse(pending, nowMs);
    try {
      await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Until nothing is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #analyse(pending: Iterable<PendingAnalysis>, nowMs: number): Promise<void> {
    const batch: PendingAnalysis[] = [];
    for (const one of pending) {
      batch.push(one);
      if (batch.length === BATCH) break;
    }
    if (batch.length === 0) return;
    const patterns = await analysePatterns(batch.map(({ series }) => series));
    patterns.forEach((pattern, index) => batch[index]?.done(pattern, nowMs));
  }
}

/** @returns what tells how busy this thread and the machine are, since it was asked last */
export function machineLoad(): () => number {
  let before: EventLoopUtilization = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    // Where the system does not tell, it is 0.
    const [ofMachine = 0] = loadavg();
    return Math.max(utilization, ofMachine / availableParallelism() / 2);
  };
}
