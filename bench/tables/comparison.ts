import { advantage, isLost, metricOf, type Metric } from '../metrics.ts';
import type { StoredReport } from './stored-report.ts';

/** One of our figures beside the same figure of somebody else. */
export interface Comparison {
  readonly workload: string;
  readonly metricName: string;
  readonly metric: Metric;
  readonly subject: string;
  readonly own: number;
  readonly rival: string;
  readonly other: number;
  readonly unit: string;
  /** In what `metric.by` says. */
  readonly advantage: number;
  readonly lost: boolean;
}

/** Holds `subject` against `rival`; `undefined` where one has no such figure, or nobody is better. */
export function comparison(
  report: StoredReport,
  {
    workload,
    metric: metricName,
    subject,
    rival,
  }: Readonly<Record<'workload' | 'metric' | 'subject' | 'rival', string>>,
): Comparison | undefined {
  const metric = metricOf(metricName);
  const own = report.value(workload, subject, metricName);
  const other = report.value(workload, rival, metricName);
  if (metric === undefined || own === undefined || other === undefined) return undefined;
  const value = advantage(metric, own, other);
  return {
    ...{ workload, metricName, metric, subject, own, rival, other },
    unit: report.unit(metricName),
    advantage: value,
    lost: isLost(metric, value),
  };
}

/** All that a contender of ours loses, to any rival; floors are none. */
export function losses(report: StoredReport, subject: string): Comparison[] {
  const { subjects, floors } = report.bench;
  return report.metrics.flatMap((metric) => {
    const rivals = report
      .contenders(metric)
      .filter((name) => !subjects.includes(name) && !floors.includes(name));
    return report.workloads(metric).flatMap((workload) =>
      rivals.flatMap((rival) => {
        const found = comparison(report, { workload, metric, subject, rival });
        return found?.lost === true ? [found] : [];
      }),
    );
  });
}

/** From how many times the CPU on a win of wall time is told. */
const COSTLY = 2;

export interface CostlyWin {
  readonly workload: string;
  readonly subject: string;
  readonly wall: number;
  /** How many times the CPU of the baseline. */
  readonly cpu: number;
}

/** Wins against the baseline on wall time that take at least twice its CPU. */
export function costlyWins(report: StoredReport): CostlyWin[] {
  const { subjects, baseline: rival } = report.bench;
  return subjects.flatMap((subject) =>
    report.workloads('ns/op').flatMap((workload) => {
      const wall = comparison(report, { workload, metric: 'ns/op', subject, rival });
      const cpu = comparison(report, { workload, metric: 'cpu-ns/op', subject, rival });
      if (wall === undefined || cpu === undefined) return [];
      if (wall.lost || 1 / cpu.advantage < COSTLY) return [];
      return [{ workload, subject, wall: wall.advantage, cpu: 1 / cpu.advantage }];
    }),
  );
}
