/**
 * What a large cache costs the event loop and the JS heap: a store whose values are objects of the
 * heap against one whose values are not.
 *
 * Before anything is measured, all contenders must give the same answers. The targets are printed;
 * the code is 1 where an answer of granary is wrong.
 */
import { isDeepStrictEqual } from 'node:util';
import { benchArguments } from '../arguments.ts';
import { runForFigures, runProgram } from '../child-program.ts';
import { Progress } from '../progress.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import { printVerdict } from '../verdict.ts';
import { CONTENDERS } from './contenders.ts';
import type { MillionFigures } from './million.ts';
import { readResult, uriOf } from './read-results.ts';
import type { ReplacementFigures } from './replacement.ts';

const REPLACEMENT = new URL('replacement.js', import.meta.url);
const MILLION = new URL('million.js', import.meta.url);
const REPLACE_40 = 'replace-40-per-ms';
const MILLION_OF_1KB = 'million-of-1kb';
const HEAP_LIMIT_MB = 512;
const COMPARED = 500;
/** Whoever needs so much longer than the run could not keep up. */
const LATE_SHARE = 0.02;

/** In the figures of granary-native, as multiples of lru-cache's. */
const TARGETS = { 'p99-ms': 1 / 4, 'gc-ms': 1 / 4, 'rss-mb': 0.7, 'heap-mb': 0.1 } as const;

const { quick, json } = benchArguments();
const rounds = quick ? 1 : 3;
const seconds = quick ? 2 : 15;

function compare(): void {
  for (const [name, make] of CONTENDERS) {
    const store = make(2 * COMPARED);
    for (let index = 0; index < COMPARED; index++) {
      store.set(uriOf(index), readResult(index));
      store.set(uriOf(index >> 1), readResult(index));
    }
    for (let index = 0; index < 2 * COMPARED; index++) {
      // The first half was overwritten twice, by the values of 2 × index and of the one after that.
      const last = index < COMPARED / 2 ? 2 * index + 1 : index;
      const expected = index < COMPARED ? readResult(last) : undefined;
      if (isDeepStrictEqual(store.get(uriOf(index)), expected)) continue;
      throw new Error(`${name} gives another value of ${uriOf(index)} than was set last`);
    }
    store.clear();
  }
}

function replacementRows(contender: string, all: readonly ReplacementFigures[]): BenchRow[] {
  const of = (name: keyof ReplacementFigures) => median(all.map((figures) => figures[name]));
  const row = (metric: string, value: number, unit = 'ms'): BenchRow => ({
    workload: REPLACE_40,
    contender,
    metric,
    value,
    unit,
  });
  return [
    row('p99-ms', of('p99Ms')),
    row('p999-ms', of('p999Ms')),
    row('max-ms', of('maxMs')),
    row('gc-ms', of('gcMs')),
    row('rss-mb', of('rssBytes') / 1e6, 'MB'),
    row('heap-mb', of('heapBytes') / 1e6, 'MB'),
    row('late-ms', of('lateMs')),
  ];
}

async function replacement(): Promise<BenchRow[]> {
  const contenders = [...CONTENDERS.keys()];
  const figures = new Map(contenders.map((name) => [name, [] as ReplacementFigures[]]));
  for (let round = 0; round < rounds; round++) {
    const first = round % contenders.length;
    for (const name of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const found = await runForFigures<ReplacementFigures>(REPLACEMENT, [name, String(seconds)]);
      figures.get(name)?.push(found);
      progress.step(`${REPLACE_40}: ${name}, round ${round + 1} of ${rounds}`);
    }
  }
  return [...figures].flatMap(([name, all]) => replacementRows(name, all));
}

/** A process that the heap's limit ends has served nobody: that is a figure, and no failure. */
async function million(contender: string): Promise<BenchRow[]> {
  const flags = [`--max-old-space-size=${HEAP_LIMIT_MB}`];
  const { code, signal, stdout, stderr } = await runProgram(MILLION, [contender], flags);
  progress.step(`${MILLION_OF_1KB}: ${contender}`);
  const row = { workload: MILLION_OF_1KB, contender };
  if (code === 0) {
    const { rssBytes } = JSON.parse(stdout) as MillionFigures;
    return [
      { ...row, metric: 'served', value: 1, unit: 'x' },
      { ...row, metric: 'rss-mb', value: rssBytes / 1e6, unit: 'MB' },
    ];
  }
  if (!stderr.includes('heap out of memory')) {
    throw new Error(`${contender} ended with ${signal ?? `code ${code}`}:\n${stderr.trim()}`);
  }
  return [{ ...row, metric: 'served', value: 0, unit: 'x' }];
}

const progress = new Progress(1 + CONTENDERS.size * rounds + 2);
compare();
progress.step(`the same answers`);
const rows = [
  ...(await replacement()),
  ...(await million('lru-cache')),
  ...(await million('granary-native')),
];

printTable(rows, 'lru-cache');
for (const [metric, atMost] of Object.entries(TARGETS)) {
  const pair = { contender: 'granary-native', baseline: 'lru-cache' };
  printVerdict(rows, { workload: REPLACE_40, metric, ...pair, atMost });
}
for (const { contender, metric, value } of rows) {
  if (metric === 'late-ms' && value > 1_000 * seconds * LATE_SHARE) {
    console.log(`${contender} could not keep up: it took ${value.toFixed(0)} ms more`);
  }
}
const served = rows.filter(({ metric }) => metric === 'served');
for (const { contender, value } of served) {
  const how = value === 1 ? 'serves' : 'dies of its heap';
  console.log(`1,000,000 entries of 1 kB, heap limit ${HEAP_LIMIT_MB} MB: ${contender} ${how}`);
}
if (json !== undefined) {
  const meta = { bench: 'gc', quick, rounds, seconds, heapLimitMb: HEAP_LIMIT_MB, ...machine() };
  writeReport(json, { meta, rows });
}
const isServed = served.some(
  ({ contender, value }) => contender === 'granary-native' && value === 1,
);
if (!isServed) process.exitCode = 1;
