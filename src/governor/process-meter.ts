import type { HostMeter } from './host.ts';
import type { HostReport } from './host-message.ts';
import type { Amount, HandleSet, ResourceUsage } from './resource-usage.ts';
import { type TreeFigures, TreeWatch } from './tree-watch.ts';
import { noUsage } from './usage-peak.ts';

/** Several may ask in one turn. */
const FRESH_MS = 2;

/** What a process held before a tool ran in it. */
export interface IdleFigures {
  readonly residentBytes: number;
}

/** Counts what a process and its descendants use, from the start of one execution or of the process. */
export class ProcessMeter implements HostMeter {
  readonly #idle: IdleFigures;
  /** `undefined` where the platform does not count; then the word of the process is all there is. */
  readonly #watch: TreeWatch | undefined;
  readonly #startCpuMs: number;
  readonly #startWaitedCpuMs: number;
  #usage: ResourceUsage;
  #figures: TreeFigures | undefined;
  #readAtMs = -Infinity;

  /** @param from - whether what was open and used before counts too */
  constructor(pid: number, idle: IdleFigures, from: 'now on' | 'since it began' = 'now on') {
    this.#idle = idle;
    const isFromNow = from === 'now on';
    this.#watch = watchOf(pid, isFromNow);
    const start = this.#watch?.read();
    this.#usage = noUsage(start === undefined ? 'estimate' : 'exact');
    this.#startCpuMs = isFromNow ? (start?.cpuMs ?? 0) + (start?.waitedCpuMs ?? 0) : 0;
    this.#startWaitedCpuMs = start?.waitedCpuMs ?? 0;
  }

  usage(): ResourceUsage {
    if (this.#watch === undefined || performance.now() - this.#readAtMs < FRESH_MS) {
      return this.#usage;
    }
    this.#readAtMs = performance.now();
    const figures = this.#watch.read();
    if (figures === undefined) return this.#usage;
    this.#figures = figures;
    const { rssBytes, descendantsRssBytes, cpuMs, waitedCpuMs, descendantsCpuMs } = figures;
    const grownBytes = Math.max(0, rssBytes - this.#idle.residentBytes);
    this.#usage = {
      memoryBytes: exactly(grownBytes + descendantsRssBytes),
      cpuTimeMs: exactly(cpuMs + waitedCpuMs - this.#startCpuMs + descendantsCpuMs),
      fileHandles: exactHandles(figures.files),
      networkConnections: exactHandles(figures.sockets),
    };
    return this.#usage;
  }

  told(usage: ResourceUsage): void {
    if (this.#watch === undefined) this.#usage = usage;
  }

  async final({ processCpuMs, usage: theirs }: HostReport): Promise<ResourceUsage> {
    if (this.#watch === undefined) {
      return { ...theirs, cpuTimeMs: { value: processCpuMs, confidence: 'estimate' } };
    }
    // What was opened since the last look is counted too.
    await this.#watch.look();
    this.#readAtMs = -Infinity;
    const usage = this.usage();
    const { waitedCpuMs = 0, descendantsCpuMs = 0 } = this.#figures ?? {};
    const reapedMs = Math.max(0, waitedCpuMs - this.#startWaitedCpuMs);
    // The code ended before this look, whose own price is not the tool's.
    return { ...usage, cpuTimeMs: exactly(processCpuMs + reapedMs + descendantsCpuMs) };
  }

  close(): void {
    this.#watch?.close();
  }
}

function watchOf(pid: number, isFromNow: boolean): TreeWatch | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return new TreeWatch(pid, isFromNow);
  } catch {
    // It has ended already, or this runtime shares no memory: then it is not counted.
    return undefined;
  }
}

function exactly(value: number): Amount {
  return { value, confidence: 'exact' };
}

function exactHandles(ids: readonly number[]): HandleSet {
  return { ids, confidence: 'exact' };
}
