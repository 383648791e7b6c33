/** One of the programs that a workload compares. */
export interface Contender {
  readonly name: string;
  /** Does the operation `count` times, and returns something that depends on all of them. */
  run(count: number): number;
}

export interface RoundsOptions {
  /** How often each contender is measured; the medians are over these. */
  readonly rounds: number;
  /** How long one measurement lasts at least, ms; a contender's count of operations follows from it. */
  readonly roundMs: number;
  /** Told after every measurement. */
  readonly onMeasured?: (contender: string, round: number) => void;
}

/** Keeps what was computed, so that no engine may leave the computation out. */
let sink = 0;

function elapsedMs(contender: Contender, count: number): number {
  const start = performance.now();
  sink = (sink + contender.run(count)) % 1_000_003;
  return performance.now() - start;
}

/** Also the warm-up: every contender is optimised before the first round. */
function countFor(contender: Contender, roundMs: number): number {
  let count = 1;
  for (;;) {
    const ms = elapsedMs(contender, count);
    if (ms >= roundMs) return count;
    count = Math.ceil(count * Math.min(4, (1.2 * roundMs) / Math.max(ms, roundMs / 100)));
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Measures the contenders in turns, another one first in every round, so that what the machine does
 * meanwhile falls on all alike.
 *
 * @returns the median ns of one operation, by contender.
 */
export function medianNs(
  contenders: readonly Contender[],
  { rounds, roundMs, onMeasured }: RoundsOptions,
): Map<string, number> {
  const runs = contenders.map((contender) => ({
    contender,
    count: countFor(contender, roundMs),
    ns: [] as number[],
  }));
  for (let round = 0; round < rounds; round++) {
    const first = round % runs.length;
    for (const { contender, count, ns } of [...runs.slice(first), ...runs.slice(0, first)]) {
      ns.push((elapsedMs(contender, count) * 1e6) / count);
      onMeasured?.(contender.name, round);
    }
  }
  return new Map(runs.map(({ contender, ns }) => [contender.name, median(ns)]));
}
