import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';

import { GranaryError } from '../errors.ts';
import type { DumpSource } from '../cache/dump-restore.ts';
import type { Loaded } from '../cache/loader.ts';
import { ResourceCache } from '../cache/resource-cache.ts';
import type { Logger } from '../logger.ts';
import type { ReadContext } from '../manager/read-context.ts';
import type { ReadResult } from '../manager/read-result.ts';
import type { ResourceManager } from '../manager/resource-manager.ts';
import { badOption } from '../options.ts';
import { readBounded } from './bounded-read.ts';
import { openConfined } from './confined-file.ts';
import { toContents } from './file-content.ts';
import { FileList } from './file-list.ts';
import { FileUris } from './file-uris.ts';
import { versionOf } from './file-version.ts';
import { FolderWatch } from './folder-watch.ts';
import { linksOn } from './link-chain.ts';

/** How files are served; all of it is needed. */
export interface FileOriginOptions {
  /** Larger files are refused and not read. */
  readonly maxFileBytes: number;
  readonly logger: Logger;
  /** Whether what is read is marked with the version of its file, as `stillCurrent` needs it. */
  readonly versioned: boolean;
}

/**
 * The files below a folder as public resources of a manager: listed, read when somebody asks,
 * invalidated when they change.
 *
 * What is read is what lies below the folder by its real path at the moment of reading. A file that
 * may not be served does not differ from one that does not exist.
 */
export class FileOrigin {
  readonly #root: string;
  readonly #uris: FileUris;
  readonly #maxFileBytes: number;
  readonly #logger: Logger;
  readonly #versioned: boolean;
  readonly #manager: ResourceManager;
  readonly #list: FileList;
  #watch: FolderWatch | undefined;
  readonly #listChangeListeners = new Set<() => void>();
  /** Each look at files waits for the one before; the first waits for `watch`. */
  #listed: Promise<void>;
  #begin: (begun: Promise<void>) => void = () => {};
  #closed = false;

  /**
   * Registers the files with the manager. Reads are answered at once, lists when the folder has been
   * gone through, which `watch` begins.
   *
   * @param folder its real path stands in the URIs
   * @throws (rejects with) `ERR_GRANARY_BAD_OPTION` unless `folder` is a folder that can be read
   */
  static async open(
    folder: string,
    manager: ResourceManager,
    options: FileOriginOptions,
  ): Promise<FileOrigin> {
    return new FileOrigin(await checkFolder(folder), manager, options);
  }

  private constructor(
    root: string,
    manager: ResourceManager,
    { maxFileBytes, logger, versioned }: FileOriginOptions,
  ) {
    this.#root = root;
    this.#uris = new FileUris(root);
    this.#maxFileBytes = maxFileBytes;
    this.#logger = logger;
    this.#versioned = versioned;
    this.#manager = manager;
    this.#list = new FileList(root, this.#uris);
    this.#listed = new Promise((resolve) => {
      this.#begin = resolve;
    });
    manager.register(
      `${this.#uris.prefix}{+path}`,
      (uri, _params, context) => this.#read(uri, context),
      {
        name: 'files',
        description: `Files below ${root}, by their path`,
        public: true,
        list: async () => {
          await this.#listed;
          return this.#list.resources();
        },
      },
    );
  }

  /** The folder, without links. */
  get root(): string {
    return this.#root;
  }

  /** Files listed so far. */
  get size(): number {
    return this.#list.size;
  }

  /** Goes through the folder and watches it from then on. */
  watch(): void {
    if (this.#watch !== undefined || this.#closed) return;
    this.#watch = new FolderWatch(this.#root, (paths) => this.#onChange(paths), this.#logger);
    this.#begin(this.#goThrough(this.#watch));
  }

  /** Resolves when the folder is watched, so that no change goes unnoticed; or the origin is closed. */
  watched(): Promise<void> {
    return this.#listed;
  }

  /**
   * Of a dump of what this class has read, what may still be served: files of this folder that are as
   * they were. To be read while the folder is watched, so that what changes from now on is noticed.
   */
  async *stillCurrent(dump: DumpSource): AsyncGenerator<Uint8Array, void, undefined> {
    using held = new ResourceCache<ReadResult>(UNBOUNDED);
    await held.restore(dump);
    const uris = [...held.keys()];
    for (let at = 0; at < uris.length; at += FILES_AT_ONCE) {
      const some = uris.slice(at, at + FILES_AT_ONCE);
      const current = await Promise.all(
        some.map((uri) => this.#isCurrent(uri, held.info(uri)?.tags ?? [])),
      );
      some.filter((_, nth) => !current[nth]).forEach((uri) => held.invalidate(uri));
    }
    yield* held.dump();
  }

  /** Calls back when files have appeared or gone, once for all that did at about the same time. */
  onListChange(listener: () => void): void {
    this.#listChangeListeners.add(listener);
  }

  /** Ends the watch; reads go on as long as the manager asks for them. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#list.close();
    await this.#watch?.close();
    this.#begin(Promise.resolve());
    await this.#listed;
  }

  async #goThrough(watch: FolderWatch): Promise<void> {
    await watch.watching();
    await this.#list.fill();
    if (this.#closed) return;
    // What was read before the watch was complete may have changed unseen.
    this.#manager.invalidatePattern(`${this.#uris.prefix}*`);
    this.#logger.info('the folder is watched', { folder: this.#root, files: this.#list.size });
  }

  async #read(uri: string, context: ReadContext): Promise<Loaded<ReadResult>> {
    const path = this.#uris.pathOf(uri);
    const file = path === undefined ? undefined : await openConfined(this.#root, path);
    if (path === undefined || file === undefined) {
      throw new GranaryError('ERR_GRANARY_NO_MATCH', `there is no file ${uri}`, { data: { uri } });
    }
    try {
      // Who asks through links is to hear of changes of each, and of the file behind them.
      if (file.realPath !== path) {
        const passed = await linksOn(this.#root, path);
        context.setTags([...passed, file.realPath].map(passageTag));
      }
      // Who came through links would have to go through them again: those are read anew.
      // Taken before the content: what changes while it is read has another version.
      const version = file.realPath === path ? await versionOf(file.handle) : undefined;
      if (version !== undefined) {
        const isKnown = context.validator?.etag === version;
        if (isKnown && file.stats.size <= this.#maxFileBytes) return context.notModified();
        context.setValidator({ etag: version });
        if (this.#versioned) context.setTags([version]);
      }
      const bytes = await readBounded(file, this.#maxFileBytes, context.signal);
      if (bytes !== undefined) return toContents(uri, path, bytes);
      const sizeBytes = (await file.handle.stat()).size;
      throw new GranaryError(
        'ERR_GRANARY_LIMIT_EXCEEDED',
        `the file has ${sizeBytes} bytes; files of more than ${this.#maxFileBytes} bytes are not served: ${uri}`,
        { data: { uri, sizeBytes, maxFileBytes: this.#maxFileBytes } },
      );
    } finally {
      await file.handle.close();
    }
  }

  async #isCurrent(uri: string, tags: readonly string[]): Promise<boolean> {
    const path = this.#uris.pathOf(uri);
    const file = path === undefined ? undefined : await openConfined(this.#root, path);
    if (file === undefined) return false;
    try {
      if (file.realPath !== path || file.stats.size > this.#maxFileBytes) return false;
      const version = await versionOf(file.handle);
      return version !== undefined && tags.includes(version);
    } finally {
      await file.handle.close();
    }
  }

  #onChange(paths: ReadonlySet<string>): void {
    if (this.#closed) return;
    for (const path of paths) {
      const uri = this.#uris.uriOf(path);
      this.#manager.invalidate(uri);
      this.#manager.invalidateTag(passageTag(path));
      // A link to a folder may lead elsewhere now.
      this.#manager.invalidatePattern(`${uri}/*`);
    }
    this.#listed = this.#listed.then(() => this.#refresh(paths));
  }

  async #refresh(paths: ReadonlySet<string>): Promise<void> {
    const changes = await Promise.all([...paths].map((path) => this.#list.refresh(path)));
    if (this.#closed || !changes.includes(true)) return;
    for (const listener of this.#listChangeListeners) listener();
  }
}

/** Files that are looked at side by side. */
const FILES_AT_ONCE = 16;

/** Holds every entry of a dump for as long as it takes to look at their files. */
const UNBOUNDED = {
  policy: 'lru',
  maxEntries: 2 ** 24 - 1,
  maxBytes: Number.MAX_SAFE_INTEGER,
} as const;

/** Marks what was read through links by a path on the way: of a link, or of the file behind them. */
function passageTag(realPath: string): string {
  return `by way of ${realPath}`;
}

async function checkFolder(folder: string): Promise<string> {
  const allowed = 'a folder that can be read';
  try {
    const root = await realpath(folder);
    if (!(await stat(root)).isDirectory()) badOption('DIR', folder, `${allowed}, not a file`);
    await access(root, constants.R_OK | constants.X_OK);
    return root;
  } catch (error) {
    if (error instanceof GranaryError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    return badOption('DIR', folder, `${allowed} (${code ?? message})`);
  }
}
