import type { ThreadScope, ThreadWorkload } from './thread-scope.ts';

const KEYS = 50;
const OPERATIONS = 2_000;

/** One thread does the same as with every other contender, and sums up what it was answered. */
async function run({ cache }: ThreadScope): Promise<{ answers: number }> {
  let random = 48_271;
  let answers = 0;
  const take = (answer: string | undefined): void => {
    const number = answer === undefined ? -1 : Number(answer);
    answers = (answers * 31 + number + 1) % 1_000_003;
  };
  for (let n = 0; n < OPERATIONS; n++) {
    random = (random * 48_271) % 2_147_483_647;
    const key = `answers://${random % KEYS}`;
    const kind = (random >>> 8) % 10;
    if (kind < 2) await cache.set(key, String(n));
    else if (kind === 2) await cache.invalidate(key);
    else if (kind < 5) take(await cache.load(key, () => Promise.resolve(String(n))));
    else take(await cache.get(key));
  }
  return { answers };
}

export const ANSWERS: ThreadWorkload = { maxEntries: 2 * KEYS, run };
