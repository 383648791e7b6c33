// The program of a tool's thread or process: runs one task at a time, as its parent says.
import { readlinkSync } from 'node:fs';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { carryError, restoreError } from './carried-error.ts';
import type { Execution } from './execution.ts';
import {
  CPU_MS,
  type FromHost,
  HEAP_BYTES,
  PEAK_BYTES,
  type HostReport,
  type HostSettings,
  type ToHost,
} from './host-message.ts';
import { InlineIsolation } from './inline-isolation.ts';
import { threadClock } from './thread-clock.ts';

/** How old figures of a worker may be while its code lets others run. */
const TELL_EVERY_MS = 20;
/** From so much on, what a task leaves is collected at once: in 3 ms, where a new thread takes 50. */
const COLLECTED_FROM_BYTES = 8 * 1_048_576;

const port = parentPort;
const settings =
  port === null
    ? (JSON.parse(process.argv[2] ?? '{}') as HostSettings)
    : (workerData as HostSettings);
const isolation = new InlineIsolation({
  ...settings,
  // The descriptors of a thread are those of the process: most that are new are not its tool's.
  guessedLeaks: port === null,
});
const figures = settings.figures === undefined ? undefined : new Float64Array(settings.figures);
const clockMs = threadClock();

let execution: Execution | undefined;
let moved: unknown[] = [];
let startCpu = process.cpuUsage();
let startBytes = 0;
let lastTold = '';

function tell(message: FromHost, transfer: readonly unknown[] = []): void {
  if (port !== null) port.postMessage(message, transfer as ArrayBuffer[]);
  else if (process.connected) process.send?.(message);
}

function writeFigures(): void {
  if (figures === undefined) return;
  const bytes = heldBytes();
  figures[HEAP_BYTES] = bytes;
  figures[PEAK_BYTES] = Math.max(figures[PEAK_BYTES] ?? 0, bytes);
  figures[CPU_MS] = clockMs();
}

function tellUsage(): void {
  writeFigures();
  if (execution === undefined) return;
  const usage = execution.usage();
  const told = `${usage.fileHandles.ids.join()} ${usage.networkConnections.ids.join()}`;
  if (told === lastTold) return;
  lastTold = told;
  tell({ kind: 'usage', usage });
}

let collect: ((options?: { readonly type: 'minor' }) => void) | undefined;

function heldBytes(): number {
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics();
  return heapBytes + externalBytes;
}

/** Frees what a task has left in a thread, which would count as worn. The peak of a process is read at its end. */
function collectGarbage(): void {
  if (port === null || heldBytes() - startBytes < COLLECTED_FROM_BYTES) return;
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as NonNullable<typeof collect>;
  }
  writeFigures();
  collect();
  // Buffers are freed on another thread, and counted as free by the collection that comes next.
  collect({ type: 'minor' });
}

function report(ended: Execution, isSpoilt: boolean): HostReport {
  const { user, system } = process.cpuUsage(startCpu);
  writeFigures();
  return {
    usage: ended.usage(),
    processCpuMs: (user + system) / 1_000,
    leaks: ended.leaks(),
    isSpoilt,
  };
}

function fail(ended: Execution, thrown: unknown, isSpoilt: boolean): void {
  tell({ kind: 'failed', error: carryError(thrown), report: report(ended, isSpoilt) });
}

async function run({ toolId, task }: Extract<ToHost, { kind: 'run' }>): Promise<void> {
  moved = [];
  lastTold = '';
  startCpu = process.cpuUsage();
  startBytes = heldBytes();
  if (figures !== undefined) figures[PEAK_BYTES] = 0;
  const started = isolation.start(toolId, task, {
    onProgress: (value) => {
      writeFigures();
      tellUsage();
      tell({ kind: 'progress', value });
    },
    onTransfer: (list) => moved.push(...list),
  });
  execution = started;
  try {
    const value = await started.result;
    if (execution !== started) return;
    collectGarbage();
    tell({ kind: 'done', value, report: report(started, false) }, moved);
  } catch (thrown) {
    if (execution === started) fail(started, thrown, false);
  }
  execution = undefined;
}

function receive(message: ToHost): void {
  if (message.kind === 'run') void run(message);
  else execution?.stop(restoreError(message.reason));
}

process.on('uncaughtException', (thrown) => {
  const ended = execution;
  execution = undefined;
  if (ended !== undefined) fail(ended, thrown, true);
  else process.exit(1);
});

function ownThreadId(): number | undefined {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return undefined;
  }
}

if (port === null) {
  process.on('message', receive);
  // The parent is gone: so is whatever this process has started.
  process.on('disconnect', () =>
    process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGKILL'),
  );
} else {
  port.on('message', receive);
}
// A process is counted from outside where that can be done.
if (port !== null || process.platform !== 'linux') setInterval(tellUsage, TELL_EVERY_MS).unref();
writeFigures();
tell({ kind: 'ready', threadId: ownThreadId() });
