import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The version of an installed package. Its folder is looked for upwards from what it exports: few
 * packages export their package.json.
 */
export function packageVersion(name: string): string {
  if (name === 'node') return process.version.slice(1);
  let folder = path.dirname(fileURLToPath(import.meta.resolve(name)));
  while (folder !== path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    const manifest = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : {};
    if (manifest.name === name && manifest.version !== undefined) return manifest.version;
    folder = path.dirname(folder);
  }
  throw new Error(`no package.json of ${name} above what it exports`);
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
}
