/**
 * What a read costs a server of the SDK, and what the same costs behind `cacheServer` and below the
 * SDK: over stdio and Streamable HTTP with JSON answers, 16 requests in flight, every contender in a
 * process of its own.
 *
 * Before anything is measured, all contenders must answer the same. The targets are printed; the code
 * is 1 where an answer differs.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

import { benchArguments } from '../arguments.ts';
import { Progress } from '../progress.ts';
import { machine, printTable, writeReport, type BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import { printVerdict } from '../verdict.ts';
import { cpuUs, type BenchClient } from './bench-client.ts';
import { HttpBenchClient } from './http-client.ts';
import { StdioBenchClient } from './stdio-client.ts';
import {
  CONTENDERS,
  OFFERS,
  TRANSPORTS,
  WORKLOADS,
  type ContenderName,
  type Offer,
  type TransportName,
  type Workload,
} from './workloads.ts';

const SERVER = fileURLToPath(new URL('server.js', import.meta.url));
const IN_FLIGHT = 16;

const { quick, json } = benchArguments();
const rounds = quick ? 2 : 11;
const roundMs = quick ? 40 : 300;

interface Entrant {
  readonly name: ContenderName;
  readonly server: ChildProcess;
  readonly client: BenchClient;
}

/** Of one round, a request; in µs. */
interface Figures {
  readonly wall: number;
  readonly p99: number;
  readonly cpu: number;
}

const servers: ChildProcess[] = [];
process.once('exit', () => {
  for (const server of servers) server.kill('SIGKILL');
});

async function start(
  transport: TransportName,
  name: ContenderName,
  offer: Offer,
): Promise<Entrant> {
  const server = fork(SERVER, [transport, name, offer], {
    execArgv: [],
    stdio:
      transport === 'stdio'
        ? ['pipe', 'pipe', 'inherit', 'ipc']
        : ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  servers.push(server);
  const [ready] = (await once(server, 'message')) as [{ port?: number }];
  const client =
    ready.port === undefined
      ? await StdioBenchClient.connect(server)
      : await HttpBenchClient.connect(ready.port, IN_FLIGHT);
  return { name, server, client };
}

async function end(entrants: readonly Entrant[]): Promise<void> {
  for (const { server, client } of entrants) {
    if (client instanceof HttpBenchClient) client.close();
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }
  servers.length = 0;
}

/** Twice: a miss and a hit. @throws where two of them do not answer the same */
async function compare(entrants: readonly Entrant[], workload: Workload): Promise<void> {
  let expected: unknown;
  for (const { name, client } of entrants) {
    for (let time = 0; time < 2; time++) {
      const answers = await client.answers(workload);
      expected ??= answers;
      if (!isDeepStrictEqual(answers, expected)) {
        throw new Error(`${name} answers ${workload.name} otherwise than ${entrants[0]!.name}`);
      }
    }
  }
}

async function measure(entrant: Entrant, workload: Workload, count: number): Promise<Figures> {
  const before = await cpuUs(entrant.server);
  const begun = performance.now();
  const took = await entrant.client.run(workload, count, IN_FLIGHT);
  const wall = ((performance.now() - begun) * 1_000) / count;
  const cpu = ((await cpuUs(entrant.server)) - before) / count;
  const p99 = took.toSorted()[Math.ceil(0.99 * count) - 1]! * 1_000;
  return { wall, p99, cpu };
}

/** Also the warm-up. */
async function countFor(entrant: Entrant, workload: Workload): Promise<number> {
  let count = (quick ? 2 : 4) * IN_FLIGHT;
  for (;;) {
    const { wall } = await measure(entrant, workload, count);
    const ms = (wall * count) / 1_000;
    if (ms >= roundMs || quick) return Math.ceil(count * Math.max(1, roundMs / ms));
    count = Math.ceil(count * Math.min(4, (1.2 * roundMs) / ms));
  }
}

const progress = new Progress(TRANSPORTS.length * WORKLOADS.length * CONTENDERS.length * rounds);
const rows: BenchRow[] = [];

async function race(
  transport: TransportName,
  entrants: readonly Entrant[],
  workload: Workload,
): Promise<void> {
  const runs: { entrant: Entrant; count: number; figures: Figures[] }[] = [];
  for (const entrant of entrants) {
    runs.push({ entrant, count: await countFor(entrant, workload), figures: [] });
  }
  for (let round = 0; round < rounds; round++) {
    const first = round % runs.length;
    for (const { entrant, count, figures } of [...runs.slice(first), ...runs.slice(0, first)]) {
      figures.push(await measure(entrant, workload, count));
      progress.step(`${transport}/${workload.name}: ${entrant.name}, round ${round + 1}`);
    }
  }
  for (const { entrant, figures } of runs) {
    const metrics = { 'us/read': 'wall', 'p99-us': 'p99', 'server-cpu-us/read': 'cpu' } as const;
    for (const [metric, figure] of Object.entries(metrics)) {
      rows.push({
        workload: `${transport}/${workload.name}`,
        contender: entrant.name,
        metric,
        value: median(figures.map((each) => each[figure])),
        unit: 'us',
      });
    }
  }
}

for (const transport of TRANSPORTS) {
  for (const offer of OFFERS) {
    const entrants = await Promise.all(CONTENDERS.map((name) => start(transport, name, offer)));
    for (const workload of WORKLOADS.filter((each) => each.offer === offer)) {
      await compare(entrants, workload);
      await race(transport, entrants, workload);
    }
    await end(entrants);
  }
}

printTable(rows, 'sdk+lru-cache');
const ours = { contender: 'granary-bytes', baseline: 'sdk+lru-cache', metric: 'us/read' };
for (const transport of TRANSPORTS) {
  for (const { name, method } of WORKLOADS) {
    const atMost = method === 'tools/list' ? 1 / 5 : 1 / 3;
    printVerdict(rows, { workload: `${transport}/${name}`, ...ours, atMost });
  }
}
if (json !== undefined) {
  const meta = { bench: 'mcp', quick, rounds, roundMs, inFlight: IN_FLIGHT, ...machine() };
  writeReport(json, { meta, rows });
}
