import type { Dirent } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

import type { ListedResource } from '../registry/registration.ts';
import { isBelow } from './confined-file.ts';
import type { FileUris } from './file-uris.ts';
import { mediaTypeOf } from './media-type.ts';

/**
 * The files below a folder as they are listed: regular files, and links to regular files that lie
 * below the folder. Links to folders are not followed: their files are listed where they are.
 */
export class FileList {
  readonly #root: string;
  readonly #uris: FileUris;
  readonly #resources = new Map<string, ListedResource>();
  #closed = false;

  /** @param root a path without links */
  constructor(root: string, uris: FileUris) {
    this.#root = root;
    this.#uris = uris;
  }

  get size(): number {
    return this.#resources.size;
  }

  resources(): Iterable<ListedResource> {
    return this.#resources.values();
  }

  /** Looks at every file below the folder. A folder that cannot be read counts as empty. */
  async fill(): Promise<void> {
    const folders = [this.#root];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      if (this.#closed) return;
      const within = folder;
      const entries = await readdir(within, { withFileTypes: true }).catch(() => [] as Dirent[]);
      const files: string[] = [];
      for (const entry of entries) {
        const file = path.join(within, entry.name);
        if (entry.isDirectory()) folders.push(file);
        else if (entry.isFile() || entry.isSymbolicLink()) files.push(file);
      }
      await Promise.all(files.map((file) => this.refresh(file)));
    }
  }

  /** Looks at one path again. @returns whether a file appeared there or went */
  async refresh(file: string): Promise<boolean> {
    const resource = await this.#describe(file);
    if (resource === undefined) return this.#resources.delete(file);
    const isNew = !this.#resources.has(file);
    this.#resources.set(file, resource);
    return isNew;
  }

  /** Ends a `fill` that is under way. */
  close(): void {
    this.#closed = true;
  }

  async #describe(file: string): Promise<ListedResource | undefined> {
    try {
      const realPath = await realpath(file);
      if (!isBelow(this.#root, realPath)) return undefined;
      // A folder on the way may have become a link meanwhile.
      if (realPath !== file && !(await lstat(file)).isSymbolicLink()) return undefined;
      const stats = await stat(realPath);
      if (!stats.isFile()) return undefined;
      return {
        uri: this.#uris.uriOf(file),
        name: path.relative(this.#root, file).replaceAll(path.sep, '/'),
        mimeType: mediaTypeOf(path.basename(file)),
        size: stats.size,
        annotations: { lastModified: stats.mtime.toISOString() },
      };
    } catch {
      return undefined; // gone, or not for us to look at: either way there is nothing to list
    }
  }
}
