import { setTimeout } from 'node:timers/promises';

import type { ThreadScope, ThreadWorkload } from './thread-scope.ts';

const ORIGIN_MS = 1;
const IN_FLIGHT = 16;

/** Each thread reads the same `amount` keys once, in the same order, from a cache that is empty. */
async function run({ cache, amount, meet }: ThreadScope): Promise<{ loads: number }> {
  let loads = 0;
  let next = 0;
  const reader = async (): Promise<void> => {
    while (next < amount) {
      const key = `origin://${next++}`;
      const value = await cache.load(key, async () => {
        loads++;
        await setTimeout(ORIGIN_MS);
        return `the value of ${key}`;
      });
      if (value !== `the value of ${key}`) throw new Error(`${key} has the value ${value}`);
    }
  };
  await meet();
  await Promise.all(Array.from({ length: IN_FLIGHT }, reader));
  await meet();
  return { loads };
}

export const ORIGIN: ThreadWorkload = { maxEntries: 20_000, run };
