import { createReadStream } from 'node:fs';
import { access, constants, open, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';

import type { DumpSource, RestoreSummary } from '../cache/dump-restore.ts';
import { GranaryError, isClosedError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { UsageError } from './usage-error.ts';

/** A file that a cache survives in, from one run of a server to the next. */
export class StateFile {
  readonly #path: string;
  readonly #logger: Logger;
  #saving: Promise<boolean> | undefined;

  /** @throws (rejects with) UsageError unless the file, or its folder, can be read and written */
  static async open(file: string, logger: Logger): Promise<StateFile> {
    try {
      const real = await resolved(file);
      await access(path.dirname(real), constants.W_OK | constants.X_OK);
      return new StateFile(real, logger);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new UsageError(
        `--state must be a file that can be read and written (${code ?? message}): ${file}`,
      );
    }
  }

  private constructor(file: string, logger: Logger) {
    this.#path = file;
    this.#logger = logger;
  }

  /** Where it lies, without links. */
  get path(): string {
    return this.#path;
  }

  /**
   * Hands what the last run saved to `restore`. A file that is no whole dump is put aside, under
   * another name, and told of; so is every other failure: a server can do without.
   *
   * @returns whether the file may be replaced by the next save: all of it was taken in or put aside
   */
  async load(restore: (dump: DumpSource) => Promise<RestoreSummary>): Promise<boolean> {
    const file = this.#path;
    try {
      const summary = await restore(createReadStream(file));
      this.#logger.info('the cache starts warm', { file, ...summary });
      return true;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return true;
      if (isClosedError(error)) return false;
      if (error instanceof GranaryError && error.code === 'ERR_GRANARY_BAD_DUMP') {
        return this.#putAside(message);
      }
      this.#logger.warn('the state cannot be read, the cache starts cold', {
        file,
        error: message,
      });
      return false;
    }
  }

  /**
   * Puts a dump in place of what the file had, all of it or nothing.
   *
   * @returns whether it is saved; why not is logged
   */
  async save(dump: () => AsyncIterable<Uint8Array>): Promise<boolean> {
    // One that is under way has begun without what happened since.
    while (this.#saving !== undefined) await this.#saving;
    this.#saving = this.#replace(dump);
    try {
      return await this.#saving;
    } finally {
      this.#saving = undefined;
    }
  }

  async #replace(dump: () => AsyncIterable<Uint8Array>): Promise<boolean> {
    const temporary = `${this.#path}.${process.pid}.tmp`;
    try {
      await rm(temporary, { force: true });
      const handle = await open(temporary, 'wx', 0o600);
      try {
        for await (const piece of dump()) await handle.writeFile(piece);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, this.#path);
      await syncFolder(path.dirname(this.#path));
      this.#logger.debug('the state is saved', { file: this.#path });
      return true;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      const { message } = error as Error;
      this.#logger.warn('the state cannot be saved', { file: this.#path, error: message });
      return false;
    }
  }

  async #putAside(reason: string): Promise<boolean> {
    const file = this.#path;
    const aside = `${file}.bad-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
    try {
      await rename(file, aside);
      this.#logger.warn('the state is put aside, the cache starts cold', { file, aside, reason });
      return true;
    } catch (error) {
      const { message } = error as Error;
      this.#logger.warn('the state is bad and cannot be put aside', {
        file,
        reason,
        error: message,
      });
      return false;
    }
  }
}

/** Its path without links, whether or not it exists; throws what the system says of a bad one. */
async function resolved(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r+');
    try {
      if (!(await handle.stat()).isFile()) throw new Error('not a regular file');
    } finally {
      await handle.close();
    }
    return await realpath(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return path.join(await realpath(path.dirname(path.resolve(file))), path.basename(file));
  }
}

/** So that the new name survives a loss of power; not every system can do that to a folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
