import { machine } from '../bench/report.ts';
import {
  IN_FLIGHT,
  READS_PER_ROUND,
  ROUNDS,
  SEED,
  WARM_UP_ROUNDS,
  ZIPF_EXPONENT,
  type Demonstration,
} from './demonstration.ts';
import { bytes, count, milliseconds, percent } from './figures.ts';
import { SLOW_ORIGIN_MS } from './pair.ts';
import type { Measurement, RoundFigures } from './measurement.ts';
import { baselineOf } from './result-table.ts';
import type { ThreadAct } from './thread-act.ts';

/** What was measured, and on what. */
export function method({ documents: { documents, sizeBytes } }: Demonstration): string[] {
  const { node, platform, cpu, cpus } = machine();
  return [
    `${count(documents.length)} READMEs, licences and notices of packages, ${bytes(sizeBytes)}, served by MCP over stdio.`,
    `Each figure is the median of ${ROUNDS} rounds of ${count(READS_PER_ROUND)} reads, ${IN_FLIGHT} in flight, the SDK's client included;`,
    `servers take turns in alternating order, all with the same requests (Zipf ${ZIPF_EXPONENT}, seed ${SEED}),`,
    `after one read of every document and ${WARM_UP_ROUNDS} rounds that do not count. Loads, hits and evictions are sums over the rounds.`,
    `The slow origin waits ${SLOW_ORIGIN_MS} ms before each read of a file, on purpose, without and with granary alike.`,
    `Node ${String(node)}, ${String(platform)}, ${String(cpus)} × ${String(cpu)}.`,
  ];
}

/** What the figures do not say by themselves. */
export function remarks({ documents, measurements }: Demonstration): string[] {
  // What every read hits is answered by granary and the SDK alone; what only some hit, by the origin too.
  const [allHitMs = Number.NaN, someHitMs = Number.NaN] = measurements
    .filter(({ contender, workload }) => contender === 'with granary' && workload.delayMs === 0)
    .map(({ median }) => 1_000 / median.readsPerSecond);
  return [
    `A file alone is read in ${milliseconds(documents.medianReadMs)} (median, one after the other, without a server). With granary, reads`,
    `that never get to a file still come one every ${milliseconds(allHitMs)}: that is nearly all the SDK itself, its client, its`,
    'server and the pipe between them, which granary does not replace. Where only some files fit, it is',
    `${percent(Math.min(allHitMs / someHitMs, 1))} of the time.`,
    ...noGains(measurements),
  ];
}

const IMPROVEMENTS = {
  'reads/s': ({ readsPerSecond }: RoundFigures, alone: RoundFigures) =>
    readsPerSecond > alone.readsPerSecond,
  p50: ({ p50Ms }: RoundFigures, alone: RoundFigures) => p50Ms < alone.p50Ms,
  p99: ({ p99Ms }: RoundFigures, alone: RoundFigures) => p99Ms < alone.p99Ms,
} as const;

/** How the threads were set up, and what sharing a store has cost them. */
export function threadRemarks({ contentBytes, copies, nearEntries, figures }: ThreadAct): string[] {
  const { 'a cache each': each, 'one store': one } = figures;
  return [
    `Each document is served ${count(copies)} times over, ${bytes(contentBytes)} in all, so that memory shows among what the`,
    'process takes anyway: what it has grown by once all threads have read all documents. With one store each',
    `thread keeps ${count(nearEntries)} of them decoded at hand, and decodes the others at every read.`,
    one.readsPerSecond < each.readsPerSecond
      ? 'NOT better with one store in this run: reads/s, which is what that costs.'
      : 'In this run reads/s are better with one store, too.',
  ];
}

/** Names what has not become better, or says that there is nothing such. */
function noGains(measurements: readonly Measurement[]): string[] {
  const lines = measurements.flatMap((measurement) => {
    const alone = baselineOf(measurement, measurements);
    if (alone === undefined || alone === measurement) return [];
    const names = Object.entries(IMPROVEMENTS)
      .filter(([, isBetter]) => !isBetter(measurement.median, alone.median))
      .map(([name]) => name);
    if (names.length === 0) return [];
    return [
      `NOT better with granary in this run: ${names.join(', ')} of ${measurement.workload.name}.`,
    ];
  });
  return lines.length > 0
    ? lines
    : ['In this run all of reads/s, p50 and p99 are better with granary.'];
}
