import { parseArgs, type ParseArgsConfig } from 'node:util';

/** What every bench can be told. */
export interface BenchArguments {
  /** Fewer and shorter rounds: for a look, not for a figure. */
  readonly quick: boolean;
  /** Where the rows go as JSON. */
  readonly json: string | undefined;
}

const USAGE = '[--quick] [--json FILE]';
const OPTIONS = { quick: { type: 'boolean', default: false }, json: { type: 'string' } } as const;

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<T extends Options> = ReturnType<
  typeof parseArgs<{ options: T & typeof OPTIONS }>
>['values'];

/** Ends the process as bad arguments do. */
export function refuseArguments(error: unknown, usage = ''): never {
  console.error(error instanceof Error ? error.message : error);
  console.error(`usage: ${[USAGE, usage].join(' ').trim()}`);
  process.exit(2);
}

/** Reads `[--quick] [--json FILE]`; anything else ends the process with the usage. */
export function benchArguments(): BenchArguments {
  return benchArgumentsAnd({}, '', () => ({}));
}

/**
 * Reads `[--quick] [--json FILE]` and the options of one bench; anything else, and what `read`
 * throws, ends the process with the usage.
 *
 * @param usage - of the bench's own options
 * @param read - makes of the bench's own options what it needs
 */
export function benchArgumentsAnd<const T extends Options, R>(
  options: T,
  usage: string,
  read: (values: Values<T>) => R,
): BenchArguments & R {
  try {
    const { values } = parseArgs({ options: { ...options, ...OPTIONS } });
    const { quick, json } = values as { quick: boolean; json?: string };
    if (json === '') throw new Error('--json needs the path of a file');
    return { quick, json, ...read(values) };
  } catch (error) {
    return refuseArguments(error, usage);
  }
}

/** What a bench can be told whose workloads can be picked. */
export interface PickingArguments extends BenchArguments {
  /** Names of workloads, each once; empty = none were picked. */
  readonly workloads: readonly string[];
}

/** Reads `[--quick] [--json FILE] [--workload NAME]…`, each name one of `allowed`. */
export function pickingArguments(allowed: readonly string[]): PickingArguments {
  const workload = { type: 'string', multiple: true, default: [] as string[] } as const;
  return benchArgumentsAnd({ workload }, '[--workload NAME]…', (values) => {
    const picked = values.workload;
    const unknown = picked.find((name) => !allowed.includes(name));
    if (unknown !== undefined) {
      throw new Error(`--workload ${unknown} is unknown; allowed are ${allowed.join(', ')}`);
    }
    return { workloads: [...new Set(picked)] };
  });
}
