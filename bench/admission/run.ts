/**
 * Runs all jobs of a seed with one contender, and prints when they were done as a line of JSON: started by main.ts in a
 * process of its own, whose memory is what the limit is about.
 */
import type { IsolationKind } from 'mcp-granary/governor';
import { CONTENDERS } from './contenders.ts';
import { type Job, makeJobs } from './jobs.ts';

/** What main.ts asks for. */
export interface RunTask {
  readonly contender: string;
  readonly kind: IsolationKind;
  /** Before the clock starts: a server that has been up for a while knows its tools. */
  readonly warmUpJobs: number;
  readonly jobs: number;
  readonly seed: number;
}

/** What main.ts reads. */
export interface RunFigures {
  /** From the first job that was handed over to the last answer. */
  readonly elapsedMs: number;
  /** Of each job, from when it was handed over until its code began. */
  readonly waitsMs: readonly number[];
  /** The most that this process has held, by its kernel; what it has started is not in it. */
  readonly peakBytes: number;
}

const {
  contender: name,
  kind,
  warmUpJobs,
  jobs: count,
  seed,
} = JSON.parse(process.argv[2] ?? '{}') as RunTask;
const openContender = CONTENDERS.get(name);
if (openContender === undefined) throw new Error('usage: run.js TASK');
const jobs = makeJobs(warmUpJobs + count, seed);
const contender = openContender(kind);

/** @returns when each began, in ms since 1970 */
async function runAll(some: readonly Job[]): Promise<number[]> {
  return await Promise.all(
    some.map(async ({ tool, input, answer }, index) => {
      const answered = await contender.run(tool, input);
      if (answered.answer === answer) return answered.begunMs;
      throw new Error(
        `${name} answered ${answered.answer} to job ${index} of ${tool}, not ${answer}`,
      );
    }),
  );
}

await runAll(jobs.slice(0, warmUpJobs));
const handedMs = performance.timeOrigin + performance.now();
const begunMs = await runAll(jobs.slice(warmUpJobs));
const waitsMs = begunMs.map((ms) => ms - handedMs);
const elapsedMs = performance.timeOrigin + performance.now() - handedMs;
await contender.close();
const peakBytes = process.resourceUsage().maxRSS * 1_024;
console.log(JSON.stringify({ elapsedMs, waitsMs, peakBytes } satisfies RunFigures));
