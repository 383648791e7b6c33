import type { HostMeter } from './host.ts';
import type { HostReport } from './host-message.ts';
import { readHandles } from './process-handles.ts';
import { readDescendants, readProcess } from './process-tree.ts';
import type { Amount, HandleSet, ResourceUsage } from './resource-usage.ts';
import { noUsage } from './usage-peak.ts';

/** Several may ask in one turn. */
const FRESH_MS = 2;
/** What each process has from its start, and no tool has opened. */
const LAST_STANDARD_STREAM = 2;

/** What a process held before a tool ran in it. */
export interface IdleFigures {
  readonly residentBytes: number;
}

/** Counts what a process and its descendants use from the start of one execution. */
export class ProcessMeter implements HostMeter {
  readonly #pid: number;
  readonly #idle: IdleFigures;
  /** Whether there is a /proc to count by; else the word of the process is all there is. */
  readonly #isCounted: boolean;
  readonly #startCpuMs: number;
  readonly #startChildrenCpuMs: number;
  readonly #startDescriptors: ReadonlySet<number>;
  readonly #startSockets: ReadonlySet<number>;
  /** What the descendants that ran at the last look had used, so that it is kept when they are gone unreaped. */
  #descendantsCpuMs = 0;
  #usage: ResourceUsage;
  #readAtMs = -Infinity;

  /** @param from - whether what was open and used before counts too */
  constructor(pid: number, idle: IdleFigures, from: 'now on' | 'since it began' = 'now on') {
    this.#pid = pid;
    this.#idle = idle;
    const figures = readProcess(pid);
    const handles = readHandles(pid);
    this.#usage = noUsage(figures === undefined ? 'estimate' : 'exact');
    this.#isCounted = figures !== undefined;
    this.#startCpuMs = from === 'now on' ? (figures?.cpuMs ?? 0) : 0;
    this.#startChildrenCpuMs = figures?.childrenCpuMs ?? 0;
    this.#startDescriptors = new Set(
      from === 'now on'
        ? handles.descriptors
        : handles.descriptors.filter((fd) => fd <= LAST_STANDARD_STREAM),
    );
    this.#startSockets = new Set(from === 'now on' ? handles.sockets : []);
  }

  usage(): ResourceUsage {
    if (!this.#isCounted || performance.now() - this.#readAtMs < FRESH_MS) return this.#usage;
    this.#readAtMs = performance.now();
    const root = readProcess(this.#pid);
    if (root === undefined) return this.#usage;
    let residentBytes = Math.max(0, root.residentBytes - this.#idle.residentBytes);
    const handles = readHandles(this.#pid);
    const descriptors = handles.descriptors.filter((fd) => !this.#startDescriptors.has(fd));
    const sockets = new Set(handles.sockets.filter((inode) => !this.#startSockets.has(inode)));
    this.#descendantsCpuMs = 0;
    for (const pid of readDescendants(this.#pid)) {
      const figures = readProcess(pid);
      residentBytes += figures?.residentBytes ?? 0;
      this.#descendantsCpuMs += figures?.cpuMs ?? 0;
      const theirs = readHandles(pid);
      descriptors.push(...theirs.descriptors.filter((fd) => fd > LAST_STANDARD_STREAM));
      for (const inode of theirs.sockets) sockets.add(inode);
    }
    this.#usage = {
      memoryBytes: exactly(residentBytes),
      cpuTimeMs: exactly(root.cpuMs - this.#startCpuMs + this.#descendantsCpuMs),
      fileHandles: exactHandles(descriptors),
      networkConnections: exactHandles([...sockets]),
    };
    return this.#usage;
  }

  told(usage: ResourceUsage): void {
    if (!this.#isCounted) this.#usage = usage;
  }

  final({ processCpuMs, usage: theirs }: HostReport): ResourceUsage {
    if (!this.#isCounted) {
      return { ...theirs, cpuTimeMs: { value: processCpuMs, confidence: 'estimate' } };
    }
    this.#readAtMs = -Infinity;
    const usage = this.usage();
    const reapedMs = (readProcess(this.#pid)?.childrenCpuMs ?? 0) - this.#startChildrenCpuMs;
    // The process knows its own time to the microsecond, /proc to 10 ms.
    return {
      ...usage,
      cpuTimeMs: exactly(processCpuMs + Math.max(0, reapedMs) + this.#descendantsCpuMs),
    };
  }
}

function exactly(value: number): Amount {
  return { value, confidence: 'exact' };
}

function exactHandles(ids: readonly number[]): HandleSet {
  return { ids, confidence: 'exact' };
}
