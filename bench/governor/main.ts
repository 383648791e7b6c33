/**
 * What it costs to govern an execution on this thread, against knowing whose code runs (AsyncLocalStorage) alone.
 *
 * Each round is a process of its own; contenders take turns. Every execution must return what its code does, and all must
 * be in the books of who keeps them; else the code is 1.
 */
import { benchArguments } from '../arguments.ts';
import { runForFigures } from '../child-program.ts';
import { Progress } from '../progress.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import { CONTENDERS } from './contenders.ts';
import type { RunFigures, RunTask } from './run.ts';
import { WORKLOADS } from './workloads.ts';

const RUN = new URL('run.js', import.meta.url);
/** Of our own, on top of AsyncLocalStorage, for one of 10,000 at the same time, in µs. */
const MOST_OWN_US = 3;

const { quick, json } = benchArguments();
const rounds = quick ? 7 : 15;
/** A batch of 100 is over sooner. */
const batchesOf = (concurrent: number): number =>
  Math.round(((quick ? 8 : 40) * 10_000) / concurrent ** 0.9 / 2.5);

const names = [...CONTENDERS.keys()];
const progress = new Progress(WORKLOADS.size * rounds * names.length);
const rows: BenchRow[] = [];

for (const [workload, { concurrent }] of WORKLOADS) {
  const figures = new Map(names.map((name) => [name, [] as RunFigures[]]));
  for (let round = 0; round < rounds; round++) {
    const first = round % names.length;
    for (const contender of [...names.slice(first), ...names.slice(0, first)]) {
      const task: RunTask = { contender, workload, batches: batchesOf(concurrent) };
      figures.get(contender)?.push(await runForFigures<RunFigures>(RUN, [JSON.stringify(task)]));
      progress.step(`${workload}: ${contender}, round ${round + 1} of ${rounds}`);
    }
  }
  for (const [contender, found] of figures) {
    const row = (metric: string, value: number): void =>
      void rows.push({ workload, contender, metric, value, unit: 'us' });
    row('us/execution', median(found.map(({ wallUs }) => wallUs)));
    row('cpu-us/execution', median(found.map(({ cpuUs }) => cpuUs)));
  }
}

printTable(rows, 'granary');
const value = (contender: string): number =>
  rows.find(
    (row) =>
      row.workload === 'concurrent-10000' &&
      row.metric === 'us/execution' &&
      row.contender === contender,
  )?.value ?? Number.NaN;
const ownUs = value('granary') - value('als');
console.log(
  `concurrent-10000: granary takes ${ownUs.toFixed(2)} µs more than als, ${MOST_OWN_US} allowed: ` +
    (ownUs <= MOST_OWN_US ? 'holds' : 'FAILS'),
);
if (json !== undefined) {
  writeReport(json, { meta: { bench: 'governor', quick, rounds, ...machine() }, rows });
}
