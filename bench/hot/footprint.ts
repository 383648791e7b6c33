/**
 * Fills caches of one contender and prints what an entry takes of memory beyond its key and value, as
 * a line of JSON: run by growth.ts in a process of its own for each figure.
 */
import { settledMemory } from '../settled-memory.ts';
import { CONTENDERS, type AnyContestant, type Demand } from './contenders.ts';
import { internedKeys, KEY_LENGTH, stringOf, VALUE_LENGTH, valuesOf } from './entries.ts';
import { GROWTH } from './workloads.ts';

/** What growth.ts reads. */
export interface Footprint {
  readonly bytesPerEntry: number;
}

/** So many entries in all at least: a page of memory more or less is nothing to them. */
const LEAST_ENTRIES = 200_000;
const WARM_UP_ENTRIES = 10_000;

const [, , contenderName = '', workloadName = ''] = process.argv;
const contender = CONTENDERS.get(contenderName);
const workload = GROWTH.find(({ name }) => name === workloadName);
if (contender === undefined || workload === undefined || globalThis.gc === undefined) {
  throw new Error('usage: node --expose-gc footprint.js CONTENDER WORKLOAD');
}
const { entries } = workload;

/** Filled to its bound; as in the rounds, all of it is at hand. */
async function filled(
  demand: Demand,
  keys: readonly string[],
  values: readonly unknown[],
): Promise<AnyContestant | undefined> {
  const contestant = await contender?.make(demand);
  if (contestant === undefined) return undefined;
  for (let index = 0; index < keys.length; index++) {
    await contestant.cache.set(keys[index] ?? '', values[index]);
  }
  for (const key of keys) await contestant.cache.get(key);
  contestant.settle?.();
  const size = contestant.size?.();
  if (size !== keys.length) throw new Error(`it holds ${size} of ${keys.length} entries`);
  return contestant;
}

// What exists already is no part of what an entry takes.
const keys = internedKeys(entries);
const values = valuesOf(entries, stringOf);
const demand: Demand = { ...workload.demand, capacity: entries };

// Nor is compiled code.
await filled(demand, keys.slice(0, WARM_UP_ENTRIES), values);

const copies = Math.ceil(LEAST_ENTRIES / entries);
const before = await settledMemory();
const held: unknown[] = [];
for (let copy = 0; copy < copies; copy++) held.push(await filled(demand, keys, values));
const full = await settledMemory();

const isCopied = contenderName === 'granary-native';
const footprint: Footprint = {
  bytesPerEntry:
    (full.rss - before.rss) / (held.length * entries) - (isCopied ? KEY_LENGTH + VALUE_LENGTH : 0),
};
console.log(JSON.stringify(footprint));
// Nothing of it may be collected before it was looked at.
process.exit(held.length === copies && keys.length === values.length ? 0 : 1);
