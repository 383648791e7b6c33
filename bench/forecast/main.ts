/**
 * How well what comes next in a series is forecast: from origins spread over its second half, each knowing
 * only what was before. All contenders are told the same season: what the autocorrelation shows, or a day.
 *
 * Without `--trace FILE` it takes the series of bench:limits. `--quick` has fewer origins. That granary's
 * median scaled error is below those of seasonal-naive and of a straight line is printed, and changes no
 * code: it is a figure.
 */
import { performance } from 'node:perf_hooks';
import { refuseArguments } from '../arguments.ts';
import { syntheticSeries } from '../limits/synthetic-series.ts';
import { readUsageSeries, UsageSeriesError, type UsageSeries } from '../limits/usage-series.ts';
import { TRACE_USAGE, traceArguments } from '../limits/trace-arguments.ts';
import { printPivot } from '../pivot.ts';
import { Progress } from '../progress.ts';
import { machine, writeReport, type BenchRow } from '../report.ts';
import { CONTENDERS } from './contenders.ts';
import { agree } from './agreement.ts';
import { origins, type Origin } from './origins.ts';

/** An hour and six, at a sample in five minutes. */
const HORIZONS = [12, 72] as const;
const LEVEL = 0.9;
const RIVALS = ['seasonal-naive', 'straight-line'] as const;

const { quick, json, traces } = traceArguments();
const ORIGINS = quick ? 10 : 40;

function load(): UsageSeries[] {
  const least = 4 * Math.max(...HORIZONS);
  try {
    const all = traces.length === 0 ? syntheticSeries() : traces.map(readUsageSeries);
    const short = all.find(({ values }) => values.length < least);
    if (short === undefined) return all;
    throw new UsageSeriesError(`${short.name} has ${short.values.length} samples, not ${least}`);
  } catch (error) {
    if (error instanceof UsageSeriesError) refuseArguments(error, TRACE_USAGE);
    throw error;
  }
}

/** Of one contender on one series. */
interface Figures {
  readonly mase: number;
  readonly mdase: number;
  /** Share of samples in the interval. */
  readonly coverage: number | undefined;
  readonly microseconds: number;
}

async function judge(contender: string, all: readonly Origin[]): Promise<Figures> {
  const errors: number[] = [];
  const taken: number[] = [];
  let [held, bounded] = [0, 0];
  for (const { question, truth, scale } of all) {
    const begin = performance.now();
    // One at a time, so that its time is its own.
    const { point, interval } = await CONTENDERS.get(contender)!(question);
    taken.push(1_000 * (performance.now() - begin));
    for (const [step, value] of truth.entries()) {
      errors.push(Math.abs(value - point[step]!) / scale);
      if (interval === undefined) continue;
      bounded++;
      if (interval[0][step]! <= value && value <= interval[1][step]!) held++;
    }
  }
  return {
    mase: mean(errors),
    mdase: median(errors),
    coverage: bounded === 0 ? undefined : held / bounded,
    microseconds: median(taken),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

const all = load();
const contenders = [...CONTENDERS.keys()];
const progress = new Progress(all.length * HORIZONS.length * contenders.length);
const rows: BenchRow[] = [];
for (const horizon of HORIZONS) {
  const bySeries = new Map<string, Figures[]>(contenders.map((name) => [name, []]));
  for (const series of all) {
    const asked = origins(series, ORIGINS, horizon, LEVEL);
    if (asked.length === 0) {
      console.error(`${series.name} never changes before an origin: left out`);
      continue;
    }
    await agree(asked.map(({ question }) => question));
    for (const contender of contenders) {
      const figures = await judge(contender, asked);
      bySeries.get(contender)!.push(figures);
      const workload = `${series.name}@${horizon}`;
      rows.push({ workload, contender, metric: 'mase', value: figures.mase, unit: '' });
      progress.step(`${workload}: ${contender}`);
    }
  }
  for (const [contender, figures] of bySeries) {
    if (figures.length === 0) continue;
    const middle = (metric: string, unit: string, of: (each: Figures) => number): BenchRow => ({
      workload: `all@${horizon}`,
      ...{ contender, metric, value: median(figures.map(of)), unit },
    });
    rows.push(
      middle('mase', '', ({ mase }) => mase),
      middle('mdase', '', ({ mdase }) => mdase),
      middle('us/forecast', 'µs', ({ microseconds }) => microseconds),
    );
    if (figures[0]!.coverage !== undefined) {
      rows.push(middle('coverage', '%', ({ coverage }) => 100 * coverage!));
    }
  }
}

for (const metric of ['mase', 'mdase', 'coverage', 'us/forecast']) {
  printPivot(rows, metric);
  console.log();
}
for (const horizon of HORIZONS) {
  for (const metric of ['mase', 'mdase']) {
    const of = (contender: string): number =>
      rows.find(
        (row) =>
          row.workload === `all@${horizon}` && row.metric === metric && row.contender === contender,
      )?.value ?? Number.NaN;
    const others = RIVALS.map((rival) => `${of(rival).toFixed(3)} of ${rival}`).join(' and ');
    const holds = RIVALS.every((rival) => of('granary') < of(rival));
    console.log(
      `${horizon} samples ahead: granary's median ${metric} is ${of('granary').toFixed(3)}, below ` +
        `${others}: ${holds ? 'holds' : 'FAILS'}`,
    );
  }
}
if (json !== undefined) {
  const meta = { bench: 'forecast', quick, series: all.length, origins: ORIGINS, level: LEVEL };
  writeReport(json, { meta: { ...meta, ...machine() }, rows });
}
