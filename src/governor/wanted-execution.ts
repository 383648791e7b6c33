import { GranaryError } from '../errors.ts';
import type { Execution } from './execution.ts';

/** For how long somebody wants a result. */
export interface Wish {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly graceMs: number;
}

/**
 * Asks an execution to end when its time is over, or its caller does not want it any more.
 *
 * @param graceMs - how long the caller waits then for code on this thread, which nothing can end
 * @returns its result
 */
export async function whileWanted<T>(
  execution: Execution<T>,
  result: Promise<T>,
  { signal, timeoutMs, graceMs }: Wish,
): Promise<T> {
  const timers: NodeJS.Timeout[] = [];
  let onAbort: (() => void) | undefined;
  const unwanted = new Promise<never>((_resolve, reject) => {
    const giveUp = (reason: unknown): void => {
      execution.stop(reason);
      // What runs elsewhere is ended, and tells so itself.
      if (execution.kind !== 'inline') return;
      timers.push(setTimeout(() => reject(reason), graceMs));
    };
    if (timeoutMs !== undefined) {
      timers.push(setTimeout(() => giveUp(timedOut(execution, timeoutMs)), timeoutMs));
    }
    onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([result, unwanted]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    // Nobody may be listening any more when it ends at last.
    result.catch(() => undefined);
  }
}

function timedOut({ toolId }: Execution, timeoutMs: number): GranaryError {
  return new GranaryError(
    'ERR_GRANARY_ABORTED',
    `tool ${JSON.stringify(toolId)} ran for more than ${timeoutMs} ms`,
    { data: { toolId, timeoutMs } },
  );
}
