import { describeError } from '../describe-value.ts';
import { GranaryError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { AdaptiveResourceManager } from './adaptive-resource-manager.ts';
import { putAside, readState, writeState } from './learned-state.ts';

const SAVE_INTERVAL_MS = 300_000;

/** Keeps what was learned in a file, from one run of a server to the next. */
export class StateKeeper {
  readonly #file: string;
  readonly #adaptive: AdaptiveResourceManager;
  readonly #logger: Logger | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  readonly #warned = new Set<string>();

  /** @param saves - whether it saves by itself, each 5 minutes */
  constructor(
    file: string,
    adaptive: AdaptiveResourceManager,
    logger: Logger | undefined,
    saves: boolean,
  ) {
    this.#file = file;
    this.#adaptive = adaptive;
    this.#logger = logger;
    this.#restore();
    if (!saves) return;
    this.#timer = setInterval(() => void this.save().catch(() => undefined), SAVE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** @throws (rejects with) what the file system says; the file is as it was then */
  async save(): Promise<void> {
    const saved = this.#saving.then(() => writeState(this.#file, this.#adaptive.state()));
    this.#saving = saved.catch((error: unknown) => {
      this.#warn(`limits cannot be saved: ${describeError(error)}`);
    });
    await saved;
  }

  /** Saves for the last time; what cannot be saved is told of. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.save().catch(() => undefined);
  }

  #restore(): void {
    try {
      const state = readState(this.#file);
      if (state !== undefined) this.#adaptive.restore(state);
    } catch (error) {
      const isDamaged = error instanceof GranaryError && error.code === 'ERR_GRANARY_BAD_DUMP';
      this.#warn(`limits begin anew: ${describeError(error)}${isDamaged ? this.#putAside() : ''}`);
    }
  }

  #putAside(): string {
    try {
      return `; what there was is kept as ${putAside(this.#file)}`;
    } catch (error) {
      return `; it cannot be put aside: ${describeError(error)}`;
    }
  }

  /** Without a logger, each once by a process warning: what was learned is not lost in silence. */
  #warn(message: string): void {
    if (this.#logger !== undefined) return this.#logger.warn(message, { file: this.#file });
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    process.emitWarning(`${message} (${this.#file})`, { code: 'GRANARY_LIMITS_STATE' });
  }
}
