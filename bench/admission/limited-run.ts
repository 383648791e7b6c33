import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { sampleProcesses } from 'mcp-granary/governor';
import { LIMIT_BYTES } from './contenders.ts';
import type { RunFigures, RunTask } from './run.ts';

/** What a run came to, and what it held meanwhile. */
export interface LimitedRun extends RunFigures {
  /** How often memory went beyond the limit. */
  readonly outOfMemory: number;
}

const RUN = fileURLToPath(new URL('run.js', import.meta.url));
/**
 * What is freed goes back to the system, for whoever runs: as granary has it once it is short of memory, and without which
 * some hundred MB of free memory would be counted.
 */
const ALLOCATOR = { MALLOC_MMAP_THRESHOLD_: '1048576', MALLOC_TRIM_THRESHOLD_: '131072' };
/** What is beyond the limit for less is found by the kernel's own count of the peak alone. */
const SAMPLE_EVERY_MS = 4;

/**
 * Runs jobs in a process of their own and counts how often that and what it has started hold more than the limit
 * together. It goes on then: a run that was killed would have completed nothing.
 */
export async function limitedRun(task: RunTask): Promise<LimitedRun> {
  const child = spawn(process.execPath, [RUN, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...ALLOCATOR },
  });
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  const [said, complained]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complained.push(chunk));
  const watch = new TreeMemory(child.pid ?? 0);
  const [code] = (await once(child, 'close')) as [number | null];
  process.removeListener('exit', onExit);
  watch.close();
  if (code !== 0) {
    throw new Error(
      `${JSON.stringify(task)} ended with code ${code}:\n${Buffer.concat(complained).toString()}`,
    );
  }
  const figures = JSON.parse(
    Buffer.concat(said).toString().trim().split('\n').at(-1) ?? '',
  ) as RunFigures;
  const peakBytes = Math.max(figures.peakBytes, watch.peakBytes);
  const outOfMemory = Math.max(watch.excesses, peakBytes > LIMIT_BYTES ? 1 : 0);
  return { ...figures, peakBytes, outOfMemory };
}

/** Resident memory of a process and its descendants, by the operating system. */
class TreeMemory {
  peakBytes = 0;
  excesses = 0;
  readonly #pid: number;
  #isBeyond = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(pid: number) {
    this.#pid = pid;
    void this.#look();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      const [root] = await sampleProcesses([this.#pid], { parts: ['memory', 'descendants'] });
      const below = await sampleProcesses(root?.descendants ?? [], { parts: ['memory'] });
      let bytes = root?.rssBytes ?? 0;
      for (const one of below) bytes += one?.rssBytes ?? 0;
      this.peakBytes = Math.max(this.peakBytes, bytes);
      const isBeyond = bytes > LIMIT_BYTES;
      if (isBeyond && !this.#isBeyond) this.excesses++;
      this.#isBeyond = isBeyond;
    } catch {
      // It has ended: the next look will not be.
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), SAMPLE_EVERY_MS);
  }
}
