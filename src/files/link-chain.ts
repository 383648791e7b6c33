import { readlink } from 'node:fs/promises';
import path from 'node:path';

/** As many as Linux follows before it says ELOOP; a path that opened a moment ago had no more. */
const MOST_LINKS = 40;

/**
 * The links that lead from a path to what it names: of files and of folders, also those that only
 * another link leads through. Each is given by where it lies, without links, as a watch reports it.
 *
 * One system call for each name on the way.
 *
 * @param root a path without links
 * @param file a path below the root
 */
export async function linksOn(root: string, file: string): Promise<string[]> {
  const links: string[] = [];
  const names = path.relative(root, file).split(path.sep);
  let reached = root;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    // Takes `..` from where the links have led, as the system does.
    const next = path.join(reached, name);
    const target = await targetOf(next);
    if (target === undefined) {
      reached = next;
      continue;
    }
    if (links.push(next) === MOST_LINKS) break;
    if (path.isAbsolute(target)) reached = path.parse(target).root;
    names.unshift(...target.split(path.sep).filter((part) => part !== ''));
  }
  return links;
}

/** @returns `undefined` for what is no link, or not there any more: its watch tells of that. */
function targetOf(file: string): Promise<string | undefined> {
  return readlink(file).catch(() => undefined);
}
