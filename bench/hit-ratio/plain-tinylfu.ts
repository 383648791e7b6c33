import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { ChildCall } from '../children.ts';
import type { Trace } from './trace.ts';
import type { Workload } from './workload.ts';

const EXTENSION = process.platform === 'win32' ? '.exe' : '';

// As compiled, this file stands two folders deeper than the project has it. The tests of the crates
// leave a slower build of it, which has the same hits.
const PROGRAMS = ['release', 'debug'].map((profile) =>
  fileURLToPath(
    new URL(`../../../../target/${profile}/examples/plain_tinylfu${EXTENSION}`, import.meta.url),
  ),
);

const CHUNK_ACCESSES = 10_000;

/** How moka replays the trace: a program of the core's crate, which is told the accesses. */
export function plainTinyLfu({ capacity, weighted }: Workload, trace: Trace): ChildCall {
  const program = PROGRAMS.find((file) => existsSync(file));
  if (program === undefined) {
    throw new Error(`${PROGRAMS[0]} is missing: npm run bench:hit-ratio builds it`);
  }
  return {
    program,
    args: [String(capacity), ...(weighted ? ['--weighted'] : [])],
    input: lines(trace),
  };
}

function* lines({ keys, accesses, bytes }: Trace): Generator<Buffer> {
  for (let start = 0; start < accesses.length; start += CHUNK_ACCESSES) {
    let chunk = '';
    const end = Math.min(accesses.length, start + CHUNK_ACCESSES);
    for (let access = start; access < end; access++) {
      const key = keys[accesses[access] ?? 0] ?? '';
      chunk += bytes === undefined ? `${key}\n` : `${key} ${bytes[access] ?? 1}\n`;
    }
    // Keys are bytes, a character each.
    yield Buffer.from(chunk, 'latin1');
  }
}
