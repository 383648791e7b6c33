/**
 * Runs batches of executions with one contender and prints what one execution took, as a line of JSON: run by main.ts in
 * a process of its own each time, as whoever watches callbacks does so for the whole process.
 */
import { CONTENDERS, TOOLS } from './contenders.ts';
import { median } from '../rounds.ts';
import { WORKLOADS } from './workloads.ts';

/** What main.ts asks for. */
export interface RunTask {
  readonly contender: string;
  readonly workload: string;
  readonly batches: number;
}

/** What main.ts reads, in µs of one execution. */
export interface RunFigures {
  readonly wallUs: number;
  readonly cpuUs: number;
}

const WARM_UP = 5;

const { contender: name, workload, batches } = JSON.parse(process.argv[2] ?? '{}') as RunTask;
const open = CONTENDERS.get(name);
const work = WORKLOADS.get(workload);
if (open === undefined || work === undefined) throw new Error('usage: run.js TASK');
const { concurrent, code } = work;
const contender = open();
const tools = Array.from({ length: TOOLS }, (_, n) => `tool ${n}`);

/** @throws where an execution did not return what it should */
async function batch(): Promise<void> {
  const results = await Promise.all(
    Array.from({ length: concurrent }, (_, n) =>
      contender.execute(tools[n % TOOLS] ?? '', () => code(n)),
    ),
  );
  const wrong = results.findIndex((result, n) => result !== n);
  if (wrong >= 0) throw new Error(`${name} returned ${results[wrong]} for ${wrong}`);
}

for (let n = 0; n < WARM_UP; n++) await batch();
const counted = contender.executions();
const walls: number[] = [];
const cpus: number[] = [];
for (let n = 0; n < batches; n++) {
  const before = process.cpuUsage();
  const begun = performance.now();
  await batch();
  walls.push(((performance.now() - begun) * 1_000) / concurrent);
  const { user, system } = process.cpuUsage(before);
  cpus.push((user + system) / concurrent);
}
const ran = contender.executions();
// Who keeps books must have all in them.
if (counted !== undefined && ran !== counted + batches * concurrent) {
  throw new Error(`${name} has ${ran} executions in its books, ${counted} before ${batches}`);
}
await contender.close();
const figures: RunFigures = { wallUs: median(walls), cpuUs: median(cpus) };
console.log(JSON.stringify(figures));
