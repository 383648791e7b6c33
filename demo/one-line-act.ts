import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { countWrong } from './answers.ts';
import type { Check } from './check.ts';
import { readDocuments, type DocumentFile, type DocumentSet } from './documents.ts';
import { count, median, times } from './figures.ts';
import { readRound } from './read-round.ts';
import { RequestMix } from './request-mix.ts';
import { ServerProcess } from './server-process.ts';
import { formatServerArguments } from './servers/server-arguments.ts';

const MOST_DOCUMENTS = 100;
const ROUNDS = 3;
const READS_PER_ROUND = 1_000;
const IN_FLIGHT = 8;
const ZIPF_EXPONENT = 0.9;
const SEED = 20_260_728;
const CHANGES = 5;

export const LINES = ['as it was', 'and one line'] as const;
export type Lines = (typeof LINES)[number];

/** What a server of the SDK has shown as its author wrote it, and with `cacheServer` in one line more. */
export interface OneLineAct {
  readonly figures: Readonly<Record<Lines, OneLineFigures>>;
  readonly documents: number;
  /** Changes that the server told of and that the next read showed. */
  readonly changesSeen: number;
}

export interface OneLineFigures {
  readonly reads: number;
  readonly wrongAnswers: number;
  readonly handlerCalls: number;
  /** The median of the rounds. */
  readonly readsPerSecond: number;
}

/** Serves some documents from a folder of their own, so that they can be changed. */
export async function runOneLine(
  { documents }: DocumentSet,
  signal: AbortSignal,
): Promise<OneLineAct> {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'granary-demo-')));
  try {
    for (const [index, { text }] of documents.slice(0, MOST_DOCUMENTS).entries()) {
      const folder = path.join(root, String(index));
      await mkdir(folder);
      await writeFile(path.join(folder, 'README.md'), text);
    }
    const served = (await readDocuments(root)).documents;
    await using alone = await start('as it was', root, signal);
    await using cached = await start('and one line', root, signal);
    const servers = { 'as it was': alone, 'and one line': cached };
    const figures = await measureBoth(servers, served);
    return {
      figures,
      documents: served.length,
      changesSeen: await countChangesSeen(cached, served[0] as DocumentFile, root),
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function start(lines: Lines, root: string, signal: AbortSignal): Promise<ServerProcess> {
  const program = fileURLToPath(new URL('./servers/plain.js', import.meta.url));
  const oneLine = lines === 'and one line';
  const given = { root, delayMs: 0, maxEntries: 0, maxBytes: 0, oneLine };
  return ServerProcess.start(
    `the server ${lines}`,
    [program, ...formatServerArguments(given)],
    signal,
  );
}

async function measureBoth(
  servers: Readonly<Record<Lines, ServerProcess>>,
  documents: readonly DocumentFile[],
): Promise<Record<Lines, OneLineFigures>> {
  const mix = new RequestMix(documents, ZIPF_EXPONENT, SEED);
  const tallies = LINES.map((lines) => ({
    lines,
    reads: 0,
    wrongAnswers: 0,
    speeds: [] as number[],
  }));
  for (let round = 0; round <= ROUNDS; round++) {
    // The first round reads every document and is not timed.
    const requests = round === 0 ? documents : mix.take(READS_PER_ROUND);
    const uris = requests.map(({ uri }) => uri);
    for (const tally of round % 2 === 0 ? tallies : tallies.toReversed()) {
      const { elapsedMs, answers } = await readRound(servers[tally.lines], uris, IN_FLIGHT);
      tally.reads += uris.length;
      tally.wrongAnswers += countWrong(answers, requests);
      if (round > 0) tally.speeds.push((1_000 * uris.length) / elapsedMs);
    }
  }
  const figures = tallies.map(async ({ lines, speeds, ...counts }) => {
    const { originLoads: handlerCalls } = await servers[lines].counters();
    return [lines, { ...counts, handlerCalls, readsPerSecond: median(speeds) }] as const;
  });
  return Object.fromEntries(await Promise.all(figures)) as Record<Lines, OneLineFigures>;
}

async function countChangesSeen(
  server: ServerProcess,
  { uri, text }: DocumentFile,
  root: string,
): Promise<number> {
  const file = path.join(root, '0', 'README.md');
  let seen = 0;
  for (let change = 1; change <= CHANGES; change++) {
    const newText = `${text}\nChange ${change}.\n`;
    await writeFile(file, newText);
    await server.announce(uri);
    const [content] = (await server.read(uri)).contents;
    if (content !== undefined && 'text' in content && content.text === newText) seen++;
  }
  return seen;
}

export function oneLineChecks({ figures, documents, changesSeen }: OneLineAct): Check[] {
  const { 'as it was': alone, 'and one line': cached } = figures;
  const wrong = alone.wrongAnswers + cached.wrongAnswers;
  return [
    {
      claim: 'with cacheServer added in one line, each document costs one call of its handler',
      holds: cached.handlerCalls === documents && alone.handlerCalls === alone.reads && wrong === 0,
      evidence:
        `${count(cached.handlerCalls)} calls for ${count(documents)} documents and ` +
        `${count(cached.reads)} reads, ${count(alone.handlerCalls)} without; ${count(wrong)} wrong answers`,
    },
    {
      claim: 'what that server tells of as updated, the next read gets anew',
      holds: changesSeen === CHANGES,
      evidence: `${changesSeen} of ${CHANGES} changes`,
    },
  ];
}

export const ONE_LINE_HEADER = ['plain server', 'handler calls', 'reads/s', '× as it was'] as const;

export function oneLineRows({ figures }: OneLineAct): string[][] {
  const alone = figures['as it was'].readsPerSecond;
  return LINES.map((lines) => {
    const { handlerCalls, readsPerSecond } = figures[lines];
    const ratio = lines === 'as it was' ? '' : times(readsPerSecond / alone);
    return [lines, count(handlerCalls), count(readsPerSecond), ratio];
  });
}
