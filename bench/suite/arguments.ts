import { parseArgs } from 'node:util';
import { BENCHES, type Bench } from './benches.ts';

export interface SuiteArguments {
  readonly quick: boolean;
  /** The benches to run, in the order of the table. */
  readonly benches: readonly Bench[];
}

/** Reads `[--quick] [--only NAME[,NAME…]]`; anything else ends the process with the usage. */
export function suiteArguments(): SuiteArguments {
  try {
    const { values } = parseArgs({
      options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
    });
    return {
      quick: values.quick,
      benches: values.only === undefined ? BENCHES : named(values.only),
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error('usage: [--quick] [--only NAME[,NAME…]]');
    process.exit(2);
  }
}

function named(only: string): Bench[] {
  const names = only.split(',');
  const unknown = names.find((name) => BENCHES.every((bench) => bench.name !== name));
  if (unknown !== undefined) {
    const known = BENCHES.map(({ name }) => name).join(', ');
    throw new Error(`no bench is called ${JSON.stringify(unknown)}; there are ${known}`);
  }
  return BENCHES.filter(({ name }) => names.includes(name));
}
