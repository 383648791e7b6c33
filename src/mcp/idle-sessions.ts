import type { ServerResponse } from 'node:http';

import { describeError } from '../describe-value.ts';
import type { Logger } from '../logger.ts';

/** What may be used, and ends when it was not for a while. */
export interface Use {
  /** To be called at the begin of each use, and at its end. */
  begin(): void;
  end(): void;
  /** A use that lasts as long as a response is open. */
  during(response: ServerResponse): void;
  /** It has ended: it is idle no more. */
  stop(): void;
}

/** Ends sessions that nobody uses: after a while, or the longest idle one when there is no room. */
export class IdleSessions {
  readonly #idleMs: number;
  readonly #logger: Logger;
  /** How each ends, the one that has been idle the longest first. */
  readonly #idle = new Set<() => Promise<unknown>>();

  constructor(idleMs: number, logger: Logger) {
    this.#idleMs = idleMs;
    this.#logger = logger;
  }

  /**
   * @param isReady whether it has begun at all; before that it is not idle, however little it is used
   * @param end ends the session, and stops its use
   */
  add(isReady: () => boolean, end: () => Promise<unknown>): Use {
    let uses = 0;
    let timer: NodeJS.Timeout | undefined;
    const idleMs = this.#idleMs;
    const close = (): Promise<unknown> => {
      use.stop();
      return end().catch((error: unknown) => {
        this.#logger.warn('a session did not close', { error: describeError(error) });
      });
    };
    const use: Use = {
      begin: () => {
        use.stop();
        uses++;
      },
      end: () => {
        uses--;
        if (uses > 0 || !isReady()) return;
        this.#idle.add(close);
        timer = setTimeout(() => {
          this.#logger.info('an idle session was closed', { idleSessionMs: idleMs });
          void close();
        }, idleMs).unref();
      },
      during: (response) => {
        use.begin();
        response.once('close', () => use.end());
      },
      stop: () => {
        clearTimeout(timer);
        this.#idle.delete(close);
      },
    };
    return use;
  }

  /** @returns whether there was one; it has ended then */
  async endLongest(): Promise<boolean> {
    const [close] = this.#idle;
    if (close === undefined) return false;
    this.#logger.info('an idle session made room', {});
    await close();
    return true;
  }
}
