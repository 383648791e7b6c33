import { setTimeout as sleep } from 'node:timers/promises';
import type { Leak } from './execution.ts';
import type { OpenHandle } from './open-handle.ts';

/** How what is left open is dealt with. */
export interface LeakPolicy {
  /** `close` closes what is known for certain to be the execution's; `report` only tells. */
  readonly action: 'report' | 'close';
  /** Pauses between the attempts, in ms; then it is closed by force. */
  readonly backOffMs: readonly number[];
}

/** How long what is closed by force may take to be gone, in ms. */
const FORCED_PATIENCE_MS = 2_000;
const FORCED_LOOK_MS = 5;

/**
 * Closes what an execution left open: asks, asks again after each pause, then closes by force.
 *
 * @returns each of the handles that were open at the call, and whether it is closed now
 */
export async function cleanUp(
  handles: readonly OpenHandle[],
  { action, backOffMs }: LeakPolicy,
): Promise<readonly Leak[]> {
  const found = handles.filter((handle) => handle.isOpen());
  let left = action === 'close' ? found.filter((handle) => handle.close !== undefined) : [];
  for (const pauseMs of backOffMs) {
    if (left.length === 0) break;
    attempt(left, (handle) => handle.close?.());
    await sleep(pauseMs);
    left = left.filter((handle) => handle.isOpen());
  }
  if (left.length > 0) {
    attempt(left, (handle) => (handle.force ?? handle.close)?.());
    // The system may take its time to let go: a process that was killed is there until its end was told.
    const untilMs = performance.now() + FORCED_PATIENCE_MS;
    while (left.some((handle) => handle.isOpen()) && performance.now() < untilMs) {
      await sleep(FORCED_LOOK_MS);
    }
  }
  return found.map((handle) => describeLeak(handle));
}

function describeLeak(handle: OpenHandle): Leak {
  const { kind, id, stack } = handle;
  return { kind, id, ...(stack !== undefined && { stack }), closed: !handle.isOpen() };
}

function attempt(handles: readonly OpenHandle[], close: (handle: OpenHandle) => void): void {
  for (const handle of handles) {
    try {
      close(handle);
    } catch {
      // The next attempt, or the report of what remains, is the answer to a failure.
    }
  }
}
