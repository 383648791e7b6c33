import { parseArgs } from 'node:util';

/** What every bench can be told. */
export interface BenchArguments {
  /** Fewer and shorter rounds: for a look, not for a figure. */
  readonly quick: boolean;
  /** Where the rows go as JSON. */
  readonly json: string | undefined;
}

/** What a bench can be told whose workloads can be picked. */
export interface PickingArguments extends BenchArguments {
  /** Names of workloads, each once; empty = none were picked. */
  readonly workloads: readonly string[];
}

const BENCH_OPTIONS = {
  quick: { type: 'boolean', default: false },
  json: { type: 'string' },
} as const;

/** Reads `[--quick] [--json FILE]`; anything else ends the process with the usage. */
export function benchArguments(): BenchArguments {
  return orUsage('[--quick] [--json FILE]', () => {
    const { values } = parseArgs({ options: BENCH_OPTIONS });
    return { quick: values.quick, json: jsonFile(values.json) };
  });
}

/** The same with `[--workload NAME]…`, each one of `allowed`. */
export function pickingArguments(allowed: readonly string[]): PickingArguments {
  return orUsage('[--quick] [--json FILE] [--workload NAME]…', () => {
    const { values } = parseArgs({
      options: { ...BENCH_OPTIONS, workload: { type: 'string', multiple: true, default: [] } },
    });
    const unknown = values.workload.find((name) => !allowed.includes(name));
    if (unknown !== undefined) {
      throw new Error(`--workload ${unknown} is unknown; allowed are ${allowed.join(', ')}`);
    }
    return {
      quick: values.quick,
      json: jsonFile(values.json),
      workloads: [...new Set(values.workload)],
    };
  });
}

function jsonFile(path: string | undefined): string | undefined {
  if (path === '') throw new Error('--json needs the path of a file');
  return path;
}

function orUsage<T>(usage: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error(`usage: ${usage}`);
    process.exit(2);
  }
}
