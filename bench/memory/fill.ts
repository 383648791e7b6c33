/**
 * Fills one contender with one workload and prints what that took, as a line of JSON: run by main.ts
 * in a process of its own for each figure, since no process gets its first memory back.
 */
import { settledMemory } from '../settled-memory.ts';
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

const WARM_UP_BYTES = 4e6;

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
const before = await settledMemory();
fill(store, workload, entries);
const full = await settledMemory();
const { nativeBytes } = store;
store.clear();
const cleared = await settledMemory();

const rssBytes = full.rss - before.rss;
const outsideBytes = rssBytes - Math.max(0, full.heapTotal - before.heapTotal);
const figures: FillFigures = {
  rssBytes,
  heapBytes: full.heapUsed - before.heapUsed,
  afterClearShare: (cleared.rss - before.rss) / rssBytes,
  overheadBytes: (outsideBytes - nativeBytes) / entries - KEY_BYTES,
};
console.log(JSON.stringify(figures));
