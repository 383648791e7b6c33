import type { IPolicy } from 'cockatiel';

import type { TierJournal } from './tier-journal.ts';

/** How long a second level is waited for, and when it is left alone. */
export interface GuardSettings {
  readonly tierTimeoutMs: number;
  /** Failures in a row. */
  readonly breakerFailures: number;
  readonly breakerMs: number;
}

/** What the level is asked for. */
export type TierOperation = 'read' | 'write' | 'invalidate' | 'unlock';

interface Policy {
  readonly policy: IPolicy;
  /** Whether nothing was tried, since the breaker is open. */
  readonly isBroken: (error: unknown) => boolean;
}

/** Ends what took too long. */
class TierTimeout extends Error {
  constructor(ms: number) {
    super(`the second level took longer than ${ms} ms`);
  }
}

/**
 * Stands between a cache and its second level: nothing takes longer than `tierTimeoutMs`, and a level
 * that fails time and again is left alone for a while, then tried with one call.
 */
export class TierGuard {
  readonly #settings: GuardSettings;
  readonly #journal: TierJournal;
  /** Made when it is first needed: without a second level nobody pays for loading the library. */
  #policy: Promise<Policy> | undefined;

  constructor(settings: GuardSettings, journal: TierJournal) {
    this.#settings = settings;
    this.#journal = journal;
  }

  /** @returns what `run` did, `undefined` where it failed, was too slow, or was not tried */
  async attempt<T>(
    operation: TierOperation,
    run: () => Promise<T>,
  ): Promise<{ readonly result: T } | undefined> {
    this.#policy ??= makePolicy(this.#settings, this.#journal);
    const { policy, isBroken } = await this.#policy;
    try {
      return { result: await policy.execute(() => inTime(run, this.#settings.tierTimeoutMs)) };
    } catch (cause) {
      if (cause instanceof TierTimeout) this.#journal.tell('tier-timed-out', { operation });
      else if (!isBroken(cause)) this.#journal.tell('tier-failed', { operation, cause });
      return undefined;
    }
  }
}

async function makePolicy(settings: GuardSettings, journal: TierJournal): Promise<Policy> {
  const library = await import('cockatiel');
  const breaker = library.circuitBreaker(library.handleAll, {
    halfOpenAfter: settings.breakerMs,
    breaker: new library.ConsecutiveBreaker(settings.breakerFailures),
  });
  breaker.onBreak((reason) => {
    journal.tell('breaker-opened', 'error' in reason ? { cause: reason.error } : {});
  });
  breaker.onReset(() => journal.tell('breaker-closed'));
  return {
    policy: breaker,
    isBroken: (error) => error instanceof library.BrokenCircuitError,
  };
}

/** As cockatiel's, which makes an AbortSignal for each call, and a DOMException when it is done. */
function inTime<T>(run: () => Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TierTimeout(ms)), ms);
    run()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
