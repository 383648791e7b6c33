import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchRow } from '../report.ts';
import { median } from '../rounds.ts';
import type { Footprint } from './footprint.ts';
import type { GrowthWorkload } from './workloads.ts';

const FOOTPRINT = fileURLToPath(new URL('footprint.js', import.meta.url));

/** A young generation that grows with garbage would hide what is held. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=1'];

const run = promisify(execFile);

/** @returns what an entry takes beyond key and value with each contender, medians of `runs`. */
export async function growthRows(
  { name, contenders }: GrowthWorkload,
  runs: number,
  onStep: (what: string) => void,
): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const contender of contenders) {
    const bytes: number[] = [];
    for (let index = 0; index < runs; index++) {
      const { stdout } = await run(process.execPath, [...FLAGS, FOOTPRINT, contender, name]);
      bytes.push((JSON.parse(stdout) as Footprint).bytesPerEntry);
      onStep(`${name}: memory of ${contender}, ${index + 1} of ${runs}`);
    }
    const value = median(bytes);
    rows.push({ workload: name, contender, metric: 'bytes/entry', value, unit: 'B' });
  }
  return rows;
}
