import { benchArgumentsAnd, type BenchArguments } from '../arguments.ts';
import { traceName } from './workload.ts';

export interface TraceArguments extends BenchArguments {
  /** Paths of files; none: the traces that come with the bench. */
  readonly traces: readonly string[];
  /** Entries, or bytes where `weighted`; none: those that fit the traces that come with the bench. */
  readonly capacities: readonly number[] | undefined;
  /** Whether lines are `key bytes`. */
  readonly weighted: boolean;
}

/** The most that every contender takes. */
const MOST_ENTRIES = 16_777_215;

export const USAGE = '[--trace FILE]… [--capacity N[,N…]]… [--weighted]';

const OPTIONS = {
  trace: { type: 'string', multiple: true },
  capacity: { type: 'string', multiple: true },
  weighted: { type: 'boolean', default: false },
} as const;

export function traceArguments(): TraceArguments {
  return benchArgumentsAnd(OPTIONS, USAGE, ({ trace = [], capacity, weighted }) => {
    const traces = [...new Set(trace)];
    checkTraces(traces);
    const most = weighted ? Number.MAX_SAFE_INTEGER : MOST_ENTRIES;
    const capacities = capacity
      ?.flatMap((list) => list.split(','))
      .map((text) => readCapacity(text, most));
    if (traces.length > 0 && capacities === undefined) {
      throw new Error(`--trace needs --capacity, in ${weighted ? 'bytes' : 'entries'}`);
    }
    if (traces.length === 0 && weighted) throw new Error('--weighted needs --trace');
    return { traces, capacities: capacities && [...new Set(capacities)], weighted };
  });
}

function checkTraces(files: readonly string[]): void {
  const byName = new Map<string, string>();
  for (const file of files) {
    if (file === '') throw new Error('--trace needs the path of a file');
    const name = traceName({ file });
    const other = byName.get(name);
    if (other !== undefined) {
      throw new Error(`--trace ${other} and --trace ${file} would both be called ${name}`);
    }
    byName.set(name, file);
  }
}

function readCapacity(text: string, most: number): number {
  const capacity = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (capacity >= 1 && capacity <= most) return capacity;
  throw new Error(`--capacity ${text} is not a whole number from 1 to ${most}`);
}
