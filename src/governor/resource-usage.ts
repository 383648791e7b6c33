/**
 * How surely a figure is known: `exact` (the operating system counts it for this tool alone), `thread` (counted for
 * the thread that ran it), `estimate` (a difference of what is shared).
 */
export type Confidence = 'exact' | 'thread' | 'estimate';

/** A measured amount. */
export interface Amount {
  /** In the unit that the field's name gives. */
  readonly value: number;
  readonly confidence: Confidence;
}

/** Handles that are open now. */
export interface HandleSet {
  /** Numbers of descriptors (or of sockets, by their descriptor or inode). */
  readonly ids: readonly number[];
  readonly confidence: Confidence;
}

/** What a tool, or one execution of it, uses. */
export interface ResourceUsage {
  readonly memoryBytes: Amount;
  readonly cpuTimeMs: Amount;
  readonly fileHandles: HandleSet;
  readonly networkConnections: HandleSet;
}

/** Amounts of all resources, without saying how sure they are. */
export interface Amounts {
  readonly memoryBytes: number;
  readonly cpuTimeMs: number;
  readonly fileHandles: number;
  readonly networkConnections: number;
}

/** What nothing uses. */
export const NO_AMOUNTS: Amounts = {
  memoryBytes: 0,
  cpuTimeMs: 0,
  fileHandles: 0,
  networkConnections: 0,
};

/** @returns each amount of one, and `sign` times that of the other. */
export function addAmounts(one: Amounts, other: Amounts, sign: 1 | -1 = 1): Amounts {
  return {
    memoryBytes: one.memoryBytes + sign * other.memoryBytes,
    cpuTimeMs: one.cpuTimeMs + sign * other.cpuTimeMs,
    fileHandles: one.fileHandles + sign * other.fileHandles,
    networkConnections: one.networkConnections + sign * other.networkConnections,
  };
}
