import { isDeepStrictEqual } from 'node:util';

import type { ReadResourceResult } from '@modelcontextprotocol/sdk/types.js';

import type { Check } from './check.ts';
import type { DocumentFile } from './documents.ts';
import { count } from './figures.ts';
import { readRound } from './read-round.ts';
import type { ServerProcess } from './server-process.ts';

/** Whether an answer is the whole file, and nothing else. */
function isFile({ contents }: ReadResourceResult, { uri, text }: DocumentFile): boolean {
  const [content] = contents;
  return (
    contents.length === 1 &&
    content !== undefined &&
    'text' in content &&
    content.text === text &&
    content.uri === uri
  );
}

/**
 * Counts the answers that are not their file, byte for byte: where both are well-formed, strings that
 * are equal are equal as UTF-8.
 */
export function countWrong(
  answers: readonly ReadResourceResult[],
  documents: readonly DocumentFile[],
): number {
  return documents.filter((document, index) => {
    const answer = answers[index];
    return answer === undefined || !isFile(answer, document);
  }).length;
}

/** Reads every document once from each of the servers: all answers must be the same, and the file. */
export async function compareAnswers(
  servers: readonly ServerProcess[],
  documents: readonly DocumentFile[],
  inFlight: number,
): Promise<Check> {
  const uris = documents.map(({ uri }) => uri);
  const answers: (readonly ReadResourceResult[])[] = [];
  for (const server of servers) answers.push((await readRound(server, uris, inFlight)).answers);
  const [first = []] = answers;
  const differing = uris.filter((_, index) =>
    answers.some((others) => !isDeepStrictEqual(others[index], first[index])),
  );
  const wrong = answers.reduce((sum, given) => sum + countWrong(given, documents), 0);
  const example = differing[0] === undefined ? '' : `, such as ${differing[0]}`;
  return {
    claim: 'every document is the same from all servers, and as on disk',
    holds: uris.length > 0 && differing.length === 0 && wrong === 0,
    evidence:
      `${count(uris.length)} documents from ${servers.length} servers, ` +
      `${count(differing.length)} differ${example}, ${count(wrong)} answers are not the file`,
  };
}
