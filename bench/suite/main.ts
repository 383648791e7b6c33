/**
 * Runs the benches one after another, each in a process of its own, and publishes what they found:
 * bench/results/NAME.json, charts beside it, and the tables in bench/README.md and README.md.
 *
 * Ends with code 1 where a bench fails; the others run all the same.
 */
import path from 'node:path';
import { publish } from '../tables/publication.ts';
import { ROOT } from '../versions.ts';
import { suiteArguments } from './arguments.ts';
import { runBench } from './bench-process.ts';

const { quick, benches } = suiteArguments();
const failures: string[] = [];
const began = performance.now();

function minutes(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 60_000).toFixed(1)} min`;
}

for (const [index, { name }] of benches.entries()) {
  const place = `bench ${index + 1} of ${benches.length}, ${name}`;
  console.error(`${place} …`);
  const start = performance.now();
  const json = path.join(ROOT, 'bench/results', `${name}.json`);
  const { code, signal } = await runBench(name, ['--json', json, ...(quick ? ['--quick'] : [])]);
  if (code !== 0) failures.push(`${name} (${signal ?? `exit code ${code}`})`);
  console.error(`${place}: ${code === 0 ? 'done' : 'FAILED'} in ${minutes(start)}\n`);
}

const written = publish(ROOT);
console.log(`written from bench/results/*.json: ${written.join(', ') || 'nothing has changed'}`);
const failed = failures.length === 0 ? 'none failed' : `failed: ${failures.join(', ')}`;
console.log(`${benches.length} benches in ${minutes(began)}; ${failed}`);
if (failures.length > 0) process.exitCode = 1;
