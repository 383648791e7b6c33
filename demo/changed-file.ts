import { EventEmitter, on } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Check } from './check.ts';
import type { DocumentFile } from './documents.ts';
import { median, milliseconds } from './figures.ts';
import { ServerProcess } from './server-process.ts';
import { PROJECT } from './settings.ts';

const COMMAND = path.join(PROJECT, 'dist/cli/main.js');
const CHANGES = 5;
const PATIENCE_MS = 5_000;

export interface ChangedFile {
  readonly check: Check;
  /** By change, from the start of the write to the client's having been notified and having read the new content. */
  readonly freshMs: readonly number[];
}

/**
 * Has `granary serve` serve a copy of a document, subscribes to it, and changes it on disk: each time
 * the client must be notified, and must then read the new content.
 */
export async function checkChangedFile(
  { text }: DocumentFile,
  signal: AbortSignal,
): Promise<ChangedFile> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'granary-demo-')));
  try {
    const file = path.join(folder, 'README.md');
    await writeFile(file, text);
    await using server = await ServerProcess.start(
      'granary serve',
      [COMMAND, 'serve', folder],
      signal,
    );
    // It lists files as soon as it watches them, not before.
    const [uri = 'no file listed'] = await server.uris();
    const isServed = (await readText(server, uri)) === text;
    const freshMs = isServed ? await changeAndRead(server, uri, { file, text }, signal) : [];
    return { check: checkOf(isServed, freshMs), freshMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the ms that each change took to come to the client, up to the first that did not */
async function changeAndRead(
  server: ServerProcess,
  uri: string,
  { file, text }: { readonly file: string; readonly text: string },
  signal: AbortSignal,
): Promise<number[]> {
  const updates = new EventEmitter();
  await server.subscribe(uri, () => updates.emit('notice'));
  const freshMs: number[] = [];
  for (let change = 1; change <= CHANGES; change++) {
    const newText = `${text}\nChange ${change}.\n`;
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    const notices = on(updates, 'notice', { signal: timeout });
    const start = performance.now();
    await writeFile(file, newText);
    if (!(await isReadAnew(server, uri, newText, notices))) break;
    freshMs.push(performance.now() - start);
  }
  return freshMs;
}

function checkOf(isServed: boolean, freshMs: readonly number[]): Check {
  const took =
    freshMs.length === 0
      ? ''
      : `, ${milliseconds(median(freshMs))} after the write in the median, at most ${milliseconds(Math.max(...freshMs))}`;
  return {
    claim: 'a changed file is notified to its subscriber and read anew',
    holds: isServed && freshMs.length === CHANGES,
    evidence: isServed
      ? `${freshMs.length} of ${CHANGES} changes${took}`
      : 'the file was not served as it is',
  };
}

async function readText(server: ServerProcess, uri: string): Promise<unknown> {
  const [content] = (await server.read(uri)).contents;
  return content !== undefined && 'text' in content ? content.text : undefined;
}

/** Whether the client, reading anew at every notice, comes to read the new content. */
async function isReadAnew(
  server: ServerProcess,
  uri: string,
  newText: string,
  notices: AsyncIterable<unknown>,
): Promise<boolean> {
  try {
    // A late notice of the change before may come first.
    for await (const _ of notices) if ((await readText(server, uri)) === newText) return true;
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
  }
  return false;
}
