import { bytes, count, milliseconds, percent, times } from './figures.ts';
import { hitRatio, type Measurement } from './measurement.ts';

export const RESULT_HEADER = [
  'workload',
  'server',
  'reads/s',
  'p50',
  'p99',
  'origin loads',
  'hit ratio',
  'held',
  'evictions',
  '× SDK',
] as const;

/** Columns of words, before those of figures. */
export const RESULT_LEFT_COLUMNS = 2;

/** One row a server, as people read it. */
export function resultRows(measurements: readonly Measurement[]): string[][] {
  return measurements.map((measurement) => {
    const { workload, contender, median, originLoads, cache } = measurement;
    const held =
      cache === undefined
        ? ['–', '–', '–']
        : [percent(hitRatio(cache)), bytes(cache.memoryBytes), count(cache.evictions)];
    return [
      workload.name,
      contender,
      count(median.readsPerSecond),
      milliseconds(median.p50Ms),
      milliseconds(median.p99Ms),
      count(originLoads),
      ...held,
      contender === 'SDK alone' ? '' : times(speedUp(measurement, measurements)),
    ];
  });
}

/** The SDK alone under the same workload. */
export function baselineOf(
  { workload }: Measurement,
  all: readonly Measurement[],
): Measurement | undefined {
  return all.find((other) => other.workload === workload && other.contender === 'SDK alone');
}

function speedUp(measurement: Measurement, all: readonly Measurement[]): number {
  const alone = baselineOf(measurement, all)?.median.readsPerSecond ?? Number.NaN;
  return measurement.median.readsPerSecond / alone;
}
