import { printColumns } from './columns.ts';
import type { BenchRow } from './report.ts';

/** Prints one metric, a line a workload and a column a contender. */
export function printPivot(rows: readonly BenchRow[], metric: string): void {
  const own = rows.filter((row) => row.metric === metric);
  const contenders = [...new Set(own.map(({ contender }) => contender))];
  const lines = [...new Set(own.map(({ workload }) => workload))].map((workload) => [
    workload,
    ...contenders.map((contender) => {
      const row = own.find((row) => row.workload === workload && row.contender === contender);
      return row === undefined ? '' : row.value.toFixed(2);
    }),
  ]);
  const columns = contenders.map((_, index) => index + 1);
  printColumns([[`${metric}, ${own[0]?.unit}`, ...contenders], ...lines], new Set(columns));
}
