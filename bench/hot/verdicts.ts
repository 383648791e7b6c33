import type { Figures } from './figures.ts';

/** What granary must reach against lru-cache with a ttl. */
interface Goal {
  readonly workload: string;
  readonly contender: string;
  /** × its speed. */
  readonly gain: number;
  /** Percentage points above its share of hits. */
  readonly hitPoints?: number;
}

const RIVAL = 'lru-cache-ttl';

const GOALS: readonly Goal[] = [
  { workload: 'get-hit', contender: 'granary', gain: 1.2 },
  { workload: 'get-hit-parsed', contender: 'granary', gain: 1.2 },
  { workload: 'get-hit-random', contender: 'granary', gain: 1.1 },
  { workload: 'get-miss', contender: 'granary', gain: 1 },
  { workload: 'overwrite', contender: 'granary', gain: 2 },
  { workload: 'set-evict', contender: 'granary', gain: 1 },
  { workload: 'read-through-zipf', contender: 'granary', gain: 1.2, hitPoints: 2 },
  { workload: 'mixed-90-10', contender: 'granary', gain: 1.1 },
  { workload: 'get-hit', contender: 'granary-native', gain: 1 },
];

function verdict(holds: boolean): string {
  return holds ? 'holds' : 'FAILS';
}

/** Prints a line a goal whose workload was measured. */
export function printVerdicts(figures: Figures): void {
  for (const { workload, contender, gain, hitPoints } of GOALS) {
    const reached = figures.gain(workload, contender, RIVAL, 'ns/op');
    if (reached === undefined) continue;
    console.log(
      `${workload}: ${contender} ${reached.toFixed(2)} × ${RIVAL}, ${gain} asked: ${verdict(reached >= gain)}`,
    );
    if (hitPoints === undefined) continue;
    const own = figures.value(workload, contender, 'hitRatio') ?? Number.NaN;
    const other = figures.value(workload, RIVAL, 'hitRatio') ?? Number.NaN;
    console.log(
      `${workload}: ${contender} hits ${own.toFixed(2)} %, ${RIVAL} ${other.toFixed(2)} %, ${hitPoints} points more asked: ${verdict(own >= other + hitPoints)}`,
    );
  }
}

/** Prints for each size whether granary's curve stays under its rival's. */
export function printGrowthVerdicts(workloads: readonly string[], figures: Figures): void {
  for (const workload of workloads) {
    for (const metric of ['ns/op', 'bytes/entry']) {
      const reached = figures.gain(workload, 'granary', RIVAL, metric);
      if (reached === undefined) continue;
      console.log(
        `${workload}: ${metric} of granary ${(1 / reached).toFixed(2)} × that of ${RIVAL}, 1 allowed: ${verdict(reached >= 1)}`,
      );
    }
  }
}
