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

/** The four resources, by the names of their limits. */
export interface ResourceLimits {
  /** Bytes; 104,857,600 base and 524,288,000 maximum where not given. */
  readonly maxMemoryBytes: number;
  /** Milliseconds of CPU an operation; 30,000 base and 120,000 maximum where not given. */
  readonly maxCpuTimeMs: number;
  /** Open descriptors; 50 base and 200 maximum where not given. */
  readonly maxFileHandles: number;
  /** Open sockets; 10 base and 50 maximum where not given. */
  readonly maxNetworkConnections: number;
}
