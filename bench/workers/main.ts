/**
 * What a cache gives to several worker threads: one store for all against one cache each, a database
 * that all map, and a server beside them.
 *
 * Before anything is measured, all contenders must give the same answers. The targets are printed;
 * the code is 1 where an answer of granary is wrong or old.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { benchArguments } from '../arguments.ts';
import { runForFigures } from '../child-program.ts';
import { Progress } from '../progress.ts';
import { RedisServer } from '../redis-server.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import { printVerdict } from '../verdict.ts';
import { CONTENDERS } from './contenders.ts';
import type { CrewFigures, CrewTask } from './crew.ts';
import { MEMORY_ENTRIES, MEMORY_VALUE_BYTES } from './memory.ts';
import type { ThreadFigures } from './thread-scope.ts';

const CREW = new URL('crew.js', import.meta.url);
/** A young generation that grows with garbage would hide what is held. */
const MEMORY_FLAGS = ['--expose-gc', '--max-semi-space-size=1'];
const OURS = 'granary-native';
const THEIRS = 'lru-cache';
const MOST_THREADS = 4;
const CREWS = [1, 2, MOST_THREADS];
const MAX_MEMORY_SHARE = 0.5;
/** Of all operations of granary: who writes to a disk's format or waits for a server does fewer. */
const OPERATION_SHARES: ReadonlyMap<string, number> = new Map([
  ['lmdb', 1 / 5],
  ['redis', 1 / 100],
]);

const { quick, json } = benchArguments();
const rounds = quick ? 2 : 7;
const roundMs = quick ? 100 : 1_000;
const originKeys = quick ? 200 : 5_000;
const memoryEntries = quick ? 8_000 : MEMORY_ENTRIES;
const operations = quick ? 100_000 : 5_000_000;

const contenders = [...CONTENDERS.keys()];

/** For a look, whoever is no part of a target is looked at once. */
function roundsOf(contender: string): number {
  return quick && contender !== OURS && contender !== THEIRS ? 1 : rounds;
}

const nearHitRounds = contenders.reduce((total, contender) => total + roundsOf(contender), 0);
const rows: BenchRow[] = [];
const folders = mkdtempSync(path.join(tmpdir(), 'granary-workers-'));
process.once('exit', () => rmSync(folders, { recursive: true, force: true }));
const redis = await RedisServer.start();
const progress = new Progress(4 * contenders.length + CREWS.length * nearHitRounds);

type Assignment = Pick<CrewTask, 'contender' | 'workload'> & Partial<CrewTask>;

async function crew(assignment: Assignment, flags: readonly string[] = []): Promise<CrewFigures> {
  const folder = mkdtempSync(path.join(folders, 'database-'));
  const place = { name: 'workers', folder, redisPort: redis.port };
  const task: CrewTask = { threads: MOST_THREADS, amount: 0, ...assignment, place };
  const figures = await runForFigures<CrewFigures>(CREW, [JSON.stringify(task)], flags);
  rmSync(folder, { recursive: true, force: true });
  const { contender, workload, threads } = task;
  progress.step(`${workload}, ${threads} threads: ${contender}`);
  return figures;
}

function add(workload: string, contender: string, metric: string, value: number, unit = ''): void {
  rows.push({ workload, contender, metric, value, unit });
}

function sum(threads: readonly ThreadFigures[], name: string): number {
  return threads.reduce((total, figures) => total + (figures[name] ?? Number.NaN), 0);
}

async function compare(): Promise<void> {
  const answers = new Map<string, number>();
  for (const contender of contenders) {
    const { threads } = await crew({ contender, workload: 'answers', threads: 1 });
    answers.set(contender, sum(threads, 'answers'));
  }
  const most = median([...answers.values()]);
  for (const [contender, answer] of answers) {
    if (answer !== most) throw new Error(`${contender} gives other answers than the others`);
  }
}

async function nearHits(threads: number): Promise<void> {
  const all = new Map(
    contenders.map((name) => [name, { ns: [] as number[], cpu: [] as number[] }]),
  );
  for (let round = 0; round < rounds; round++) {
    const turn = contenders.filter((contender) => round < roundsOf(contender));
    const first = round % turn.length;
    for (const contender of [...turn.slice(first), ...turn.slice(0, first)]) {
      const task = { contender, workload: 'near-hit', threads, amount: roundMs };
      const { threads: figures } = await crew(task);
      all.get(contender)?.ns.push(sum(figures, 'nsPerOp') / threads);
      all.get(contender)?.cpu.push(sum(figures, 'cpuNs') / sum(figures, 'operations'));
    }
  }
  for (const [contender, { ns, cpu }] of all) {
    add(`near-hit-${threads}`, contender, 'ns/op', median(ns), 'ns');
    // Of all threads of the process, those of the contender's own included.
    add(`near-hit-${threads}`, contender, 'cpu-ns/op', median(cpu), 'ns');
  }
}

async function memory(): Promise<void> {
  for (const contender of contenders) {
    const { threads, memoryBytes } = await crew(
      { contender, workload: 'memory', amount: memoryEntries },
      MEMORY_FLAGS,
    );
    if (sum(threads, 'kept') !== MOST_THREADS * memoryEntries) {
      throw new Error(`${contender} has not kept what it has room for`);
    }
    const [before = Number.NaN, after = Number.NaN] = memoryBytes;
    add(`memory-${MOST_THREADS}`, contender, 'rss-mb', (after - before) / 1e6, 'MB');
  }
}

async function origin(): Promise<void> {
  for (const contender of contenders) {
    const { threads } = await crew({ contender, workload: 'origin', amount: originKeys });
    add(`origin-${MOST_THREADS}`, contender, 'loads', sum(threads, 'loads'));
  }
}

async function coherence(): Promise<void> {
  for (const contender of contenders) {
    const amount = Math.ceil((operations * (OPERATION_SHARES.get(contender) ?? 1)) / MOST_THREADS);
    const { threads } = await crew({ contender, workload: 'coherence', amount });
    const workload = `coherence-${MOST_THREADS}`;
    add(workload, contender, 'violations', sum(threads, 'violations'));
    add(workload, contender, 'operations', amount * MOST_THREADS);
    add(workload, contender, 'hits', sum(threads, 'hits'));
  }
}

function found(workload: string, metric: string): number {
  const isOurs = (row: BenchRow) => row.contender === OURS && row.metric === metric;
  return rows.find((row) => isOurs(row) && row.workload === workload)?.value ?? Number.NaN;
}

try {
  await compare();
  for (const threads of CREWS) await nearHits(threads);
  await memory();
  await origin();
  await coherence();
} finally {
  await redis.stop();
}

printTable(rows, THEIRS);
console.log(
  `memory-${MOST_THREADS}: ${memoryEntries} results of ${MEMORY_VALUE_BYTES} B; redis with its server, ` +
    'lmdb with the pages of its file that are mapped',
);
const pair = { contender: OURS, baseline: THEIRS };
for (const threads of CREWS) {
  printVerdict(rows, { workload: `near-hit-${threads}`, metric: 'ns/op', ...pair, atMost: 1 });
}
printVerdict(rows, {
  workload: `memory-${MOST_THREADS}`,
  metric: 'rss-mb',
  ...pair,
  atMost: MAX_MEMORY_SHARE,
});
printVerdict(rows, {
  workload: `origin-${MOST_THREADS}`,
  metric: 'loads',
  ...pair,
  atMost: 1 / MOST_THREADS,
});
const loads = found(`origin-${MOST_THREADS}`, 'loads');
const violations = found(`coherence-${MOST_THREADS}`, 'violations');
console.log(
  `coherence-${MOST_THREADS}: ${OURS} gave ${violations} old values in ${operations} operations:`,
  violations === 0 ? 'holds' : 'FAILS',
);
if (json !== undefined) {
  const meta = {
    bench: 'workers',
    quick,
    rounds,
    roundMs,
    originKeys,
    memoryEntries,
    memoryValueBytes: MEMORY_VALUE_BYTES,
    ...machine(),
  };
  writeReport(json, { meta, rows });
}
if (violations !== 0 || loads < originKeys) process.exitCode = 1;
