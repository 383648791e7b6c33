/** What a sample may hold besides who the process is. */
export const SAMPLE_PARTS = [
  'memory',
  'proportional',
  'cpu',
  'threads',
  'descriptors',
  'sockets',
  'descendants',
] as const;

/**
 * A part of a sample: `memory`, `cpu` of the process, `cpu` of each of its `threads`, open `descriptors`,
 * open `sockets`, `descendants`; or `proportional`, memory with shared pages in part (Linux: PSS), which
 * costs a look at every mapping (0.7 ms for 100 MB).
 */
export type SamplePart = (typeof SAMPLE_PARTS)[number];

/** What a descriptor is open on. */
export type DescriptorKind = 'file' | 'device' | 'socket' | 'pipe' | 'anonymous' | 'other';

/** States of a TCP connection (RFC 9293). */
export type SocketState =
  | 'LISTEN'
  | 'SYN_SENT'
  | 'SYN_RECEIVED'
  | 'NEW_SYN_RECEIVED'
  | 'ESTABLISHED'
  | 'FIN_WAIT_1'
  | 'FIN_WAIT_2'
  | 'CLOSE_WAIT'
  | 'CLOSING'
  | 'LAST_ACK'
  | 'TIME_WAIT'
  | 'CLOSED';

/** An open descriptor. */
export interface OpenDescriptor {
  readonly fd: number;
  readonly kind: DescriptorKind;
}

/** An open socket. */
export interface OpenSocket {
  /** The number of its descriptor. */
  readonly fd: number;
  /** `other` for those of no network, such as Unix domain sockets. */
  readonly protocol: 'tcp' | 'tcp6' | 'udp' | 'udp6' | 'other';
  /** Of TCP. */
  readonly state: SocketState | undefined;
}

/**
 * A process at one moment, as the operating system counts it. What was not asked for, or is not told by
 * the platform, is `undefined`: macOS and Windows tell memory, CPU time and descendants.
 */
export interface ProcessSample {
  readonly pid: number;
  /** Who started it, or took it over. */
  readonly parent: number | undefined;
  /** ms since 1970. Another process that has the number later differs in it. */
  readonly startedMs: number;
  /** Resident bytes, shared pages included. */
  readonly rssBytes: number | undefined;
  /** Resident bytes, of shared pages its part. */
  readonly proportionalBytes: number | undefined;
  /** CPU time in ms since it began, without that of its children; on Linux to the ns. */
  readonly cpuMs: number | undefined;
  /** Of that, in its own code; in steps of 10 ms. */
  readonly userMs: number | undefined;
  /** Of that, in the system for it; in steps of 10 ms. */
  readonly systemMs: number | undefined;
  readonly threadCount: number | undefined;
  readonly threads: readonly { readonly tid: number; readonly cpuMs: number }[] | undefined;
  /** By number; without those that taking the sample has opened. */
  readonly descriptors: readonly OpenDescriptor[] | undefined;
  /** By number of descriptor. */
  readonly sockets: readonly OpenSocket[] | undefined;
  /** Pids of its children, theirs, and so on; those that have left the tree are not found. */
  readonly descendants: readonly number[] | undefined;
}
