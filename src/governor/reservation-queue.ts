import type { ExecutionFeatures, ExpectedUse } from './prediction/tool-prediction.ts';
import type { GovernedTool } from './governed-tool.ts';

/** An execution that has not begun. */
export interface WaitingExecution {
  readonly tool: GovernedTool;
  readonly features: ExecutionFeatures;
  readonly sinceMs: number;
  /** How many that came later have begun. */
  overtaken: number;
  /** What it needed when it was last looked at, and how much its tool had learned by then. */
  expected: ExpectedUse | undefined;
  learned: number;
  /** What was missing then, in words and numbers. */
  lack: string | undefined;
  begin(expected: ExpectedUse): void;
  giveUp(reason: unknown): void;
}

/** So many may overtake one that does not fit; then those behind it wait for it. */
const MOST_OVERTAKES = 8;
/** And only within this time. */
const OVERTAKEN_MS = 2_000;
/** Nobody looks further down a long queue for one that fits. */
const MOST_LOOKS = 64;

/**
 * Executions that wait until what they need is there, in the order in which they came: a smaller one may overtake a larger
 * one that does not fit yet, but only a few do, so that a large one is never left behind for good.
 */
export class ReservationQueue {
  readonly #waiting: WaitingExecution[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  sizeOf(tool: GovernedTool): number {
    let count = 0;
    for (const waiting of this.#waiting) if (waiting.tool === tool) count++;
    return count;
  }

  add(waiting: WaitingExecution): void {
    this.#waiting.push(waiting);
  }

  /** @returns whether it was waiting */
  remove(waiting: WaitingExecution): boolean {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  /**
   * Takes the next that may begin out of the queue.
   *
   * @param fits - whether there is what it needs
   */
  next(nowMs: number, fits: (waiting: WaitingExecution) => boolean): WaitingExecution | undefined {
    const looks = Math.min(this.#waiting.length, MOST_LOOKS);
    for (let at = 0; at < looks; at++) {
      const waiting = this.#waiting[at]!;
      if (fits(waiting)) {
        for (let before = 0; before < at; before++) this.#waiting[before]!.overtaken++;
        this.#waiting.splice(at, 1);
        return waiting;
      }
      if (waiting.overtaken >= MOST_OVERTAKES || nowMs - waiting.sinceMs >= OVERTAKEN_MS) break;
    }
    return undefined;
  }

  /** Takes all out, or those of a tool. */
  clear(tool?: GovernedTool): readonly WaitingExecution[] {
    const gone = this.#waiting.filter((waiting) => tool === undefined || waiting.tool === tool);
    const left = this.#waiting.filter((waiting) => !gone.includes(waiting));
    this.#waiting.splice(0, this.#waiting.length, ...left);
    return gone;
  }
}
