import type { Demand } from './contenders.ts';
import { drawn, seededRandom, uniformDraws, zipfDraws } from './draws.ts';
import { internedKeys, NewKeys, ParsedKeys, readResultOf, stringOf, valuesOf } from './entries.ts';
import { GET, MIXED, READ_THROUGH, SET, type Batch, type OperationPair } from './operations.ts';

/** Operations in a batch, unless a workload says otherwise. */
const BATCH = 4_096;

/**
 * Passes over the residents in a batch of hits. What a contender puts off falls on as many as in a
 * program that hits all the time: granary's native storage tells its policy who was used every 16 ms,
 * which is about so many.
 */
const PASSES = 64;

/** Of those in random order, which take four times as long: each comes from further away. */
const RANDOM_PASSES = 16;

const SEED = 20_240_229;
const ZIPF_KEYS = 200_000;
const ZIPF_EXPONENT = 0.99;
const ZIPF_BATCH = 4_000;
const ZIPF_BATCHES = 100;
const MIXED_SETS = 0.1;

/** What a workload works on. */
export interface Input {
  /** What a cache is filled with before anything is measured. */
  readonly keys: readonly string[];
  readonly values: readonly unknown[];
  /** Makes the next batch: outside of what is timed. */
  next(): Batch;
}

export interface Workload {
  readonly name: string;
  readonly contenders: readonly string[];
  /** Whom the others are held against. */
  readonly baseline: string;
  readonly demand: Demand;
  readonly operation: OperationPair;
  /** The values of the workload's kind. */
  readonly valueOf: (index: number) => unknown;
  /** How many batches make a pass, over which the share of hits is taken; 0 = it is known. */
  readonly passBatches: number;
  /** @param isSlow whether a batch of hits shall be one pass */
  input(isSlow: boolean): Input;
}

const BOUNDED = [
  'lru-cache',
  'lru-cache-ttl',
  'quick-lru',
  'tiny-lru',
  'transitory',
  'cacheable-memory',
  'cache-manager',
  'granary',
  'granary-native',
];
const ALL = ['map', ...BOUNDED];
const GROWING = ['map', 'lru-cache-ttl', 'granary', 'granary-native'];
const OF_OBJECTS = ['lru-cache', 'granary', 'granary-native'];

const NO_SETS = new Uint8Array(BATCH);

type Given = Pick<Workload, 'name' | 'demand' | 'operation' | 'input'> & Partial<Workload>;

function workload(given: Given): Workload {
  return {
    contenders: ALL,
    baseline: 'lru-cache-ttl',
    valueOf: stringOf,
    passBatches: 0,
    ...given,
  };
}

function alternating(first: Batch, second: Batch): () => Batch {
  let isFirst = false;
  return () => {
    isFirst = !isFirst;
    return isFirst ? first : second;
  };
}

/** Hits of all residents in order, again and again. */
function passes(all: Omit<Input, 'next'>, isSlow: boolean): Input {
  const none: readonly string[] = [];
  const asked = none.concat(...Array.from({ length: isSlow ? 1 : PASSES }, () => all.keys));
  return inOrder(asked, all, asked.length);
}

/** The same keys in order, again and again. */
function inOrder(asked: readonly string[], residents: Omit<Input, 'next'>, hits: number): Input {
  const batch: Batch = { keys: asked, values: residents.values, isSet: NO_SETS, hits };
  return { ...residents, next: () => batch };
}

function residents(count: number, valueOf: (index: number) => unknown = stringOf) {
  return { keys: internedKeys(count), values: valuesOf(count, valueOf) };
}

/** Hits in random order. */
function random(count: number, isSlow: boolean): Input {
  const draws = (isSlow ? 1 : RANDOM_PASSES) * BATCH;
  const { keys, values } = residents(count);
  const draw = seededRandom(SEED);
  return {
    keys,
    values,
    next: () => ({
      keys: drawn(keys, uniformDraws(count, draws, draw)),
      values,
      isSet: NO_SETS,
      hits: draws,
    }),
  };
}

/** Every key is a new one in a full cache. */
function evicting(capacity: number, valueOf: (index: number) => unknown): Input {
  const pages = new NewKeys(BATCH);
  const values = valuesOf(BATCH, valueOf, capacity);
  return {
    ...residents(capacity, valueOf),
    next: () => ({ keys: pages.next(), values, isSet: NO_SETS, hits: 0 }),
  };
}

function zipf(): Input {
  const keys = internedKeys(ZIPF_KEYS);
  const values = valuesOf(BATCH, stringOf);
  const draw = zipfDraws(ZIPF_KEYS, ZIPF_EXPONENT, seededRandom(SEED));
  const pass: Uint32Array[] = [];
  let at = 0;
  return {
    keys: [],
    values: [],
    next() {
      const indices = (pass[at] ??= draw(ZIPF_BATCH));
      at = (at + 1) % ZIPF_BATCHES;
      return {
        keys: drawn(keys, indices),
        values: drawn(values, indices),
        isSet: NO_SETS,
        hits: undefined,
      };
    },
  };
}

function mixed(): Input {
  const { keys, values } = residents(BATCH);
  const draw = seededRandom(SEED);
  return {
    keys,
    values,
    next() {
      const isSet = new Uint8Array(BATCH);
      let hits = 0;
      for (let index = 0; index < BATCH; index++) {
        if (draw() < MIXED_SETS) isSet[index] = 1;
        else hits++;
      }
      return { keys: drawn(keys, uniformDraws(BATCH, BATCH, draw)), values, isSet, hits };
    },
  };
}

function objectWorkload(given: Given): Workload {
  return workload({
    contenders: OF_OBJECTS,
    baseline: 'lru-cache',
    valueOf: readResultOf,
    ...given,
    demand: { ...given.demand, isWeighed: true },
  });
}

/** What the table is about, and two more that bind nothing. */
export const WORKLOADS: readonly Workload[] = [
  workload({
    name: 'get-hit',
    demand: { capacity: 2 * BATCH, nearEntries: BATCH },
    operation: GET,
    input: (isSlow) => passes(residents(BATCH), isSlow),
  }),
  workload({
    name: 'get-hit-parsed',
    demand: { capacity: 2 * BATCH, nearEntries: BATCH },
    operation: GET,
    input() {
      const all = residents(BATCH);
      const parsed = new ParsedKeys(all.keys);
      return {
        ...all,
        next: () => ({ keys: parsed.next(), values: all.values, isSet: NO_SETS, hits: BATCH }),
      };
    },
  }),
  workload({
    name: 'get-hit-random',
    demand: { capacity: 20_000, nearEntries: 10_000 },
    operation: GET,
    input: (isSlow) => random(10_000, isSlow),
  }),
  workload({
    name: 'get-miss',
    demand: { capacity: 2 * BATCH },
    operation: GET,
    input: () => inOrder(internedKeys(BATCH, BATCH), residents(BATCH), 0),
  }),
  workload({
    name: 'overwrite',
    demand: { capacity: 2 * BATCH },
    operation: SET,
    input() {
      const all = residents(BATCH);
      const batch: Batch = { ...all, isSet: NO_SETS, hits: 0 };
      const other: Batch = { ...batch, values: valuesOf(BATCH, stringOf, BATCH) };
      return { ...all, next: alternating(other, batch) };
    },
  }),
  workload({
    name: 'set-evict',
    // A Map evicts nothing.
    contenders: BOUNDED,
    demand: { capacity: 5_000 },
    operation: SET,
    input: () => evicting(5_000, stringOf),
  }),
  workload({
    name: 'read-through-zipf',
    contenders: BOUNDED,
    demand: { capacity: 5_000 },
    operation: READ_THROUGH,
    passBatches: ZIPF_BATCHES,
    input: zipf,
  }),
  workload({
    name: 'mixed-90-10',
    demand: { capacity: 2 * BATCH, nearEntries: BATCH },
    operation: MIXED,
    input: mixed,
  }),
  objectWorkload({
    name: 'get-hit-objects',
    demand: { capacity: 2 * BATCH, nearEntries: BATCH },
    operation: GET,
    input: (isSlow) => passes(residents(BATCH, readResultOf), isSlow),
  }),
  objectWorkload({
    name: 'set-evict-objects',
    demand: { capacity: 5_000 },
    operation: SET,
    input: () => evicting(5_000, readResultOf),
  }),
];

/** A cache that grows: the last of these does not fit granary's default of 100 MiB. */
export interface GrowthWorkload extends Workload {
  readonly entries: number;
}

export const GROWTH: readonly GrowthWorkload[] = [1_000, 10_000, 100_000, 1_000_000].map(
  (entries) => ({
    entries,
    ...workload({
      name: `get-hit-random@${entries}`,
      contenders: GROWING,
      demand: { capacity: 2 * entries, nearEntries: entries, maxBytes: 2 ** 30 },
      operation: GET,
      input: (isSlow) => random(entries, isSlow),
    }),
  }),
);
