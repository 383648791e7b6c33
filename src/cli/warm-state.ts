import type { ResourceCache } from '../cache/resource-cache.ts';
import type { FileOrigin } from '../files/file-origin.ts';
import type { ReadResult } from '../manager/read-result.ts';
import type { StateFile } from './state-file.ts';

/** A crash loses no more than this. */
const SAVE_EVERY_MS = 5 * 60_000;

/**
 * Carries the cache of a served folder from one run to the next. Nothing is served that has not been
 * compared with its file since the folder is watched.
 */
export class WarmState {
  readonly #file: StateFile;
  readonly #cache: ResourceCache<ReadResult>;
  readonly #origin: FileOrigin;
  /** Before all of it is loaded, a save would put less in its place. */
  #mayReplace = false;
  #savedAt = '';
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(file: StateFile, cache: ResourceCache<ReadResult>, origin: FileOrigin) {
    this.#file = file;
    this.#cache = cache;
    this.#origin = origin;
  }

  /** Restores what the last run saved as soon as the folder is watched; saves from then on. */
  async load(): Promise<void> {
    await this.#origin.watched();
    this.#mayReplace = await this.#file.load((dump) =>
      this.#cache.restore(this.#origin.stillCurrent(dump)),
    );
    if (this.#ended) return;
    this.#timer = setInterval(() => void this.#save(), SAVE_EVERY_MS).unref();
  }

  /** Saves for the last time. */
  async end(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    await this.#save();
  }

  async #save(): Promise<void> {
    const { loads, evictions, expirations, invalidations } = this.#cache.stats();
    const state = [loads, evictions, expirations, invalidations].join(' ');
    if (!this.#mayReplace || state === this.#savedAt) return;
    if (await this.#file.save(() => this.#cache.dump())) this.#savedAt = state;
  }
}
