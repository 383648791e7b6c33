import { readFileSync } from 'node:fs';
import { type Transferable, Worker } from 'node:worker_threads';
import type { Host, HostEnd, HostListener, HostMeter } from './host.ts';
import { HOST_ENTRY } from './host-entry.ts';
import {
  CPU_MS,
  FIGURE_COUNT,
  type FromHost,
  HEAP_BYTES,
  PEAK_BYTES,
  type HostReport,
  type HostSettings,
  type ToHost,
} from './host-message.ts';
import type { ResourceUsage } from './resource-usage.ts';
import { noUsage } from './usage-peak.ts';

/** How a worker is made. */
export interface WorkerHostOptions {
  readonly settings: Omit<HostSettings, 'figures'>;
  /** Wall of the JS heap, in MiB; ArrayBuffers are outside of it. */
  readonly maxHeapMib: number;
  /** A worker that holds this much more than when it was new is not used again, in bytes. */
  readonly wornBytes: number;
}

/** What a thread takes that has run something, in bytes: 10 MB when it is new. */
export const WORKER_BYTES = 16 * 1_048_576;

/** From then on it is seen in what this process holds, of which the least in a second counts. */
const SETTLED_MS = 1_500;

/** A thread for one tool at a time. */
export class WorkerHost implements Host {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #figures: Float64Array;
  readonly #wornBytes: number;
  #newBytes = 0;
  #threadId: number | undefined;
  #listener: HostListener | undefined;
  #isAlive = true;
  #readyMs = Infinity;

  constructor({ settings, maxHeapMib, wornBytes }: WorkerHostOptions) {
    this.#wornBytes = wornBytes;
    const figures = new SharedArrayBuffer(FIGURE_COUNT * Float64Array.BYTES_PER_ELEMENT);
    this.#figures = new Float64Array(figures);
    const workerData: HostSettings = { ...settings, figures };
    this.#worker = new Worker(HOST_ENTRY, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMib },
      // The standard output of a stdio server belongs to the protocol.
      stdout: true,
    });
    // Not piped: each pipe would listen to the end of stderr, and many are not expected there.
    this.#worker.stdout.on('data', (chunk: Buffer) => process.stderr.write(chunk));
    this.ready = this.#whenReady();
    // Whoever waits for it hears of a failure; a host that nobody waits for fails alone.
    this.ready.catch(() => undefined);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  listen(listener: HostListener | undefined): void {
    this.#listener = listener;
    if (listener === undefined) this.#worker.unref();
    else this.#worker.ref();
  }

  send(message: ToHost, transfer: readonly unknown[]): void {
    this.#worker.postMessage(message, transfer as Transferable[]);
  }

  meter(): HostMeter {
    return new WorkerMeter(
      () => this.#heapBytes(),
      () => this.#figures[PEAK_BYTES] ?? 0,
      () => this.#cpuMs(),
    );
  }

  descendants(): readonly number[] {
    return [];
  }

  hostBytes(): number {
    return performance.now() - this.#readyMs < SETTLED_MS ? WORKER_BYTES : 0;
  }

  residentBytes(): number {
    return Math.max(0, this.#heapBytes() - this.#newBytes);
  }

  isWorn(): boolean {
    return this.residentBytes() > this.#wornBytes;
  }

  async end(_graceMs: number): Promise<void> {
    await this.#worker.terminate();
  }

  async #whenReady(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      let failure: unknown;
      this.#worker.on('message', (message: FromHost) => {
        if (message.kind !== 'ready') return this.#listener?.message(message);
        this.#threadId = message.threadId;
        this.#newBytes = this.#heapBytes();
        this.#readyMs = performance.now();
        resolve();
      });
      this.#worker.on('error', (error) => {
        failure = error;
      });
      this.#worker.on('exit', (code) => {
        this.#isAlive = false;
        const end: HostEnd = {
          code,
          signal: null,
          ...(failure !== undefined && { error: failure }),
        };
        this.#listener?.ended(end);
        reject(
          failure instanceof Error ? failure : new Error(`the worker ended with code ${code}`),
        );
      });
    });
  }

  #heapBytes(): number {
    return this.#figures[HEAP_BYTES] ?? 0;
  }

  /** By the kernel's count of the thread, which also runs while its code blocks; else by what it last wrote. */
  #cpuMs(): number {
    const writtenMs = this.#figures[CPU_MS] ?? 0;
    if (this.#threadId === undefined || !this.#isAlive) return writtenMs;
    try {
      const schedstat = readFileSync(`/proc/self/task/${this.#threadId}/schedstat`, 'latin1');
      return Number.parseInt(schedstat, 10) / 1e6;
    } catch {
      return writtenMs;
    }
  }
}

/** Counts what a thread uses from the start of one execution. */
class WorkerMeter implements HostMeter {
  readonly #heapBytes: () => number;
  readonly #peakBytes: () => number;
  readonly #cpuMs: () => number;
  readonly #startBytes: number;
  readonly #startCpuMs: number;
  #told: ResourceUsage = noUsage();

  constructor(heapBytes: () => number, peakBytes: () => number, cpuMs: () => number) {
    this.#heapBytes = heapBytes;
    this.#peakBytes = peakBytes;
    this.#cpuMs = cpuMs;
    this.#startBytes = heapBytes();
    this.#startCpuMs = cpuMs();
  }

  usage(): ResourceUsage {
    const { fileHandles, networkConnections } = this.#told;
    return {
      memoryBytes: {
        value: Math.max(0, this.#heapBytes() - this.#startBytes),
        confidence: 'thread',
      },
      cpuTimeMs: { value: this.#cpuMs() - this.#startCpuMs, confidence: 'thread' },
      fileHandles: { ids: fileHandles.ids, confidence: 'estimate' },
      networkConnections,
    };
  }

  told(usage: ResourceUsage): void {
    this.#told = usage;
  }

  final(report: HostReport): ResourceUsage {
    this.#told = report.usage;
    const usage = this.usage();
    const grownBytes = Math.max(0, this.#peakBytes() - this.#startBytes);
    return { ...usage, memoryBytes: { value: grownBytes, confidence: 'thread' } };
  }
}
