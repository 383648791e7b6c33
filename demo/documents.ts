import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** One file as the demo serves it. */
export interface DocumentFile {
  readonly uri: string;
  /** What the file holds: every answer is held against it. */
  readonly text: string;
  readonly sizeBytes: number;
}

export interface DocumentSet {
  readonly documents: readonly DocumentFile[];
  readonly sizeBytes: number;
  /** Median time of one `readFile` of these files in a row, without any server. */
  readonly medianReadMs: number;
}

/** Both servers serve it. */
export const DOCUMENT_TEMPLATE = 'doc://node_modules/{+path}';
const PREFIX = DOCUMENT_TEMPLATE.slice(0, DOCUMENT_TEMPLATE.indexOf('{'));

/** What packages say about themselves: all of it is text. */
const NAMES = /^(readme|licen[cs]e|notice)([.-][\w.-]+)?$/i;
const PROGRAM = /\.[cm]?[jt]sx?$/i;

function documentUri(relative: string): string {
  return PREFIX + relative.split(path.sep).map(encodeURIComponent).join('/');
}

/** @throws where a path leads out of the folder, or to anything but a README, licence or notice. */
export function documentPath(root: string, relative: string): string {
  const file = path.resolve(root, relative);
  if (!file.startsWith(root + path.sep) || !isDocument(path.basename(file))) {
    throw new Error(`no document at ${JSON.stringify(relative)}`);
  }
  return file;
}

/**
 * Reads the READMEs, licences and notices below a folder, in the order of their paths. Links are not
 * followed, and empty files left out.
 */
export async function readDocuments(root: string): Promise<DocumentSet> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && isDocument(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  const documents: DocumentFile[] = [];
  const readMs: number[] = [];
  for (const file of files) {
    const start = performance.now();
    const text = await readFile(file, 'utf8');
    readMs.push(performance.now() - start);
    const sizeBytes = Buffer.byteLength(text);
    if (sizeBytes === 0) continue;
    documents.push({ uri: documentUri(path.relative(root, file)), text, sizeBytes });
  }
  readMs.sort((a, b) => a - b);
  return {
    documents,
    sizeBytes: documents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    medianReadMs: readMs[readMs.length >> 1] ?? Number.NaN,
  };
}

function isDocument(name: string): boolean {
  return NAMES.test(name) && !PROGRAM.test(name);
}
