import { metricOf } from '../metrics.ts';
import type { ChartPlan } from '../suite/benches.ts';
import { comparison } from '../tables/comparison.ts';
import { figure } from '../tables/markdown.ts';
import type { StoredReport } from '../tables/stored-report.ts';
import { barPanels, type BarPanel, type BarStyle } from './bar-panels.ts';
import { paretoPoints } from './pareto-points.ts';
import { growthLines, type GrowthLine } from './growth-lines.ts';

/** `get-hit-random@1000` is of 1,000 entries; `resolve@10000 / resolve@10` is none of these. */
const SIZED = /^(.+)@(\d+)$/;

/** From how many times the least value on an axis is logarithmic. */
const WIDE_SPREAD = 50;

/** The charts of a bench, by file name; what the report has no figures for is left out. */
export function drawCharts(report: StoredReport): Map<string, string> {
  const charts = report.bench.charts.flatMap((plan): [string, string][] => {
    const svg = draw(report, plan);
    return svg === undefined ? [] : [[`${report.bench.name}${plan.suffix}.svg`, svg]];
  });
  return new Map(charts);
}

function draw(report: StoredReport, plan: ChartPlan): string | undefined {
  switch (plan.kind) {
    case 'ratios':
      return drawRatios(report, plan.metric);
    case 'bars':
      return drawBars(report, plan.metrics ?? report.metrics, plan.scale);
    case 'growth':
      return drawGrowth(report, plan);
    case 'pareto':
      return drawPareto(report, plan);
  }
}

function drawRatios(report: StoredReport, metric: string): string | undefined {
  const { subjects, baseline: rival } = report.bench;
  const bars = unsized(report, metric).flatMap((workload) =>
    subjects.flatMap((subject) => {
      const found = comparison(report, { workload, metric, subject, rival });
      if (found === undefined || !Number.isFinite(found.advantage)) return [];
      const { advantage, lost } = found;
      return {
        label: `${workload}, ${subject}`,
        value: advantage,
        caption: `${advantage.toFixed(2)} ×${lost ? ' (loses)' : ''}`,
        style: ratioStyle(lost, subject === subjects[0]),
      };
    }),
  );
  if (bars.length === 0) return undefined;
  const panel: BarPanel = {
    title: '',
    axis: `${rival} / granary, × (more is better for granary)`,
    scale: 'linear',
    bars,
    reference: { value: 1, label: rival },
  };
  const subject = metricOf(metric)?.label ?? metric;
  return barPanels({
    title: `${report.bench.name}: ${subject}, against ${rival}`,
    key: 'green: granary wins (pale: native storage); red: granary loses',
    panels: [panel],
  });
}

/** Workloads that no growth chart of the metric shows. */
function unsized(report: StoredReport, metric: string): string[] {
  const grows = report.bench.charts.some(
    (plan) => plan.kind === 'growth' && plan.metric === metric,
  );
  return report.workloads(metric).filter((workload) => !grows || !SIZED.test(workload));
}

function ratioStyle(lost: boolean, isFirst: boolean): BarStyle {
  if (lost) return 'lost';
  return isFirst ? 'subject' : 'ours';
}

function drawBars(
  report: StoredReport,
  metrics: readonly string[],
  scale: 'linear' | 'log',
): string | undefined {
  const panels = metrics.flatMap((metric) =>
    unsized(report, metric).map((workload): BarPanel => {
      const bars = report.contenders(metric).flatMap((contender) => {
        const value = report.value(workload, contender, metric);
        if (value === undefined) return [];
        return {
          label: contender,
          value,
          caption: figure(value),
          style: styleOf(report, contender),
        };
      });
      return { title: workload, axis: axisOf(report, metric), scale, bars };
    }),
  );
  if (panels.length === 0) return undefined;
  return barPanels({
    title: titleOf(report, metrics),
    key: 'green: granary (pale: other settings of it); grey: others; light grey: what nobody can pass',
    panels,
  });
}

function styleOf(report: StoredReport, contender: string): BarStyle {
  const { bench } = report;
  if (isOurs(report, contender)) return 'subject';
  if (contender.startsWith('granary')) return 'ours';
  return bench.floors.includes(contender) ? 'floor' : 'rival';
}

function isOurs({ bench }: StoredReport, contender: string): boolean {
  return bench.subjects.includes(contender);
}

function titleOf({ bench }: StoredReport, metrics: readonly string[]): string {
  const labels = metrics.map((metric) => metricOf(metric)?.label ?? metric);
  return metrics.length === 1 ? `${bench.name}: ${labels.join()}` : bench.name;
}

function axisOf(report: StoredReport, metric: string): string {
  const known = metricOf(metric);
  const direction = known === undefined ? '' : `; ${known.better} is better`;
  const unit = report.unit(metric);
  return `${known?.label ?? metric}${unit === '' ? '' : `, ${unit}`}${direction}`;
}

function drawGrowth(
  report: StoredReport,
  { metric, counted }: Extract<ChartPlan, { kind: 'growth' }>,
): string | undefined {
  const sized = report.workloads(metric).flatMap((workload) => {
    const [, name, size] = SIZED.exec(workload) ?? [];
    return name === undefined ? [] : [{ workload, name, size: Number(size) }];
  });
  const [first] = sized;
  if (first === undefined) return undefined;
  const lines = report.contenders(metric).flatMap((label): GrowthLine[] => {
    const points = sized.flatMap(({ workload, size }) => {
      const value = report.value(workload, label, metric);
      return value === undefined ? [] : [[size, value] as const];
    });
    return points.length === 0 ? [] : [{ label, points, isOurs: isOurs(report, label) }];
  });
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const isWide = Math.min(...values) > 0 && Math.max(...values) > WIDE_SPREAD * Math.min(...values);
  return growthLines({
    title: `${report.bench.name}: ${first.name} by number of ${counted}`,
    counted: `${counted} (logarithmic)`,
    axis: axisOf(report, metric),
    scale: isWide ? 'log' : 'linear',
    lines,
  });
}

/** Each contender by its means over the workloads of one group; `undefined` where there are none. */
function drawPareto(
  report: StoredReport,
  { x, y, group }: Extract<ChartPlan, { kind: 'pareto' }>,
): string | undefined {
  const mean = (metric: string, contender: string): number => {
    const values = report
      .workloads(metric)
      .filter((workload) => workload.startsWith(group))
      .flatMap((workload) => report.value(workload, contender, metric) ?? []);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const points = report.contenders(x).flatMap((label) => {
    const point = { label, isOurs: isOurs(report, label), x: mean(x, label), y: mean(y, label) };
    return Number.isFinite(point.x) && Number.isFinite(point.y) ? [point] : [];
  });
  if (points.length === 0) return undefined;
  return paretoPoints({
    title: `${report.bench.name}: means of ${group}*`,
    xAxis: axisOf(report, x),
    yAxis: axisOf(report, y),
    points,
  });
}
