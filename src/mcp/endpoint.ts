import { setTimeout as delay } from 'node:timers/promises';

/** Where clients reach the servers of one manager. */
export interface Endpoint {
  /** Resolves when there will be no more requests: the input has ended, or nobody reads the output. */
  readonly ended: Promise<void>;
  /** Tells every client that the list has changed. */
  announceListChange(): void;
  /** Takes no more requests, answers those that have arrived, closes every session. */
  drain(): Promise<void>;
}

/** How long a drain waits for answers before it closes what is open. */
export const DRAIN_MS = 5_000;

/** Waits for `work`, but no longer than `maxMs`. */
export async function atMost(maxMs: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  try {
    await Promise.race([work, delay(maxMs, undefined, { signal: timer.signal }).catch(() => {})]);
  } finally {
    timer.abort();
  }
}
