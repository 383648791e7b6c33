import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { syntheticTrace, type SyntheticName } from './synthetic-traces.ts';
import { readTraceFile } from './trace-file.ts';
import type { Trace } from './trace.ts';

/** Where the accesses come from: a file, or one of those made here. */
export type TraceSource = { readonly file: string } | { readonly synthetic: SyntheticName };

/** A trace and the caches that it is replayed on. */
export interface Workload {
  /** The trace's, `@` and the capacity. */
  readonly name: string;
  readonly source: TraceSource;
  /** Entries, or bytes where `weighted`. */
  readonly capacity: number;
  readonly weighted: boolean;
}

// As compiled, this file stands two folders deeper than the project has it.
const TRACES = fileURLToPath(new URL('../../../../bench/hit-ratio/traces/', import.meta.url));

export function traceName(source: TraceSource): string {
  if ('synthetic' in source) return source.synthetic;
  return path.basename(source.file).replace(/(\.txt)?(\.gz)?$/, '');
}

export function loadTrace({ source, weighted }: Omit<Workload, 'capacity'>): Promise<Trace> {
  return 'synthetic' in source
    ? Promise.resolve(syntheticTrace(source.synthetic))
    : readTraceFile(source.file, weighted);
}

export function workloads(
  source: TraceSource,
  capacities: readonly number[],
  weighted = false,
): Workload[] {
  return capacities.map((capacity) => ({
    name: `${traceName(source)}@${capacity}`,
    source,
    capacity,
    weighted,
  }));
}

interface BuiltIn {
  readonly source: TraceSource;
  readonly capacities: readonly number[];
  /** Of these also when there is little time. */
  readonly quickCapacities: readonly number[];
}

const BUILT_IN: readonly BuiltIn[] = [
  {
    source: { file: path.join(TRACES, 'web12.txt.gz') },
    capacities: [300, 1_200],
    quickCapacities: [300],
  },
  {
    source: { file: path.join(TRACES, 'orm_night.txt.gz') },
    capacities: [1_000],
    quickCapacities: [1_000],
  },
  { source: { synthetic: 'zipf' }, capacities: [1_000], quickCapacities: [] },
  { source: { synthetic: 'loop' }, capacities: [500], quickCapacities: [500] },
  { source: { synthetic: 'zipf-scan' }, capacities: [1_000], quickCapacities: [] },
  { source: { synthetic: 'zipf-shift' }, capacities: [1_000], quickCapacities: [1_000] },
  { source: { synthetic: 'recency' }, capacities: [500], quickCapacities: [] },
];

/** What is replayed where no trace is given; `capacities` in place of those that fit the traces. */
export function builtInWorkloads(
  quick: boolean,
  capacities: readonly number[] | undefined,
): Workload[] {
  return BUILT_IN.flatMap((builtIn) => {
    const own = quick ? builtIn.quickCapacities : builtIn.capacities;
    return own.length === 0 ? [] : workloads(builtIn.source, capacities ?? own);
  });
}
