import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { ROOT } from './run-program.ts';

/** Set to have pages of docs written instead of compared. */
const WRITE = 'GRANARY_WRITE_DOCS';

/** @returns what stands between the marks of a page of docs, where tests write what they have seen */
export function generatedPart(page: string, name: string): string {
  return split(page, name).part;
}

/** Writes what tests have seen into a page, if that is asked for. */
export function offerGeneratedPart(page: string, name: string, part: string): void {
  if (process.env[WRITE] === undefined) return;
  const { before, after } = split(page, name);
  writeFileSync(path.join(ROOT, page), `${before}${part}${after}`);
}

function split(page: string, name: string): { before: string; part: string; after: string } {
  const file = path.join(ROOT, page);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${page} has no place for ${name}`);
  const start = from + begin.length;
  return { before: text.slice(0, start), part: text.slice(start, to), after: text.slice(to) };
}
