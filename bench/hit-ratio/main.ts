/**
 * What share of accesses a cache answers, by its policy: traces replayed as `get`, then `set` on a
 * miss, on each contender in a process of its own.
 *
 * Ends with code 1 where the answers cannot be: accesses left out, more hits than are possible, or
 * `granary-lru` not hit for hit what `lru-cache` is. What the figures say of granary is printed, and
 * changes no code.
 */
import { fileURLToPath } from 'node:url';
import { refuseArguments } from '../arguments.ts';
import { childOutput, endChildrenWithThisProcess, type ChildCall } from '../children.ts';
import { printPivot } from '../pivot.ts';
import { Progress } from '../progress.ts';
import { machine, writeReport, type BenchRow } from '../report.ts';
import { wrongAnswers, type Answers } from './answers.ts';
import { CONTENDERS, LATE, MOKA, STEADY } from './contenders.ts';
import { plainTinyLfu } from './plain-tinylfu.ts';
import type { Replay, ReplayFigures } from './replay.ts';
import { traceArguments, USAGE } from './trace-arguments.ts';
import { readTraceFile, TraceFileError } from './trace-file.ts';
import type { Trace } from './trace.ts';
import { verdicts, type WorkloadLength } from './verdicts.ts';
import { builtInWorkloads, loadTrace, workloads, type Workload } from './workload.ts';

const REPLAY = fileURLToPath(new URL('replay.js', import.meta.url));

const { quick, json, traces, capacities, weighted } = traceArguments();
const rounds = quick ? 1 : 3;
const all =
  capacities !== undefined && traces.length > 0
    ? traces.flatMap((file) => workloads({ file }, capacities, weighted))
    : builtInWorkloads(quick, capacities);

/** Of each round the contenders that it has something new to say about, another one first each. */
const turns = Array.from({ length: rounds }, (_, round) => {
  const contenders = CONTENDERS.filter((name) => round === 0 || !STEADY.has(name));
  return [...contenders.slice(round), ...contenders.slice(0, round)];
});

function call(contender: string, workload: Workload, trace: Trace): ChildCall {
  if (contender === MOKA) return plainTinyLfu(workload, trace);
  return { program: process.execPath, args: [REPLAY, contender, JSON.stringify(workload)] };
}

async function measure(workload: Workload, trace: Trace): Promise<Answers> {
  const answers = new Map(CONTENDERS.map((name) => [name, [] as ReplayFigures[]]));
  for (const [round, contenders] of turns.entries()) {
    for (const contender of contenders) {
      const name = `${contender} on ${workload.name}`;
      const output = await childOutput(name, call(contender, workload, trace));
      answers.get(contender)?.push(JSON.parse(output) as ReplayFigures);
      progress.step(`${workload.name}: ${contender}, round ${round + 1} of ${rounds}`);
    }
  }
  return answers;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function rowsOf({ name }: Workload, answers: Answers): BenchRow[] {
  return [...answers].flatMap(([contender, figures]) => {
    const row = (metric: string, replays: readonly Replay[]): BenchRow => ({
      workload: name,
      contender,
      metric,
      value: median(replays.map(({ accesses, hits }) => (100 * hits) / accesses)),
      unit: '%',
    });
    const live = figures.flatMap(({ live }) => live ?? []);
    return [
      row(
        'hitRatio',
        figures.map(({ settled }) => settled),
      ),
      ...(live.length === 0 ? [] : [row('hitRatioLive', live)]),
    ];
  });
}

/** In the unit of the capacity. */
function lengthOf({ accesses, bytes }: Trace): number {
  return bytes === undefined ? accesses.length : bytes.reduce((sum, one) => sum + one, 0);
}

endChildrenWithThisProcess();
const progress = new Progress(all.length * turns.flat().length);
const rows: BenchRow[] = [];
const lengths: WorkloadLength[] = [];
const wrong: string[] = [];
try {
  // Before anything runs: a line that cannot be read must not be found after minutes of replays.
  for (const file of traces) await readTraceFile(file, weighted);
  for (const workload of all) {
    const trace = await loadTrace(workload);
    const answers = await measure(workload, trace);
    for (const line of wrongAnswers(answers, trace.accesses.length, weighted)) {
      wrong.push(`${workload.name}: ${line}`);
    }
    rows.push(...rowsOf(workload, answers));
    lengths.push({ name: workload.name, capacities: lengthOf(trace) / workload.capacity });
  }
} catch (error) {
  if (error instanceof TraceFileError) refuseArguments(error, USAGE);
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

for (const metric of ['hitRatio', 'hitRatioLive']) {
  printPivot(rows, metric);
  console.log();
}
console.log(`${[...LATE].join(' and ')}, live: may hold more than the capacity for a while`);
if (weighted)
  console.log('optimal: evicts what is used farthest in the future, with weights a heuristic');
for (const line of verdicts(rows, lengths)) console.log(line);
if (json !== undefined) {
  const meta = { bench: 'hit-ratio', quick, rounds, weighted, lengths, ...machine() };
  writeReport(json, { meta, rows });
}
for (const line of wrong) console.error(`WRONG  ${line}`);
if (wrong.length > 0) process.exitCode = 1;
