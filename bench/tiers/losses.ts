import { advantage, isLost, metricOf } from '../metrics.ts';
import { formatNumber, type BenchRow } from '../report.ts';

/** Prints a line for each row in which a rival is better than `own`, and one where there is none. */
export function printLosses(rows: readonly BenchRow[], own: string): void {
  let lost = 0;
  for (const row of rows.filter(({ contender }) => contender === own)) {
    const metric = metricOf(row.metric);
    if (metric === undefined) continue;
    const better = rows
      .filter(({ workload, metric: name }) => workload === row.workload && name === row.metric)
      .filter(({ value }) => isLost(metric, advantage(metric, row.value, value)))
      .map(({ contender, value }) => `${contender} (${formatNumber(value)})`);
    if (better.length === 0) continue;
    lost++;
    console.log(
      `${row.workload}, ${row.metric}: ${own} (${formatNumber(row.value)}) loses to ${better.join(', ')}`,
    );
  }
  if (lost === 0) console.log(`${own} loses no row`);
}
