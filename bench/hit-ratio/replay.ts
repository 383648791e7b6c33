/**
 * Replays one workload on one contender and prints the hits as a line of JSON: run by main.ts in a
 * process of its own each.
 */
import { beladyHits } from './belady.ts';
import { CACHES, OPTIMAL, type ReplayedCache } from './contenders.ts';
import type { Trace } from './trace.ts';
import { loadTrace, type Workload } from './workload.ts';

/** Of one way through a trace. */
export interface Replay {
  readonly accesses: number;
  readonly hits: number;
  /** A hash of which accesses were hits, of contenders that tell it. */
  readonly sequence?: number;
}

/** What main.ts reads. */
export interface ReplayFigures {
  /** With all pending work done after each access. */
  readonly settled: Replay;
  /** At full speed, without such calls; not of a rule that has no pending work to do. */
  readonly live?: Replay;
}

const FNV_OFFSET = 2_166_136_261;
const FNV_PRIME = 16_777_619;

function replay(
  { accesses, bytes }: Trace,
  uris: readonly string[],
  cache: ReplayedCache,
  settled: boolean,
): Replay {
  let hits = 0;
  let sequence = FNV_OFFSET;
  for (let access = 0; access < accesses.length; access++) {
    const key = accesses[access] ?? 0;
    const uri = uris[key] ?? '';
    const found = cache.get(uri);
    if (found === undefined) {
      cache.set(uri, key, bytes?.[access] ?? 1);
    } else {
      if (found !== key)
        throw new Error(`access ${access} to ${uri} gave the value ${found} of another key`);
      hits++;
    }
    sequence = Math.imul(sequence ^ (found === undefined ? 0 : 1), FNV_PRIME);
    if (settled) cache.settle();
  }
  return { accesses: accesses.length, hits, sequence: sequence >>> 0 };
}

const [, , contender = '', json = ''] = process.argv;
const workload = JSON.parse(json) as Workload;
const { capacity, weighted } = workload;
const trace = await loadTrace(workload);

function figures(): ReplayFigures {
  if (contender === OPTIMAL) {
    return { settled: { accesses: trace.accesses.length, hits: beladyHits(trace, capacity) } };
  }
  const make = CACHES.get(contender);
  if (make === undefined) throw new Error(`there is no contender ${contender}`);
  // As JSON.parse makes them: V8 searches strings that were concatenated more slowly.
  const uris = JSON.parse(
    JSON.stringify(trace.keys.map((key) => `res://trace/${key}`)),
  ) as string[];
  const room = { capacity, weighted, distinctKeys: uris.length };
  const settledCache = make(room);
  const settled = replay(trace, uris, settledCache, true);
  if (settledCache.used > capacity) {
    throw new Error(`it holds ${settledCache.used} where ${capacity} are allowed`);
  }
  return { settled, live: replay(trace, uris, make(room), false) };
}

console.log(JSON.stringify(figures()));
// Timers of caches that nobody closes would keep the process.
process.exit();
