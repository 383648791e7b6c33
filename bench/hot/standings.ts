import { printColumns } from '../columns.ts';
import { formatNumber } from '../report.ts';
import type { Figures } from './figures.ts';
import type { Workload } from './workloads.ts';

const OURS = ['granary', 'granary-native'];

/** The share of the baseline's CPU up to which a win on wall time is one. */
const CPU_LIMIT = 2;

function cell(value: number | undefined): string {
  return value === undefined ? '' : formatNumber(value);
}

function ratio(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(2);
}

/** Prints a table a workload: × > 1 = faster, or less CPU, than the workload's baseline. */
export function printStandings(workloads: readonly Workload[], figures: Figures): void {
  for (const { name, contenders, baseline } of workloads) {
    const hasHitRatio = figures.value(name, baseline, 'hitRatio') !== undefined;
    const hasBytes = figures.value(name, baseline, 'bytes/entry') !== undefined;
    const header = [
      ...[name, 'ns/op', `× ${baseline}`, 'cpu-ns/op', '× of cpu'],
      ...(hasHitRatio ? ['hitRatio %'] : []),
      ...(hasBytes ? ['bytes/entry'] : []),
    ];
    const lines = contenders.map((contender) => {
      const value = (metric: string) => cell(figures.value(name, contender, metric));
      const gain = (metric: string) => ratio(figures.gain(name, contender, baseline, metric));
      return [
        ...[contender, value('ns/op'), gain('ns/op'), value('cpu-ns/op'), gain('cpu-ns/op')],
        ...(hasHitRatio ? [value('hitRatio')] : []),
        ...(hasBytes ? [value('bytes/entry')] : []),
      ];
    });
    printColumns([header, ...lines], new Set([1, 2, 3, 4, 5, 6]));
    console.log('');
  }
}

/** Names each row where a rival is better than granary. */
export function printRivalWins(workloads: readonly Workload[], figures: Figures): void {
  for (const { name, contenders } of workloads) {
    const wins = ['ns/op', 'cpu-ns/op', 'hitRatio', 'bytes/entry'].flatMap((metric) => {
      const own = figures.value(name, 'granary', metric);
      if (own === undefined) return [];
      const winners = contenders.flatMap((rival) => {
        const value = figures.value(name, rival, metric);
        if (OURS.includes(rival) || value === undefined) return [];
        const wins = metric === 'hitRatio' ? value > own : value < own;
        return wins ? [`${rival} ${formatNumber(value)}`] : [];
      });
      return winners.length === 0
        ? []
        : [`${metric} ${winners.join(', ')} against ${formatNumber(own)}`];
    });
    if (wins.length > 0) console.log(`a rival wins ${name}: ${wins.join('; ')}`);
  }
}

/** Names each row where we are faster, at more than twice the CPU. */
export function printCostlyWins(workloads: readonly Workload[], figures: Figures): void {
  const costly = workloads.flatMap(({ name, baseline }) =>
    OURS.flatMap((contender) => {
      const wall = figures.gain(name, contender, baseline, 'ns/op') ?? 0;
      const cpu = figures.gain(name, contender, baseline, 'cpu-ns/op') ?? 1;
      if (wall <= 1 || cpu * CPU_LIMIT >= 1) return [];
      return [`${contender} in ${name} (${(1 / cpu).toFixed(2)} × the CPU of ${baseline})`];
    }),
  );
  console.log(
    costly.length === 0
      ? 'no win on wall time costs more than twice the CPU'
      : `wins on wall time that cost more than twice the CPU: ${costly.join(', ')}`,
  );
}
