/**
 * What stores of the same entries take of memory, each in a process of its own.
 *
 * Before anything is measured, all contenders must give the same answers. Ends with code 1 where
 * storage `native` keeps more than a tenth of the memory that it took after `clear()` and `sync()`.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, promisify } from 'node:util';
import { benchArguments } from '../arguments.ts';
import { Progress } from '../progress.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { CONTENDERS } from './contenders.ts';
import type { FillFigures } from './fill.ts';
import { KEY_BYTES, uriOf, WORKLOADS, type MemoryWorkload } from './workloads.ts';

const COMPARED = 500;
const CLEAR_LIMIT = 0.1;
const NATIVE = 'granary-native';
const FILL = fileURLToPath(new URL('fill.js', import.meta.url));

/** A young generation that grows with garbage would hide what is held. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=1'];

const { quick, json } = benchArguments();
const rounds = quick ? 1 : 3;
const run = promisify(execFile);

function compare(workload: MemoryWorkload): void {
  for (const [name, make] of CONTENDERS) {
    const store = make(workload);
    for (let index = 0; index < COMPARED; index++) {
      store.set(uriOf(index), workload.make(index));
      store.set(uriOf(index >> 1), workload.make(index));
    }
    for (let index = 0; index < 2 * COMPARED; index++) {
      // The first half was overwritten twice, by the values of 2 × index and of the one after that.
      const last = index < COMPARED / 2 ? 2 * index + 1 : index;
      const expected = index < COMPARED ? workload.make(last) : undefined;
      const found = store.get(uriOf(index));
      if (isDeepStrictEqual(found, expected)) continue;
      throw new Error(`${name} gives another value of ${uriOf(index)} than was set last`);
    }
    store.clear();
    if (store.get(uriOf(0)) !== undefined) throw new Error(`${name} keeps values after clear()`);
  }
}

async function measure(contender: string, workload: MemoryWorkload): Promise<FillFigures> {
  const { stdout } = await run(process.execPath, [...FLAGS, FILL, contender, workload.name]);
  return JSON.parse(stdout) as FillFigures;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function rowsOf(
  workload: MemoryWorkload,
  contender: string,
  all: readonly FillFigures[],
): BenchRow[] {
  const of = (name: keyof FillFigures) => median(all.map((figures) => figures[name]));
  const row = (metric: string, value: number, unit: string): BenchRow => ({
    workload: workload.name,
    contender,
    metric,
    value,
    unit,
  });
  const payload = KEY_BYTES + workload.valueBytes;
  return [
    row('rss-mb', of('rssBytes') / 1e6, 'MB'),
    row('heap-mb', of('heapBytes') / 1e6, 'MB'),
    row('bytes-per-entry', of('rssBytes') / workload.entries - payload, 'B'),
    row('after-clear-share', of('afterClearShare'), 'x'),
    ...(contender === NATIVE ? [row('overhead-bytes', of('overheadBytes'), 'B')] : []),
  ];
}

const progress = new Progress(WORKLOADS.length * (1 + CONTENDERS.size * rounds));
const rows: BenchRow[] = [];
for (const workload of WORKLOADS) {
  compare(workload);
  progress.step(`${workload.name}: the same answers`);
  const figures = new Map([...CONTENDERS.keys()].map((name) => [name, [] as FillFigures[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [contender, all] of figures) {
      all.push(await measure(contender, workload));
      progress.step(`${workload.name}: ${contender}, round ${round + 1} of ${rounds}`);
    }
  }
  for (const [contender, all] of figures) rows.push(...rowsOf(workload, contender, all));
}

printTable(rows, 'lru-cache');
for (const { name } of WORKLOADS) {
  for (const metric of ['rss-mb', 'heap-mb']) {
    const ranked = rows
      .filter((row) => row.workload === name && row.metric === metric)
      .toSorted((a, b) => a.value - b.value);
    const places = ranked.map(({ contender, value }) => `${contender} ${value.toFixed(1)}`);
    console.log(`${name}, ${metric}, least first: ${places.join(', ')}`);
  }
}
const shares = rows.filter(
  ({ contender, metric }) => contender === NATIVE && metric === 'after-clear-share',
);
const most = Math.max(...shares.map(({ value }) => value));
const holds = most <= CLEAR_LIMIT;
console.log(
  `storage native keeps ${(100 * most).toFixed(1)} % after clear() and sync(), ${100 * CLEAR_LIMIT} % allowed: ${holds ? 'holds' : 'FAILS'}`,
);
if (json !== undefined) {
  const meta = {
    bench: 'memory',
    quick,
    rounds,
    keyBytes: KEY_BYTES,
    nearEntries: 0,
    ...machine(),
  };
  writeReport(json, { meta, rows });
}
if (!holds) process.exitCode = 1;
