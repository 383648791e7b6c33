import { setImmediate } from 'node:timers/promises';

import type { ThreadScope, ThreadWorkload } from './thread-scope.ts';

const KEYS = 200;
/** More keys than there is room for, so that evictions have their part. */
const MAX_ENTRIES = 150;
/** Two thirds of all operations are on so many keys. */
const HOT_KEYS = 20;
/** In 100. */
const WRITES = 6;
const OPERATIONS_PER_TURN = 4_096;

const uris = Array.from({ length: KEYS }, (_, key) => `coherence://${key}`);

/**
 * `amount` operations a thread, in which no read may give what is older than a set, or dropped by an
 * invalidation, that had returned in any thread before the read began.
 *
 * Each key has a version that only grows. A writer takes the next one, stores it, and publishes it
 * when its set has returned; a reader takes what is published before it reads. A miss is never wrong.
 */
async function run({ cache, words, own, amount, meet }: ThreadScope): Promise<CoherenceFigures> {
  const [locks, stored, dropped] = [0, 1, 2].map(
    (part) => new Int32Array(words, 4 * part * KEYS, KEYS),
  ) as [Int32Array, Int32Array, Int32Array];
  let random = 48_271 * (own + 1);
  let [reads, hits, violations] = [0, 0, 0];

  const judge = (found: string | undefined, least: number, gone: number): void => {
    if (found === undefined) return;
    hits++;
    const version = Number(found);
    if (version < least || version <= gone) violations++;
  };
  const write = async (key: number, invalidates: boolean): Promise<void> => {
    const version = Atomics.load(stored, key) + 1;
    const setting = cache.set(uris[key]!, String(version));
    if (setting instanceof Promise) await setting;
    Atomics.store(stored, key, version);
    if (!invalidates) return;
    const invalidating = cache.invalidate(uris[key]!);
    if (invalidating instanceof Promise) await invalidating;
    Atomics.store(dropped, key, version);
  };

  await meet();
  for (let n = 0; n < amount; n++) {
    random = (random * 48_271) % 2_147_483_647;
    const key = random % 3 === 0 ? random % KEYS : random % HOT_KEYS;
    const kind = (random >>> 8) % 100;
    if (kind >= WRITES) {
      reads++;
      const least = Atomics.load(stored, key);
      const gone = Atomics.load(dropped, key);
      const found = cache.get(uris[key]!);
      judge(found instanceof Promise ? await found : found, least, gone);
    } else if (Atomics.compareExchange(locks, key, 0, 1) === 0) {
      // One writer of a key at a time; the others do something else.
      await write(key, kind < WRITES / 2);
      Atomics.store(locks, key, 0);
    }
    if (n % OPERATIONS_PER_TURN === 0) await setImmediate();
  }
  await meet();
  return { reads, hits, violations };
}

type CoherenceFigures = Record<'reads' | 'hits' | 'violations', number>;

export const COHERENCE: ThreadWorkload = {
  maxEntries: MAX_ENTRIES,
  sharedWords: 3 * KEYS,
  run,
};
