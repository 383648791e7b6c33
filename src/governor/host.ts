import type { FromHost, HostReport, ToHost } from './host-message.ts';
import type { ResourceUsage } from './resource-usage.ts';
import type { Walls } from './tool-walls.ts';

/** Measures one execution in a host. */
export interface HostMeter {
  /** What the execution uses now. */
  usage(): ResourceUsage;
  /** What it told of its sockets and descriptors. */
  told(usage: ResourceUsage): void;
  /** What it had used, given what it says itself at its end. */
  final(report: HostReport): ResourceUsage | Promise<ResourceUsage>;
  /** Nothing is measured any more. */
  close?(): void;
}

/** How a host ended. */
export interface HostEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: unknown;
}

export interface HostListener {
  message(message: FromHost): void;
  ended(end: HostEnd): void;
}

/** A thread or process that runs one tool at a time. */
export interface Host {
  readonly isAlive: boolean;
  /** Settles when it can run something; fails where it ended before. */
  readonly ready: Promise<void>;
  /** Who hears of it from now on; `undefined` lets the parent exit meanwhile. */
  listen(listener: HostListener | undefined): void;
  send(message: ToHost, transfer: readonly unknown[]): void;
  meter(): HostMeter;
  /** Processes that the tool started and that still run; none for a thread. */
  descendants(): readonly number[];
  /** Whether it holds so much more than when it was new that another should take its place. */
  isWorn(): boolean;
  /** What it takes for itself and its parent does not hold yet, or never will, in bytes. */
  hostBytes(): number;
  /** What it holds: a process all, a thread what it has grown by, in bytes. */
  residentBytes(): number;
  /** Sets walls around it and all that it starts, where the kernel lets that be done. */
  surround?(walls: Walls): void;
  /** Leaves the CPU to others while they want it; it is not used again after that. */
  yieldCpu?(): void;
  /** Ends it and all that it started, first by asking where `graceMs` is more than 0. */
  end(graceMs: number): Promise<void>;
}
