/**
 * What it costs to look at a process from outside: memory and CPU time, descriptors by kind, sockets by
 * state. A sample is asked for, waited for, and the next one is asked for.
 *
 * Before anything is measured, all contenders must tell the same of a process whose use is known. The
 * targets are printed; the code is 1 where an answer of granary is wrong.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { sampleProcesses } from 'mcp-granary/governor';
import { benchArguments } from '../arguments.ts';
import { Progress } from '../progress.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import { printVerdict } from '../verdict.ts';
import { CONTENDERS } from './contenders.ts';

const SAMPLED = fileURLToPath(new URL('sampled.js', import.meta.url));

type Sampling = (pid: number) => Promise<unknown>;

interface Workload {
  readonly name: string;
  readonly files: number;
  readonly connections: number;
  /** @returns `undefined` where the contender cannot */
  readonly of: (contender: string) => Sampling | undefined;
}

const WORKLOADS: readonly Workload[] = [
  {
    name: 'memory-cpu',
    files: 0,
    connections: 0,
    of: (contender) => CONTENDERS.get(contender)?.memoryAndCpu,
  },
  ...[20, 500, 5_000].map((files) => ({
    name: `fds-${files}`,
    files,
    connections: 0,
    of: (contender: string) => CONTENDERS.get(contender)?.descriptors,
  })),
  {
    name: 'sockets',
    files: 0,
    connections: 50,
    of: (contender) => CONTENDERS.get(contender)?.sockets,
  },
];
const PROCESSES = 50;
const INTERVAL_MS = 100;

const { quick, json } = benchArguments();
const rounds = quick ? 7 : 15;
const roundMs = quick ? 100 : 400;
const tickedMs = quick ? 2_000 : 10_000;

const children: ChildProcess[] = [];
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

async function start(files: number, connections: number): Promise<number> {
  const child = fork(SAMPLED, [String(files), String(connections)], { execArgv: [] });
  children.push(child);
  await once(child, 'message');
  return child.pid!;
}

async function end(): Promise<void> {
  const ended = children.map((child) => once(child, 'exit'));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(ended);
  children.length = 0;
}

/** @throws where two of them do not tell the same */
async function compare(pid: number, { name, of }: Workload): Promise<void> {
  const told = new Map<string, number>();
  for (const contender of CONTENDERS.keys()) {
    const answer = await of(contender)?.(pid);
    if (answer === undefined) continue;
    told.set(
      contender,
      typeof answer === 'number' ? answer : (answer as { rssBytes: number }).rssBytes,
    );
  }
  const [first] = told.values();
  for (const [contender, answer] of told) {
    // Memory of a process that rests may still give back a page.
    if (Math.abs(answer / first! - 1) > 0.05) {
      throw new Error(`${contender} tells ${answer} for ${name} where others tell ${first}`);
    }
  }
}

async function usPerSample(sample: Sampling, pid: number): Promise<number> {
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < roundMs) {
    await sample(pid);
    count++;
  }
  return ((performance.now() - begun) * 1_000) / count;
}

const raced = WORKLOADS.flatMap((workload) =>
  [...CONTENDERS.keys()].filter((contender) => workload.of(contender) !== undefined),
);
const progress = new Progress(raced.length * rounds + 1);
const rows: BenchRow[] = [];

async function race(workload: Workload): Promise<void> {
  const pid = await start(workload.files, workload.connections);
  await compare(pid, workload);
  const entrants = [...CONTENDERS.keys()].flatMap((name) => {
    const sample = workload.of(name);
    return sample === undefined ? [] : [{ name, sample, us: [] as number[] }];
  });
  for (let round = 0; round < rounds; round++) {
    const first = round % entrants.length;
    for (const { name, sample, us } of [...entrants.slice(first), ...entrants.slice(0, first)]) {
      us.push(await usPerSample(sample, pid));
      progress.step(`${workload.name}: ${name}, round ${round + 1} of ${rounds}`);
    }
  }
  for (const { name, us } of entrants) {
    rows.push({
      workload: workload.name,
      contender: name,
      metric: 'us/sample',
      value: median(us),
      unit: 'us',
    });
  }
  await end();
}

/** The share of a core that looking at many processes takes, of all threads together. */
async function watchMany(): Promise<void> {
  const pids = await Promise.all(Array.from({ length: PROCESSES }, () => start(0, 0)));
  const parts = ['memory', 'cpu'] as const;
  await sampleProcesses(pids, { parts: [...parts] });
  const before = process.cpuUsage();
  const begun = performance.now();
  while (performance.now() - begun < tickedMs) {
    await sampleProcesses(pids, { parts: [...parts] });
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1_000 / (performance.now() - begun);
  rows.push({
    workload: `watch-${PROCESSES}-each-${INTERVAL_MS}-ms`,
    contender: 'granary',
    metric: 'cpu-share',
    value: 100 * share,
    unit: '%',
  });
  progress.step(`${PROCESSES} processes each ${INTERVAL_MS} ms`);
  await end();
}

for (const workload of WORKLOADS) await race(workload);
await watchMany();

printTable(rows, 'granary');
const ours = { contender: 'granary', metric: 'us/sample' };
printVerdict(rows, { workload: 'memory-cpu', ...ours, baseline: 'pidusage', atMost: 1 / 5 });
printVerdict(rows, { workload: 'sockets', ...ours, baseline: 'systeminformation', atMost: 1 / 10 });
const watching = rows.find(({ metric }) => metric === 'cpu-share')?.value ?? Number.NaN;
const isCheap = watching < 2 ? 'holds' : 'FAILS';
console.log(
  `50 processes each 100 ms cost ${watching.toFixed(2)} % of a core, 2 allowed: ${isCheap}`,
);
if (json !== undefined) {
  writeReport(json, { meta: { bench: 'sampler', quick, rounds, roundMs, ...machine() }, rows });
}
