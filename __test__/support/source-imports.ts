import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import ts from 'typescript';

import { ROOT } from './run-program.ts';

export interface SourceImport {
  /** The importing file, relative to src, with forward slashes. */
  readonly from: string;
  /** The imported file, relative to src, or the name of the package or built-in module. */
  readonly to: string;
  readonly isPackage: boolean;
}

/** Every import of every file below src, those of types included. */
export function sourceImports(): SourceImport[] {
  const src = path.join(ROOT, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => file.endsWith('.ts'))
    .flatMap((from) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(path.join(src, from), 'utf8'));
      return importedFiles.map(({ fileName }) => {
        const isPackage = !fileName.startsWith('.');
        const to = isPackage ? fileName : path.posix.join(path.posix.dirname(from), fileName);
        return { from, to, isPackage };
      });
    });
}
