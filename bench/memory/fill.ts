/**
 * Fills one contender with one workload and prints what that took, as a line of JSON: run by main.ts
 * in a process of its own for each figure, since no process gets its first memory back.
 */
import { setTimeout } from 'node:timers/promises';
import { CONTENDERS, type KeyedStore } from './contenders.ts';
import { KEY_BYTES, uriOf, WORKLOADS, type MemoryWorkload } from './workloads.ts';

/** What main.ts reads. */
export interface FillFigures {
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** RSS after clearing, as a share of what filling had added. */
  readonly afterClearShare: number;
  /** What Rust holds besides keys and values, an entry. */
  readonly overheadBytes: number;
}

const LOOKS = 5;
const LOOK_MS = 20;
const WARM_UP_BYTES = 4e6;

/** The lowest of several looks: collections end in the background. */
async function memory(): Promise<{ rss: number; heapUsed: number; heapTotal: number }> {
  const looks: NodeJS.MemoryUsage[] = [];
  for (let look = 0; look < LOOKS; look++) {
    globalThis.gc?.();
    await setTimeout(LOOK_MS);
    looks.push(process.memoryUsage());
  }
  const least = (name: 'rss' | 'heapUsed' | 'heapTotal') =>
    Math.min(...looks.map((usage) => usage[name]));
  return { rss: least('rss'), heapUsed: least('heapUsed'), heapTotal: least('heapTotal') };
}

function fill(store: KeyedStore, workload: MemoryWorkload, entries: number): void {
  for (let index = 0; index < entries; index++) store.set(uriOf(index), workload.make(index));
}

const [, , contenderName = '', workloadName = ''] = process.argv;
const workload = WORKLOADS.find(({ name }) => name === workloadName);
const make = CONTENDERS.get(contenderName);
if (workload === undefined || make === undefined || globalThis.gc === undefined) {
  throw new Error('usage: node --expose-gc fill.js CONTENDER WORKLOAD');
}
const { entries } = workload;

// Compiled code is no part of what an entry takes.
const warmUp = make(workload);
fill(warmUp, workload, Math.min(entries, Math.ceil(WARM_UP_BYTES / workload.valueBytes)));
warmUp.clear();

const store = make(workload);
const before = await memory();
fill(store, workload, entries);
const full = await memory();
const { nativeBytes } = store;
store.clear();
const cleared = await memory();

const rssBytes = full.rss - before.rss;
const outsideBytes = rssBytes - Math.max(0, full.heapTotal - before.heapTotal);
const figures: FillFigures = {
  rssBytes,
  heapBytes: full.heapUsed - before.heapUsed,
  afterClearShare: (cleared.rss - before.rss) / rssBytes,
  overheadBytes: (outsideBytes - nativeBytes) / entries - KEY_BYTES,
};
console.log(JSON.stringify(figures));
