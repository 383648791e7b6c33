/**
 * How long it takes to find the pattern of a URI, by the number of patterns.
 *
 * Before anything is measured, all contenders must give the same pattern and params for the URIs.
 * Ends with code 1 where 10,000 patterns cost granary more than 5 times what 10 cost.
 */
import { isDeepStrictEqual } from 'node:util';
import { benchArguments } from '../arguments.ts';
import { Progress } from '../progress.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { medianNs, type Contender } from '../rounds.ts';
import { benchPatterns, benchUris } from './patterns.ts';
import { granaryResolver, regExpResolver, sdkResolver, type Resolver } from './resolvers.ts';

const SIZES = [10, 100, 1_000, 10_000];
const URIS = 2_003;
const GROWTH_LIMIT = 5;

const { quick, json } = benchArguments();
const rounds = quick ? 7 : 15;
const roundMs = quick ? 40 : 150;
/** The slowest contender needs milliseconds for one. */
const compared = quick ? 200 : 1_000;

function workload(size: number): string {
  return `resolve@${size}`;
}

function contender({ name, resolve }: Resolver, uris: readonly string[]): Contender {
  let next = 0;
  return {
    name,
    run(count) {
      let length = 0;
      for (let index = 0; index < count; index++) {
        length += resolve(uris[next] ?? '').pattern.length;
        next = next + 1 === uris.length ? 0 : next + 1;
      }
      return length;
    },
  };
}

function compare(resolvers: readonly Resolver[], uris: readonly string[]): void {
  for (const uri of uris) {
    const [first, ...others] = resolvers.map(({ name, resolve }) => {
      const { pattern, params } = resolve(uri);
      return { name, answer: { pattern, params: { ...params } } };
    });
    for (const other of others) {
      if (isDeepStrictEqual(other.answer, first?.answer)) continue;
      throw new Error(`for ${uri}, ${JSON.stringify(first)} and ${JSON.stringify(other)} differ`);
    }
  }
}

const progress = new Progress(SIZES.length * (1 + 3 * rounds));
const rows: BenchRow[] = [];
for (const size of SIZES) {
  const patterns = benchPatterns(size);
  const texts = patterns.map(({ pattern }) => pattern);
  const uris = benchUris(patterns, URIS);
  const resolvers = [granaryResolver(texts), sdkResolver(texts), regExpResolver(texts)];
  compare(resolvers, uris.slice(0, compared));
  progress.step(`${workload(size)}: the same answers for ${compared} URIs`);
  const medians = medianNs(
    resolvers.map((resolver) => contender(resolver, uris)),
    {
      rounds,
      roundMs,
      onMeasured: (name, round) =>
        progress.step(`${workload(size)}: ${name}, round ${round + 1} of ${rounds}`),
    },
  );
  for (const [name, ns] of medians) {
    rows.push({
      workload: workload(size),
      contender: name,
      metric: 'resolve',
      value: ns,
      unit: 'ns',
    });
  }
}

function granaryNs(size: number): number {
  const row = rows.find((row) => row.contender === 'granary' && row.workload === workload(size));
  return row?.value ?? Number.NaN;
}

const growth = granaryNs(10_000) / granaryNs(10);
const holds = growth <= GROWTH_LIMIT;
rows.push({
  workload: `${workload(10_000)} / ${workload(10)}`,
  contender: 'granary',
  metric: 'growth',
  value: growth,
  unit: 'x',
});
printTable(rows, 'granary');
console.log(
  `10,000 patterns against 10: ${growth.toFixed(2)} times as long, ${GROWTH_LIMIT} allowed: ${holds ? 'holds' : 'FAILS'}`,
);
if (json !== undefined) {
  const meta = { bench: 'registry', quick, rounds, roundMs, uris: URIS, ...machine() };
  writeReport(json, { meta, rows });
}
if (!holds) process.exitCode = 1;
