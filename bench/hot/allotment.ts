/** How long each contender of a workload warms up and runs. */
export interface RaceTimes {
  readonly warmUpMs: number;
  readonly roundMs: number;
}

/** What compiled code needs at least to settle at all, and a batch to be told from the timer. */
const FEWEST: RaceTimes = { warmUpMs: 40, roundMs: 5 };
/** More than this tells nothing more. */
const MOST: RaceTimes = { warmUpMs: 300, roundMs: 20 };

/** So many contenders warm up at a time. */
const WARM_AT_ONCE = 2;

/** Of the time that is left, the part that warms up: compiled code settles with calls. */
const WARM_UP_PART = 0.6;

/**
 * The time of a run that has to end in time on any machine: each workload gets the share of its
 * contenders in what is left, less what the processes of the last one took to start.
 */
export class Allotment {
  /** What the last race was given. */
  last: RaceTimes = FEWEST;
  readonly #endMs: number;
  readonly #rounds: number;
  #contendersLeft: number;
  /** Start, check and end of a contender's process; learnt from each race. */
  #overheadMs = 100;

  constructor(totalMs: number, contenders: number, rounds: number) {
    this.#endMs = performance.now() + totalMs;
    this.#contendersLeft = contenders;
    this.#rounds = rounds;
  }

  async spend<T>(contenders: number, race: (times: RaceTimes) => Promise<T>): Promise<T> {
    const times = this.#timesOfEach();
    this.last = times;
    const start = performance.now();
    const result = await race(times);
    const eachMs = (performance.now() - start) / contenders;
    this.#overheadMs = Math.max(0, eachMs - this.#plannedMs(times));
    this.#contendersLeft -= contenders;
    return result;
  }

  #timesOfEach(): RaceTimes {
    const leftMs = this.#endMs - performance.now();
    const eachMs = leftMs / Math.max(1, this.#contendersLeft) - this.#overheadMs;
    const within = (ms: number, name: keyof RaceTimes) =>
      Math.round(Math.min(MOST[name], Math.max(FEWEST[name], ms)));
    return {
      warmUpMs: within(WARM_UP_PART * eachMs * WARM_AT_ONCE, 'warmUpMs'),
      roundMs: within(((1 - WARM_UP_PART) * eachMs) / this.#rounds, 'roundMs'),
    };
  }

  #plannedMs({ warmUpMs, roundMs }: RaceTimes): number {
    return warmUpMs / WARM_AT_ONCE + roundMs * this.#rounds;
  }
}
