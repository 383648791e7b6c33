/**
 * What limits cost and what they stop: series of use replayed whole, each limit knowing only what was
 * before.
 *
 * Without `--trace FILE` it takes series made here, of each kind that a limit meets. How granary stands
 * against the highest of a day is printed for each group of series, which is a name up to its first `_`,
 * and changes no code: it is a figure. `--quick` leaves nothing out, since a part of a series is another
 * series.
 */
import { refuseArguments } from '../arguments.ts';
import { TRACE_USAGE, traceArguments } from './trace-arguments.ts';
import { printPivot } from '../pivot.ts';
import { Progress } from '../progress.ts';
import { machine, writeReport, type BenchRow } from '../report.ts';
import { CONTENDERS } from './contenders.ts';
import { replay } from './replay.ts';
import { syntheticSeries } from './synthetic-series.ts';
import { readUsageSeries, UsageSeriesError, type UsageSeries } from './usage-series.ts';

const BASELINE = 'max-24h';

const { quick, json, traces } = traceArguments();

function load(): UsageSeries[] {
  try {
    return traces.length === 0 ? syntheticSeries() : traces.map(readUsageSeries);
  } catch (error) {
    if (error instanceof UsageSeriesError) refuseArguments(error, TRACE_USAGE);
    throw error;
  }
}

const all = load();
const progress = new Progress(all.length * CONTENDERS.size);
const rows: BenchRow[] = [];
for (const series of all) {
  for (const [contender, make] of CONTENDERS) {
    const figures = replay(series, make(series));
    const row = (metric: string, value: number, unit: string): BenchRow => ({
      workload: series.name,
      ...{ contender, metric, value, unit },
    });
    rows.push(
      row('slack', figures.slack, ''),
      row('violations', figures.violations, ''),
      row('episodes-per-day', figures.episodesPerDay, ''),
      row('changes-per-day', figures.changesPerDay, ''),
      row('cover-seconds', figures.coverSeconds, 's'),
    );
    progress.step(`${series.name}: ${contender}`);
  }
}

function mean(group: string, contender: string, metric: string): number {
  const values = rows.flatMap((row) =>
    row.contender === contender && row.metric === metric && groupOf(row.workload) === group
      ? [row.value]
      : [],
  );
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function groupOf(workload: string): string {
  return workload.split('_')[0] ?? workload;
}

const groups = [...new Set(all.map(({ name }) => groupOf(name)))];
for (const metric of ['slack', 'violations', 'episodes-per-day', 'changes-per-day']) {
  const percent = metric === 'slack' || metric === 'violations' ? 100 : 1;
  const means = groups.flatMap((group) =>
    Array.from(CONTENDERS.keys(), (contender) => ({
      workload: `mean of ${group}`,
      contender,
      metric,
      value: percent * mean(group, contender, metric),
      unit: percent === 1 ? 'a day' : '%',
    })),
  );
  printPivot(means, metric);
  console.log();
}
for (const group of groups) {
  const [slack, violations] = ['slack', 'violations'].map(
    (metric) => mean(group, 'granary', metric) / mean(group, BASELINE, metric),
  ) as [number, number];
  const changes = mean(group, 'granary', 'changes-per-day');
  const holds = violations <= 0.8 && slack <= 1 && changes <= 6;
  console.log(
    `${group}: granary has ${violations.toFixed(2)} × the violations of ${BASELINE} (0.8 allowed) at ` +
      `${slack.toFixed(3)} × its slack (1 allowed), ${changes.toFixed(1)} changes a day (6 allowed): ` +
      (holds ? 'holds' : 'FAILS'),
  );
}
if (json !== undefined) {
  writeReport(json, { meta: { bench: 'limits', quick, series: all.length, ...machine() }, rows });
}
