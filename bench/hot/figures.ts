import type { BenchRow } from '../report.ts';

/** Measured rows, found by what they are about. */
export class Figures {
  readonly #rows: readonly BenchRow[];

  constructor(rows: readonly BenchRow[]) {
    this.#rows = rows;
  }

  value(workload: string, contender: string, metric: string): number | undefined {
    return this.#rows.find(
      (row) => row.workload === workload && row.contender === contender && row.metric === metric,
    )?.value;
  }

  /** How much less of a cost `contender` has than `baseline`: > 1 = it is better. */
  gain(workload: string, contender: string, baseline: string, metric: string): number | undefined {
    const own = this.value(workload, contender, metric);
    const other = this.value(workload, baseline, metric);
    return own === undefined || other === undefined ? undefined : other / own;
  }
}
