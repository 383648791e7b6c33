/**
 * How long gets and sets take in this thread, against the caches that an application would take
 * otherwise.
 *
 * granary runs on its defaults with only `maxEntries` set (and, with storage `native`, as many
 * `nearEntries` as a workload about hits has entries), each contender in a process of its own, in
 * rounds that take turns. Before a contender is measured it must answer as a Map does and keep its
 * bound: the bench ends with code 1 and names it otherwise. Figures that fall short end with code 0.
 */
import { pickingArguments } from '../arguments.ts';
import { Progress } from '../progress.ts';
import { Allotment } from './allotment.ts';
import { machine, writeReport, type BenchRow } from '../report.ts';
import { Figures } from './figures.ts';
import { growthRows } from './growth.ts';
import { race } from './race.ts';
import { printCostlyWins, printRivalWins, printStandings } from './standings.ts';
import { printGrowthVerdicts, printVerdicts } from './verdicts.ts';
import { GROWTH, WORKLOADS, type Workload } from './workloads.ts';

const names = [...WORKLOADS, ...GROWTH].map(({ name }) => name);
const { quick, json, workloads: picked } = pickingArguments(names);
const rounds = quick ? 7 : 15;
const slowRounds = quick ? 1 : rounds;
/** Of a quick run, from start to end; `--quick` has 45 s with what is set up before. */
const QUICK_MS = 20_000;
/** Some contenders need 20 µs for an access, and a pass has 400,000. */
const passPart = quick ? 1 / 10 : 1;
const footprintRuns = quick ? 1 : 3;

function chosen<W extends Workload>(all: readonly W[], byDefault: boolean): W[] {
  return all.filter(({ name }) => (picked.length === 0 ? byDefault : picked.includes(name)));
}

const raced = chosen(WORKLOADS, true);
const grown = chosen(GROWTH, !quick);

const contendersOf = (workloads: readonly Workload[]) =>
  workloads.reduce((sum, { contenders }) => sum + contenders.length, 0);
const progress = new Progress(
  contendersOf([...raced, ...grown]) * (1 + rounds) + contendersOf(grown) * footprintRuns,
);
const onStep = (what: string) => progress.step(what);
const allotment = quick
  ? new Allotment(QUICK_MS, contendersOf([...raced, ...grown]), rounds)
  : undefined;
const given = { rounds, slowRounds, roundMs: 100, warmUpMs: 300, passPart, onStep };

async function raceIn(workload: Workload): Promise<BenchRow[]> {
  if (allotment === undefined) return race(workload, given);
  const entrants = workload.contenders.length;
  return allotment.spend(entrants, (times) => race(workload, { ...given, ...times }));
}

async function measure(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const workload of raced) rows.push(...(await raceIn(workload)));
  for (const workload of grown) {
    rows.push(...(await raceIn(workload)), ...(await growthRows(workload, footprintRuns, onStep)));
  }
  return rows;
}

try {
  const rows = await measure();
  const figures = new Figures(rows);
  const measured: readonly Workload[] = [...raced, ...grown];
  console.log('× > 1: faster, or less CPU, than the one named; CPU is that of all threads\n');
  printStandings(measured, figures);
  console.log(
    'quick-lru holds up to twice its bound, transitory 1 % more; both run without a ttl\n',
  );
  printVerdicts(figures);
  printGrowthVerdicts(
    grown.map(({ name }) => name),
    figures,
  );
  printRivalWins(measured, figures);
  printCostlyWins(measured, figures);
  if (json !== undefined) {
    const { roundMs, warmUpMs } = allotment?.last ?? given;
    const times = { roundMs, warmUpMs };
    writeReport(json, {
      meta: { bench: 'hot', quick, rounds, ...times, passPart, ...machine() },
      rows,
    });
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
