import { isDeepStrictEqual } from 'node:util';
import type { AnyContestant } from './contenders.ts';
import { keyOf, ParsedKeys } from './entries.ts';

/** The capacity of a contestant that is asked. */
export const ASKED_CAPACITY = 250;

const SET = 100;
const OVERWRITTEN = 50;
const ASKED = 150;
const FLOOD = ASKED_CAPACITY + 1_000;
const FIRST_OF_FLOOD = 10_000;

/**
 * What a contestant answers to the same sets and gets as all others: every answer as JSON, `miss`
 * where there is none.
 *
 * @throws where it passes its own bound, or gives another value under eviction than was set.
 */
export async function answersOf(
  contestant: AnyContestant,
  valueOf: (index: number) => unknown,
): Promise<string[]> {
  const { cache, miss, mostEntries } = contestant;
  for (let index = 0; index < SET; index++) await cache.set(keyOf(index), valueOf(index));
  for (let index = 0; index < OVERWRITTEN; index++) {
    await cache.set(keyOf(index), valueOf(index + SET));
  }
  const keys = new ParsedKeys(Array.from({ length: ASKED }, (_, index) => keyOf(index))).next();
  const answers: string[] = [];
  for (const key of keys) {
    const found: unknown = await cache.get(key);
    answers.push(found === miss ? 'miss' : JSON.stringify(found));
  }

  for (let index = 0; index < FLOOD; index++) {
    await cache.set(keyOf(FIRST_OF_FLOOD + index), valueOf(index));
  }
  contestant.settle?.();
  const size = contestant.size?.() ?? 0;
  if (size > mostEntries) {
    throw new Error(`it holds ${size} entries where ${mostEntries} are its bound`);
  }
  for (let index = 0; index < FLOOD; index++) {
    const found: unknown = await cache.get(keyOf(FIRST_OF_FLOOD + index));
    if (found === miss || isDeepStrictEqual(found, valueOf(index))) continue;
    throw new Error(`it gives another value of ${keyOf(FIRST_OF_FLOOD + index)} than was set`);
  }
  return answers;
}
