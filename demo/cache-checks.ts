import type { Check } from './check.ts';
import { bytes, count } from './figures.ts';
import type { Measurement } from './measurement.ts';
import type { Workload } from './pair.ts';
import type { CacheCounters } from './servers/counters.ts';

/** What the figures of all rounds must agree on. */
export function cacheChecks(measurements: readonly Measurement[]): Check[] {
  const cached = measurements.flatMap(({ workload, originLoads, reads, cache }) =>
    cache === undefined ? [] : [{ workload, originLoads, reads, cache }],
  );
  return [
    answersCheck(measurements),
    accountsCheck(cached),
    ...cached.map(({ workload, cache }) => boundsCheck(workload, cache)),
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
function boundsCheck({ name, binds, maxEntries, maxBytes }: Workload, cache: CacheCounters): Check {
  const { peakSize, peakMemoryBytes, evictions } = cache;
  const isHeld = peakSize <= maxEntries && peakMemoryBytes <= maxBytes;
  const fullness = { entries: peakSize / maxEntries, bytes: peakMemoryBytes / maxBytes };
  const isPut =
    binds === undefined ? evictions === 0 : evictions > 0 && fullness[binds] > NEARLY_FULL;
  return {
    claim: `bounds held, ${name}`,
    holds: isHeld && isPut,
    evidence:
      `at most ${count(peakSize)} of ${count(maxEntries)} entries and ` +
      `${bytes(peakMemoryBytes)} of ${bytes(maxBytes)}, ${count(evictions)} evictions`,
  };
}

const NEARLY_FULL = 0.8;
