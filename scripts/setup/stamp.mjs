import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * A record in .setup/ of what a step read (by content) and what it wrote (by size and time): the
 * step is fresh while both are as they were.
 */
export class Stamp {
  #root;
  #name;
  #files;

  /** @param files  two functions of the root, `inputs` and `outputs`, to paths relative to it */
  constructor(root, name, files) {
    this.#root = root;
    this.#name = name;
    this.#files = files;
  }

  isFresh() {
    const record = this.#read();
    return (
      record !== undefined &&
      record.outputs === this.#fingerprint() &&
      record.inputs === this.hashInputs()
    );
  }

  /** Taken before the step runs, so that an edit during the run leaves it stale. */
  hashInputs() {
    const hash = createHash('sha256');
    for (const file of this.#files.inputs(this.#root)) {
      hash
        .update(`${file}\0`)
        .update(contentOf(path.join(this.#root, file)))
        .update('\0');
    }
    return hash.digest('hex');
  }

  write(inputs) {
    mkdirSync(path.dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, JSON.stringify({ inputs, outputs: this.#fingerprint() }));
  }

  get #file() {
    return path.join(this.#root, '.setup', `${this.#name}.json`);
  }

  #read() {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8'));
    } catch {
      // No record, or one cut short by a crash: the step runs again.
      return undefined;
    }
  }

  #fingerprint() {
    return this.#files
      .outputs(this.#root)
      .map((file) => {
        const stat = statSync(path.join(this.#root, file), { throwIfNoEntry: false });
        return stat === undefined ? `${file} missing` : `${file} ${stat.size} ${stat.mtimeMs}`;
      })
      .join('\n');
  }
}

function contentOf(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return '(missing)';
    throw error;
  }
}

/** The files below a folder whose relative path (with forward slashes) `keep` accepts, sorted. */
export function filesBelow(root, folder, keep = () => true) {
  const found = [];
  const walk = (relative) => {
    const entries = readdirSync(path.join(root, relative), { withFileTypes: true });
    for (const entry of entries) {
      const child = `${relative}/${entry.name}`;
      if (entry.isDirectory()) walk(child);
      else if (keep(child)) found.push(child);
    }
  };
  if (statSync(path.join(root, folder), { throwIfNoEntry: false })?.isDirectory()) walk(folder);
  return found.toSorted((a, b) => (a < b ? -1 : 1));
}
