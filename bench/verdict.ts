import type { BenchRow } from './report.ts';

/** What a contender's figure must be, as a multiple of another's. */
export interface Target {
  readonly workload: string;
  readonly metric: string;
  readonly contender: string;
  readonly baseline: string;
  readonly atMost: number;
}

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** Prints a line that says whether a target is met, with the figures. @returns whether it is */
export function printVerdict(rows: readonly BenchRow[], target: Target): boolean {
  const { workload, metric, contender, baseline, atMost } = target;
  const of = (name: string) =>
    rows.find((row) => row.workload === workload && row.metric === metric && row.contender === name)
      ?.value ?? Number.NaN;
  const ratio = of(contender) / of(baseline);
  const holds = ratio <= atMost;
  console.log(
    `${workload}, ${metric}: ${contender} ${number.format(of(contender))} is ${number.format(ratio)} × ` +
      `${baseline} ${number.format(of(baseline))}, ${number.format(atMost)} × allowed: ${holds ? 'holds' : 'FAILS'}`,
  );
  return holds;
}
