import type { Amount, Confidence, HandleSet, ResourceUsage } from './resource-usage.ts';

export type { ResourceUsage };

/** What nothing uses. */
export function noUsage(confidence: Confidence = 'exact'): ResourceUsage {
  const amount: Amount = { value: 0, confidence };
  const handles: HandleSet = { ids: [], confidence };
  return {
    memoryBytes: amount,
    cpuTimeMs: amount,
    fileHandles: handles,
    networkConnections: handles,
  };
}

/** @returns the greater of each, with the confidence of the later. */
export function peakUsage(earlier: ResourceUsage, later: ResourceUsage): ResourceUsage {
  return {
    memoryBytes: greater(earlier.memoryBytes, later.memoryBytes),
    cpuTimeMs: greater(earlier.cpuTimeMs, later.cpuTimeMs),
    fileHandles: more(earlier.fileHandles, later.fileHandles),
    networkConnections: more(earlier.networkConnections, later.networkConnections),
  };
}

function greater(earlier: Amount, later: Amount): Amount {
  return { value: Math.max(earlier.value, later.value), confidence: later.confidence };
}

function more(earlier: HandleSet, later: HandleSet): HandleSet {
  const ids = earlier.ids.length > later.ids.length ? earlier.ids : later.ids;
  return { ids, confidence: later.confidence };
}
