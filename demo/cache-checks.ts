import type { Check } from './check.ts';
import type { DocumentFile } from './documents.ts';
import { bytes, count } from './figures.ts';
import type { Measurement } from './measurement.ts';
import type { Workload } from './pair.ts';
import type { CacheCounters } from './servers/counters.ts';

/** What the figures of all rounds must agree on. */
export function cacheChecks(
  measurements: readonly Measurement[],
  documents: readonly DocumentFile[],
): Check[] {
  const cached = measurements.flatMap(({ workload, originLoads, reads, cache }) =>
    cache === undefined ? [] : [{ workload, originLoads, reads, cache }],
  );
  const largestBytes = Math.max(...documents.map(({ sizeBytes }) => sizeBytes));
  return [
    answersCheck(measurements),
    accountsCheck(cached),
    ...cached.map(({ workload, cache }) => boundsCheck(workload, cache, largestBytes)),
  ];
}

function answersCheck(measurements: readonly Measurement[]): Check {
  const sum = (figure: 'reads' | 'wrongAnswers') =>
    measurements.reduce((total, measurement) => total + measurement[figure], 0);
  return {
    claim: 'every answer of every round is the file as it is on disk',
    holds: sum('reads') > 0 && sum('wrongAnswers') === 0,
    evidence: `${count(sum('reads'))} reads, ${count(sum('wrongAnswers'))} wrong`,
  };
}

interface Cached {
  readonly workload: Workload;
  readonly originLoads: number;
  readonly reads: number;
  readonly cache: CacheCounters;
}

/** The counters of the cache against what the origin and the client have counted themselves. */
function accountsCheck(cached: readonly Cached[]): Check {
  const tidy = cached.filter(
    ({ originLoads, reads, cache }) =>
      cache.hits + cache.misses === reads &&
      cache.loads + cache.coalescedLoads === cache.misses &&
      cache.loads === originLoads,
  );
  const total = (figure: (each: Cached) => number) =>
    count(cached.reduce((sum, each) => sum + figure(each), 0));
  return {
    claim:
      'every read is a hit, or a miss that loads or joins a load, and the origin counts the same',
    holds: cached.length > 0 && tidy.length === cached.length,
    evidence:
      `${total(({ cache }) => cache.hits)} hits + ${total(({ cache }) => cache.misses)} misses ` +
      `for ${total(({ reads }) => reads)} reads; ${total(({ cache }) => cache.loads)} loads, joined by ` +
      `${total(({ cache }) => cache.coalescedLoads)} reads, and ` +
      `${total(({ originLoads }) => originLoads)} at the origin`,
  };
}

/** A bound that nothing came near to would prove nothing. */
function boundsCheck(
  { name, binds, maxEntries, maxBytes }: Workload,
  { peakSize, peakMemoryBytes, evictions }: CacheCounters,
  largestBytes: number,
): Check {
  const isHeld = peakSize <= maxEntries && peakMemoryBytes <= maxBytes;
  const isPut = {
    entries: evictions > 0 && peakSize > NEARLY_ALL * maxEntries,
    bytes: evictions > 0 && peakMemoryBytes + largestBytes > maxBytes,
    nothing: evictions === 0,
  };
  return {
    claim: `bounds held, ${name}`,
    holds: isHeld && isPut[binds],
    evidence:
      `at most ${count(peakSize)} of ${count(maxEntries)} entries and ` +
      `${bytes(peakMemoryBytes)} of ${bytes(maxBytes)}, ${count(evictions)} evictions`,
  };
}

/** The policy may keep a few places free. */
const NEARLY_ALL = 0.8;
