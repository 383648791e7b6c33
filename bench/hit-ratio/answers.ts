import { LATE, OPTIMAL } from './contenders.ts';
import type { Replay, ReplayFigures } from './replay.ts';

/** The figures of one workload, by contender; of each round one. */
export type Answers = ReadonlyMap<string, readonly ReplayFigures[]>;

const PLAIN_LRU = 'lru-cache';
const OUR_LRU = 'granary-lru';

/** @returns what is wrong with the answers, naming the contender. */
export function wrongAnswers(answers: Answers, accesses: number, weighted: boolean): string[] {
  const best = answers.get(OPTIMAL)?.[0]?.settled.hits ?? Number.NaN;
  const wrong: string[] = [];
  for (const [contender, rounds] of answers) {
    for (const { settled, live } of rounds) {
      for (const replay of live === undefined ? [settled] : [settled, live]) {
        if (replay.accesses !== accesses) {
          wrong.push(`${contender} replayed ${replay.accesses} of ${accesses} accesses`);
        }
        const late = replay === live && LATE.has(contender);
        // With weights, what is called optimal is a heuristic.
        if (!weighted && !late && !(replay.hits <= best)) {
          wrong.push(
            `${contender} has ${replay.hits} hits, more than the ${best} that are possible`,
          );
        }
      }
    }
  }
  const plain = answers.get(PLAIN_LRU)?.[0];
  for (const ours of answers.get(OUR_LRU) ?? []) {
    if (same(plain?.settled, ours.settled) && same(plain?.live, ours.live)) continue;
    wrong.push(`${OUR_LRU} does not hit where ${PLAIN_LRU} does`);
  }
  return wrong;
}

function same(one: Replay | undefined, other: Replay | undefined): boolean {
  return one?.hits === other?.hits && one?.sequence === other?.sequence;
}
