/**
 * How much a process of 512 MB gets done when each execution is let in by what it is expected to need, against plain caps
 * of how many run at a time.
 *
 * Each round runs the same jobs with every contender, each in a process of its own; the best cap is the one that got most
 * done of those that never went beyond the limit in any round. Every answer must be right, else the code is 1; the target
 * is printed, and changes no code: it is a figure.
 */
import { benchArguments } from '../arguments.ts';
import { Progress } from '../progress.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import { CONTENDERS } from './contenders.ts';
import { limitedRun, type LimitedRun } from './limited-run.ts';

const WORKLOAD = 'mixed-threads';
const SUBJECT = 'granary';
const WANTED_RATIO = 1.2;
const MS_PER_MINUTE = 60_000;
const MIB = 1_048_576;

const { quick, json } = benchArguments();
const rounds = quick ? 1 : 7;
const jobs = quick ? 12 : 40;
const warmUpJobs = quick ? 10 : 20;

const names = [...CONTENDERS.keys()];
const progress = new Progress(rounds * names.length);
const runs = new Map(names.map((name) => [name, [] as LimitedRun[]]));
for (let round = 0; round < rounds; round++) {
  const first = round % names.length;
  for (const contender of [...names.slice(first), ...names.slice(0, first)]) {
    const task = { contender, kind: 'worker', warmUpJobs, jobs, seed: round + 1 } as const;
    runs.get(contender)?.push(await limitedRun(task));
    progress.step(`${contender}, round ${round + 1} of ${rounds}`);
  }
}

const of = (name: string, figure: (run: LimitedRun) => number): number[] =>
  (runs.get(name) ?? []).map(figure);
const perMinute = ({ elapsedMs }: LimitedRun): number => (jobs / elapsedMs) * MS_PER_MINUTE;
const doneBy = (name: string): number => median(of(name, perMinute));
const excessesOf = (name: string): number =>
  of(name, ({ outOfMemory }) => outOfMemory).reduce((sum, count) => sum + count, 0);

const caps = names.filter((name) => name !== SUBJECT);
const safe = caps.filter((name) => excessesOf(name) === 0);
const [best] = safe.toSorted((one, other) => doneBy(other) - doneBy(one));

const rows: BenchRow[] = [];
function report(contender: string, name: string): void {
  const row = (metric: string, value: number, unit: string): void =>
    void rows.push({ workload: WORKLOAD, contender, metric, value, unit });
  row('completed-per-minute', doneBy(name), 'a minute');
  row('out-of-memory', excessesOf(name), '');
  row('peak-mb', Math.max(...of(name, ({ peakBytes }) => peakBytes)) / MIB, 'MiB');
  row('p99-wait-ms', median(of(name, ({ waitsMs }) => p99(waitsMs))), 'ms');
}
for (const name of names) report(name, name);
if (best !== undefined) report('cap-best', best);

printTable(rows, 'cap-best');
const ratios = (runs.get(SUBJECT) ?? []).map(
  (run, round) => perMinute(run) / (of(best ?? '', perMinute)[round] ?? Number.NaN),
);
const [ratio, excesses] = [median(ratios), excessesOf(SUBJECT)];
console.log(
  `${WORKLOAD}: the best cap without an out-of-memory is ${best ?? 'none'}; granary completes ` +
    `${ratio.toFixed(2)} × as much (${WANTED_RATIO} wanted; by round ${ratios.map((one) => one.toFixed(2)).join(' ')}) ` +
    `with ${excesses} out-of-memory (0 wanted): ` +
    (ratio >= WANTED_RATIO && excesses === 0 ? 'holds' : 'FAILS'),
);
if (json !== undefined) {
  writeReport(json, {
    meta: { bench: 'admission', quick, rounds, warmUpJobs, jobs, best, ...machine() },
    rows,
  });
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.NaN;
}
