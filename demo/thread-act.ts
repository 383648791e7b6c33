import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import type { Check } from './check.ts';
import type { DocumentSet } from './documents.ts';
import { bytes, count, times } from './figures.ts';
import type { ThreadFigures, ThreadSettings } from './servers/thread-settings.ts';

export const THREADS = 4;
const READS = 1_000;
const ZIPF_EXPONENT = 0.9;
const CHANGES = 50;
/** What is served of all documents together: so much that it shows among what a process takes anyway. */
const CONTENT_BYTES = 32_000_000;
/** Of the documents, those that each thread keeps decoded at hand, with one store. */
const NEAR_SHARE = 1 / 8;

export const SHARINGS = ['a cache each', 'one store'] as const;
export type Sharing = (typeof SHARINGS)[number];

/** What the same threads have shown with a cache each and with one store. */
export interface ThreadAct {
  readonly copies: number;
  readonly contentBytes: number;
  readonly nearEntries: number;
  readonly figures: Readonly<Record<Sharing, ThreadFigures>>;
}

/** Runs the same four threads twice, each time in a process of its own. */
export async function runThreads(
  { documents, sizeBytes }: DocumentSet,
  root: string,
  signal: AbortSignal,
): Promise<ThreadAct> {
  const copies = Math.ceil(CONTENT_BYTES / sizeBytes);
  const nearEntries = Math.ceil(NEAR_SHARE * documents.length);
  const settings = {
    root,
    threads: THREADS,
    maxEntries: 2 * documents.length,
    maxBytes: 8 * copies * sizeBytes,
    nearEntries,
    copies,
    reads: READS,
    exponent: ZIPF_EXPONENT,
    changes: CHANGES,
    documents: documents.map(({ uri, text }) => {
      const served = text.repeat(copies);
      return { uri, length: served.length, digest: hash('sha1', served) };
    }),
  };
  return {
    copies,
    contentBytes: copies * sizeBytes,
    nearEntries,
    figures: {
      'a cache each': await runProcess({ ...settings, storage: 'heap' }, signal),
      'one store': await runProcess({ ...settings, storage: 'native' }, signal),
    },
  };
}

async function runProcess(
  settings: Omit<ThreadSettings, 'notes'>,
  signal: AbortSignal,
): Promise<ThreadFigures> {
  const notes = await realpath(await mkdtemp(path.join(tmpdir(), 'granary-demo-')));
  try {
    signal.throwIfAborted();
    const program = fileURLToPath(new URL('./servers/threads.js', import.meta.url));
    const child = spawn(process.execPath, ['--expose-gc', program], { signal });
    // It tells of a start that failed and of an abort; `close` follows either.
    child.on('error', () => {});
    const closed = new Promise((resolve) => child.on('close', resolve));
    // One that has failed takes no input; what it says tells more.
    child.stdin.on('error', () => {});
    child.stdin.end(JSON.stringify({ ...settings, notes }));
    const outputs = [text(child.stdout), text(child.stderr)] as const;
    const [figures, complaint, code] = await Promise.all([...outputs, closed]);
    signal.throwIfAborted();
    if (code !== 0)
      throw new Error(`threads with storage ${settings.storage} failed:\n${complaint}`);
    return JSON.parse(figures) as ThreadFigures;
  } finally {
    await rm(notes, { recursive: true, force: true });
  }
}

/** What a process takes more than before the first read. */
export function grownBytes({ idleRssBytes, fullRssBytes }: ThreadFigures): number {
  return fullRssBytes - idleRssBytes;
}

export function threadChecks(
  { figures: { 'a cache each': each, 'one store': one } }: ThreadAct,
  documents: number,
): Check[] {
  const reads = each.reads + one.reads;
  const wrong = each.wrongAnswers + one.wrongAnswers;
  return [
    {
      claim: `${THREADS} threads over one store load each document once`,
      holds:
        one.originLoads === documents && each.originLoads === THREADS * documents && wrong === 0,
      evidence:
        `${count(one.originLoads)} loads for ${count(documents)} documents, ${count(each.originLoads)} with ` +
        `a cache each; ${count(reads)} reads, ${count(wrong)} wrong`,
    },
    {
      claim: 'one store takes less memory than a cache each',
      holds: grownBytes(one) < grownBytes(each),
      evidence: `the process grows by ${bytes(grownBytes(one))} against ${bytes(grownBytes(each))}`,
    },
    {
      claim: 'what one thread drops, the next read in every other reads anew',
      holds: one.readsAfterChange > 0 && one.staleReads === 0,
      evidence:
        `${count(one.staleReads)} of ${count(one.readsAfterChange)} reads after a change were stale, ` +
        `${count(each.staleReads)} with a cache each`,
    },
  ];
}

export const THREAD_HEADER = [
  `${THREADS} threads with`,
  'origin loads',
  'memory',
  'stale reads',
  'reads/s',
  '× a cache each',
] as const;

export function threadRows({ figures }: ThreadAct): string[][] {
  const alone = figures['a cache each'].readsPerSecond;
  return SHARINGS.map((sharing) => {
    const { originLoads, staleReads, readsPerSecond } = figures[sharing];
    return [
      sharing,
      count(originLoads),
      bytes(grownBytes(figures[sharing])),
      count(staleReads),
      count(readsPerSecond),
      sharing === 'one store' ? times(readsPerSecond / alone) : '',
    ];
  });
}
