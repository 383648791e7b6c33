/**
 * Memory, then Redis, then the origin: caches of two levels over one redis-server, in several processes.
 *
 * Before anything is measured, all contenders must give the same answers. Every row that is not ours
 * is named; the code is 1 where granary asks the origin more than once for a crowd.
 */
import { createClient } from 'redis';

import { benchArguments } from '../arguments.ts';
import { Progress } from '../progress.ts';
import { RedisServer } from '../redis-server.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import { CONTENDERS } from './contenders.ts';
import { Crew } from './crew.ts';
import type { TierFigures } from './tasks.ts';
import { printLosses } from './losses.ts';

const OURS = 'granary';
const PROCESSES = 4;
const CALLERS = 250;
const ORIGIN_MS = 50;
/** Who has not learned of an invalidation by then will not: the figure is this one. */
const MOST_MS = 300;
/** Of those who never learn of it fewer are looked at. */
const DEAF_SAMPLES = 3;

const { quick, json } = benchArguments();
const rounds = quick ? 1 : 7;
const l1Ms = quick ? 300 : 1_000;
const keys = quick ? 3_000 : 10_000;
const stampedes = quick ? 2 : 10;
const samples = quick ? 25 : 200;

const contenders = [...CONTENDERS.keys()];
const stampede = `stampede-${PROCESSES}x${CALLERS}`;
const figures = new Map<string, { unit: string; values: number[] }>();
const redis = await RedisServer.start();
const admin = createClient({ url: `redis://${redis.host}:${redis.port}` });
await admin.connect();
const progress = new Progress((rounds + 1) * contenders.length);

function add(
  workload: string,
  contender: string,
  metric: string,
  unit: string,
  ...values: number[]
): void {
  const key = [workload, contender, metric].join('\n');
  const known = figures.get(key);
  if (known === undefined) figures.set(key, { unit, values });
  else known.values.push(...values);
}

/** CPU of Redis so far. */
async function serverCpuNs(): Promise<number> {
  const info = await admin.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e9;
}

async function compare(): Promise<void> {
  const answers = new Map<string, number>();
  for (const contender of contenders) {
    const place = { redisPort: redis.port, prefix: `${contender}-answers:` };
    const crew = await Crew.start(contender, place, 1);
    answers.set(contender, (await crew.run(0, { name: 'answers' }))['answers']!);
    await crew.end();
    progress.step(`answers: ${contender}`);
  }
  const most = median([...answers.values()]);
  for (const [contender, answer] of answers) {
    if (answer !== most) throw new Error(`${contender} gives other answers than the others`);
  }
}

async function loadEach(crew: Crew, contender: string, workload: string): Promise<void> {
  const before = await serverCpuNs();
  const found = await crew.run(0, { name: 'load-each', keys: workload, count: keys });
  const serverNs = (await serverCpuNs()) - before;
  const expected = workload === 'miss' ? keys : 0;
  if (found['loads'] !== expected) {
    throw new Error(`${contender}, ${workload}: ${found['loads']} loads and not ${expected}`);
  }
  add(workload, contender, 'ns/op', 'ns', found['nsPerOp']!);
  add(workload, contender, 'cpu-ns/op', 'ns', found['cpuNsPerOp']!);
  add(workload, contender, 'server-cpu-ns/op', 'ns', serverNs / keys);
}

async function crowds(crew: Crew, contender: string): Promise<void> {
  for (let n = 0; n < stampedes; n++) {
    const task = { key: `crowd://${n}`, callers: CALLERS, originMs: ORIGIN_MS } as const;
    const found = await crew.runAll({ name: 'crowd', ...task });
    const sum = (name: string) => found.reduce((total, each) => total + each[name]!, 0);
    add(stampede, contender, 'origin-loads', '', sum('loads'));
    add(stampede, contender, 'answered-ms', 'ms', Math.max(...found.map(({ ms }) => ms!)));
    add(stampede, contender, 'cpu-ms', 'ms', sum('cpuMs'));
  }
}

async function invalidations(crew: Crew, contender: string): Promise<void> {
  const delays: number[] = [];
  let deaf = 0;
  for (let n = 0; n < samples && deaf < DEAF_SAMPLES; n++) {
    const key = `dropped://${n}`;
    await crew.run(0, { name: 'load', key });
    const invalidating: Promise<TierFigures>[] = [];
    const { lastOldMs, isDropped } = await crew.run(
      1,
      { name: 'watch', key, mostMs: MOST_MS },
      () => invalidating.push(crew.run(0, { name: 'invalidate', key })),
    );
    const { returnedMs } = (await invalidating[0])!;
    if (isDropped === 0) deaf++;
    delays.push(isDropped === 0 ? MOST_MS : Math.max(0, lastOldMs! - returnedMs!));
  }
  const sorted = delays.toSorted((a, b) => a - b);
  const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
  add('invalidation', contender, 'p50-ms', 'ms', quantile(0.5));
  add('invalidation', contender, 'p99-ms', 'ms', quantile(0.99));
}

async function round(contender: string, number: number): Promise<void> {
  const place = { redisPort: redis.port, prefix: `${contender}-${number}:` };
  await admin.flushAll();
  // By a process that is gone: some tell others not only that there is a value, but the value.
  const filler = await Crew.start(contender, place, 1);
  await filler.run(0, { name: 'load-each', keys: 'l2-hit', count: keys });
  await filler.end();
  const crew = await Crew.start(contender, place, PROCESSES);
  try {
    await crew.run(0, { name: 'load-each', keys: 'warm-up', count: keys });
    const hit = await crew.run(0, { name: 'l1-hit', ms: l1Ms });
    add('l1-hit', contender, 'ns/op', 'ns', hit['nsPerOp']!);
    add('l1-hit', contender, 'cpu-ns/op', 'ns', hit['cpuNsPerOp']!);
    await loadEach(crew, contender, 'l2-hit');
    await loadEach(crew, contender, 'miss');
    await crowds(crew, contender);
    await invalidations(crew, contender);
  } finally {
    await crew.end();
    progress.step(`round ${number + 1}: ${contender}`);
  }
}

try {
  await compare();
  for (let number = 0; number < rounds; number++) {
    const first = number % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      await round(contender, number);
    }
  }
} finally {
  admin.destroy();
  await redis.stop();
}
const rows: BenchRow[] = [...figures]
  .map(([key, { unit, values }]) => {
    const [workload = '', contender = '', metric = ''] = key.split('\n');
    return { workload, contender, metric, value: median(values), unit };
  })
  .toSorted((a, b) => contenders.indexOf(a.contender) - contenders.indexOf(b.contender));
printTable(rows, OURS);
console.log(
  `invalidation: ms for which another process serves the old value after the invalidation has returned; ` +
    `${MOST_MS} = it does not learn of it`,
);
printLosses(rows, OURS);
if (json !== undefined) {
  const meta = {
    bench: 'tiers',
    quick,
    rounds,
    l1Ms,
    keys,
    stampedes,
    samples,
    originMs: ORIGIN_MS,
    mostMs: MOST_MS,
    ...machine(),
  };
  writeReport(json, { meta, rows });
}
const loads = rows.find(
  ({ contender, metric }) => contender === OURS && metric === 'origin-loads',
)?.value;
if (loads !== 1) {
  console.log(`${stampede}: granary asks the origin ${loads} times: FAILS`);
  process.exitCode = 1;
}
