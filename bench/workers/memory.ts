import { setTimeout } from 'node:timers/promises';

import type { ThreadScope, ThreadWorkload } from './thread-scope.ts';

/** Results of a whole run. */
export const MEMORY_ENTRIES = 20_000;
export const MEMORY_VALUE_BYTES = 4_000;

const REST_MS = 50;
const IN_FLIGHT = 32;

/** In memory of its own: the sum of two strings would be a pair of references. */
function valueOf(index: number): string {
  const text = String(index).padEnd(MEMORY_VALUE_BYTES, 'The quick brown fox; ');
  return Buffer.from(text, 'latin1').toString('latin1');
}

async function collect(): Promise<void> {
  globalThis.gc?.();
  await setTimeout(REST_MS);
  globalThis.gc?.();
}

/** Does `work` for every result, several at a time where a cache is waited for. */
async function forAll(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const reader = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, reader));
}

/** Each thread needs the same results, and asks the cache before it makes one. */
async function run({ cache, meet, amount }: ThreadScope): Promise<{ kept: number }> {
  await cache.set('mem://warm-up', valueOf(0));
  await cache.get('mem://warm-up');
  await collect();
  await meet();
  await forAll(amount, async (index) => {
    const key = `mem://${index}`;
    if ((await cache.get(key)) === undefined) await cache.set(key, valueOf(index));
  });
  await collect();
  await meet();
  let kept = 0;
  await forAll(amount, async (index) => {
    if ((await cache.get(`mem://${index}`)) === valueOf(index)) kept++;
  });
  return { kept };
}

export const MEMORY: ThreadWorkload = {
  maxEntries: 2 * MEMORY_ENTRIES,
  looksAtMemory: true,
  run,
};
