import { watch, type FSWatcher } from 'chokidar';

import type { Logger } from '../logger.ts';

/**
 * chokidar drops events that follow another of the same path within 50 ms. What it dropped is over
 * when this time has passed, so a report that is later than this after every event misses nothing.
 */
const SETTLE_MS = 60;

/**
 * Tells which paths below a folder have changed: made, written, replaced, removed. Paths are
 * reported in batches, 60 to 120 ms after the change, and again while they go on changing.
 */
export class FolderWatch {
  readonly #onChange: (paths: ReadonlySet<string>) => void;
  readonly #logger: Logger;
  readonly #watcher: FSWatcher;
  /** Paths of this period, and of the one before: those have settled when the period ends. */
  #young = new Set<string>();
  #settling = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #isWatching = false;
  #complained = false;
  #endWaiting: () => void = () => {};

  constructor(folder: string, onChange: (paths: ReadonlySet<string>) => void, logger: Logger) {
    this.#onChange = onChange;
    this.#logger = logger;
    this.#watcher = watch(folder, {
      ignoreInitial: true,
      // Whatever a link leads to is either watched where it is or none of ours.
      followSymlinks: false,
      // It would hide temporary files of editors, which are listed like others.
      atomic: false,
      ignorePermissionErrors: true,
    });
    this.#watcher.on('all', (event, file) => {
      // Links are announced as they are found, which `ignoreInitial` does not prevent.
      if (event !== 'add' || this.#isWatching) this.#mark(file);
    });
    this.#watcher.on('error', (error) => this.#complain(error));
  }

  /** Resolves when every change from now on will be seen, or the watch is closed; to be called at once. */
  watching(): Promise<void> {
    return new Promise((resolve) => {
      this.#endWaiting = resolve;
      this.#watcher.once('ready', () => {
        this.#isWatching = true;
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#endWaiting();
    await this.#watcher.close();
  }

  #mark(file: string): void {
    this.#young.add(file);
    this.#timer ??= setInterval(() => this.#endPeriod(), SETTLE_MS).unref();
  }

  #endPeriod(): void {
    const settled = this.#settling;
    this.#settling = this.#young;
    this.#young = new Set();
    if (settled.size === 0 && this.#settling.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    if (settled.size > 0) this.#onChange(settled);
  }

  #complain(error: unknown): void {
    // One line, not one for each of the files that the system has no watch left for.
    if (this.#complained) return;
    this.#complained = true;
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = code === 'ENOSPC' ? ' (raise fs.inotify.max_user_watches)' : '';
    this.#logger.warn(
      `some changes will only be noticed when the time to live has passed${advice}`,
      { error: message },
    );
  }
}
