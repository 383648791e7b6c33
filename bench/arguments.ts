import { parseArgs } from 'node:util';

/** What every bench can be told. */
export interface BenchArguments {
  /** Fewer and shorter rounds: for a look, not for a figure. */
  readonly quick: boolean;
  /** Where the rows go as JSON. */
  readonly json: string | undefined;
}

/** Reads `[--quick] [--json FILE]`; anything else ends the process with the usage. */
export function benchArguments(): BenchArguments {
  try {
    const { values } = parseArgs({
      options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
    });
    if (values.json === '') throw new Error('--json needs the path of a file');
    return { quick: values.quick, json: values.json };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error('usage: [--quick] [--json FILE]');
    process.exit(2);
  }
}
