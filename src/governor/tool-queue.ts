import PQueue from 'p-queue';
import type { GranaryError } from '../errors.ts';

/** Whoever waits, and how he is told that it is in vain. */
type Waiting = AbortController;

/**
 * Executions that wait until their tool uses less; when it does, they begin a few at a time: the more the longer it goes
 * well, half as many each time that it does not.
 */
export class ToolQueue {
  // What it runs waits from its start: `concurrency` is how many run that had to wait.
  readonly #queue = new PQueue({ concurrency: 1, autoStart: false });
  readonly #waiting = new Set<Waiting>();

  /** How many wait. */
  get size(): number {
    return this.#queue.size;
  }

  /** Whether nobody waits, and all who have waited are done. */
  get isIdle(): boolean {
    return this.#queue.size === 0 && this.#queue.pending === 0;
  }

  /**
   * Runs something when it may.
   *
   * @param patienceMs - how long it waits for that
   * @throws (rejects with) the reason of `signal`, what `gaveUp` returns when patience ends, or what `run` does
   */
  async add<T>(
    run: () => Promise<T>,
    options: {
      readonly signal: AbortSignal | undefined;
      readonly patienceMs: number;
      readonly gaveUp: () => unknown;
    },
  ): Promise<T> {
    const { signal, patienceMs, gaveUp } = options;
    const waiting: Waiting = new AbortController();
    const onAbort = (): void => waiting.abort(signal?.reason);
    if (signal?.aborted === true) throw signal.reason;
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => waiting.abort(gaveUp()), patienceMs);
    const begun = (): void => {
      this.#waiting.delete(waiting);
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    this.#waiting.add(waiting);
    try {
      return await this.#queue.add(
        async () => {
          begun();
          const result = await run();
          if (!this.#queue.isPaused) this.#queue.concurrency++;
          return result;
        },
        { signal: waiting.signal },
      );
    } finally {
      begun();
    }
  }

  /** Lets nobody begin. */
  pause(): void {
    if (this.#queue.isPaused) return;
    this.#queue.pause();
    this.#queue.concurrency = Math.max(1, Math.floor(this.#queue.concurrency / 2));
  }

  resume(): void {
    this.#queue.start();
  }

  /** Turns away all who wait. */
  clear(reason: GranaryError): void {
    for (const waiting of this.#waiting) waiting.abort(reason);
  }
}
