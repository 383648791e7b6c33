import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The URIs of the files below one folder.
 *
 * Each path has one URI, and only that is understood: one file under several spellings would be
 * cached several times, and a change would invalidate only one of them.
 */
export class FileUris {
  /** Every URI starts with it; ends with a slash. */
  readonly prefix: string;

  /** @param root an absolute path without links */
  constructor(root: string) {
    const { href } = pathToFileURL(root);
    this.prefix = href.endsWith('/') ? href : `${href}/`;
  }

  /** @param file an absolute path */
  uriOf(file: string): string {
    return pathToFileURL(file).href;
  }

  /**
   * @returns the absolute path, below the folder as written, or `undefined` for a URI that is not
   * the one that `uriOf` gives: with dots, empty segments, an encoded slash or NUL, a query, another
   * case of the scheme, or escapes where none belong. Whether links lead out is not looked at.
   */
  pathOf(uri: string): string | undefined {
    if (!uri.startsWith(this.prefix)) return undefined;
    let file: string;
    try {
      file = fileURLToPath(uri);
    } catch {
      return undefined; // an encoded slash or a malformed escape
    }
    if (file.includes('\0') || file.endsWith(path.sep) || this.uriOf(file) !== uri)
      return undefined;
    return file;
  }
}
