import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

import { readDescendants, readProcess } from '../governor/process-tree.ts';

/** How long a server may take to end once its input has ended, and once more when it was asked to. */
const END_MS = 1_500;
const LOOK_EVERY_MS = 20;

/**
 * Ends a child and all that it has started: by the end of its input, as MCP has it for stdio
 * (2025-11-25, Lifecycle, Shutdown), then by SIGTERM, then by SIGKILL.
 *
 * @param child in a process group of its own, where there are such
 */
export async function endTree(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  child.stdin?.end();
  // Those that have left the group are found only while their parent lives.
  const startTimes = new Map<number, number | undefined>();
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (await hasEnded(child, pid)) return;
    for (const one of descendantsOf(pid)) startTimes.set(one, readProcess(one)?.startedAt);
    send(signal, process.platform === 'win32' ? pid : -pid);
    for (const [one, startedAt] of startTimes) {
      if (startedAt !== undefined && readProcess(one)?.startedAt === startedAt) send(signal, one);
    }
  }
  await hasEnded(child, pid);
}

async function hasEnded(child: ChildProcess, pid: number): Promise<boolean> {
  const deadlineMs = performance.now() + END_MS;
  for (;;) {
    const isRunning = child.exitCode === null && child.signalCode === null;
    if (!isRunning && !isGroupAlive(pid)) return true;
    if (performance.now() > deadlineMs) return false;
    await delay(LOOK_EVERY_MS);
  }
}

function descendantsOf(pid: number): readonly number[] {
  try {
    return readDescendants(pid);
  } catch {
    return []; // it is gone
  }
}

function isGroupAlive(pid: number): boolean {
  return process.platform !== 'win32' && send(0, -pid);
}

/** @returns whether there was somebody to send it to */
function send(signal: NodeJS.Signals | 0, pid: number): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
