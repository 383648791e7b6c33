import type { BenchRow } from '../report.ts';
import { CONTENDERS, MOKA, OPTIMAL } from './contenders.ts';

/** A trace this many times as long as the cache is large gives a policy the time to learn. */
const LONG = 50;
const ALLOWED_BELOW_BETTER = 1.5;
const ALLOWED_BELOW_BETTER_SHORT = 5;
const ALLOWED_BELOW_SETTLED = 3;

/** A workload by its name, and how many times its capacity its trace is long. */
export interface WorkloadLength {
  readonly name: string;
  readonly capacities: number;
}

/** Lines that hold the adaptive policy against what it promises, and means over all workloads. */
export function verdicts(rows: readonly BenchRow[], lengths: readonly WorkloadLength[]): string[] {
  const of = (workload: string, contender: string, metric = 'hitRatio'): number =>
    rows.find(
      (row) => row.workload === workload && row.contender === contender && row.metric === metric,
    )?.value ?? Number.NaN;
  const better = (name: string) => Math.max(of(name, 'lru-cache'), of(name, MOKA));
  const granary = (name: string) => of(name, 'granary');

  const all = lengths.map(({ name }) => name);
  const long = lengths.filter(({ capacities }) => capacities >= LONG).map(({ name }) => name);
  const short = all.filter((name) => !long.includes(name));
  const lines = long.map(
    (name) =>
      `${name}: granary ${shown(granary(name))}, the better of lru-cache and moka ` +
      `${shown(better(name))}, ${ALLOWED_BELOW_BETTER} below allowed: ` +
      verdict(granary(name) >= better(name) - ALLOWED_BELOW_BETTER),
  );
  if (short.length > 0) {
    const ours = meanOf(short, granary);
    const theirs = meanOf(short, better);
    lines.push(
      `mean of ${short.join(', ')} (shorter than ${LONG} times the capacity): granary ` +
        `${shown(ours)}, the better of lru-cache and moka ${shown(theirs)}, ` +
        `${ALLOWED_BELOW_BETTER_SHORT} below allowed: ` +
        verdict(ours >= theirs - ALLOWED_BELOW_BETTER_SHORT),
    );
  }
  for (const name of all) {
    const live = of(name, 'granary', 'hitRatioLive');
    lines.push(
      `${name}: granary live ${shown(live)}, settled ${shown(granary(name))}, ` +
        `${ALLOWED_BELOW_SETTLED} below allowed: ` +
        verdict(live >= granary(name) - ALLOWED_BELOW_SETTLED),
    );
  }
  const means = CONTENDERS.map((name) => ({
    name,
    settled: meanOf(all, (workload) => of(workload, name)),
  }));
  for (const { name, settled } of means)
    lines.push(`mean of all workloads: ${name} ${shown(settled)}`);
  const ours = meanOf(all, granary);
  const rivals = means.filter(({ name }) => name !== OPTIMAL && !name.startsWith('granary'));
  lines.push(
    `mean of all workloads, granary above every rival: ${verdict(rivals.every(({ settled }) => ours > settled))}`,
  );
  return lines;
}

function meanOf(names: readonly string[], value: (name: string) => number): number {
  return names.reduce((sum, name) => sum + value(name), 0) / names.length;
}

function shown(percent: number): string {
  return `${percent.toFixed(2)} %`;
}

function verdict(holds: boolean): string {
  return holds ? 'holds' : 'FAILS';
}
