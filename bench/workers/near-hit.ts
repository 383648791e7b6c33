import { setImmediate } from 'node:timers/promises';

import type { Lookup, ThreadCache } from './contenders.ts';
import type { ThreadScope, ThreadWorkload } from './thread-scope.ts';

/** Fewer than a near map keeps. */
const KEYS = 800;
const VALUE_BYTES = 200;
/** Look-ups between two turns of the event loop, so that timers of the contenders have theirs. */
const TURN = 8_000;
const WARM_UP_TURNS = 30;
/** Requests of a client under way: more than one, or the network's latency is all that is measured. */
const IN_FLIGHT = 64;
/** Prime to the number of keys: neighbours in memory are none in the order of reading. */
const STRIDE = 37;

/** In one piece: of one that was put together, the engine compares the pieces at each look-up. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

const uris = Array.from({ length: KEYS }, (_, index) =>
  flat(`res://host-${index % 10}/documents/${String(index).padStart(16, '0')}`),
);
const order = uris.map((_, index) => uris[(index * STRIDE) % KEYS] ?? '');

function valueOf(uri: string): string {
  return flat(uri.padEnd(VALUE_BYTES, '.'));
}

/** @returns characters found */
function readAll(lookup: Lookup): number {
  let found = 0;
  for (let n = 0; n < TURN; n++) found += lookup.get(order[n % KEYS]!)?.length ?? 0;
  return found;
}

async function requestAll(cache: ThreadCache): Promise<number> {
  let found = 0;
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < TURN) {
      const value = await cache.get(order[next++ % KEYS]!);
      found += value?.length ?? 0;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
  return found;
}

/** Hits of a working set that a thread can keep at hand, for `amount` ms. */
async function run({ cache, own, amount, meet }: ThreadScope): Promise<NearHitFigures> {
  const { lookup } = cache;
  const turn = async (): Promise<void> => {
    const found = lookup === undefined ? await requestAll(cache) : readAll(lookup);
    if (found !== TURN * VALUE_BYTES) throw new Error(`${found} characters found`);
  };
  for (const uri of uris) {
    if ((await cache.get(uri)) === undefined) await cache.set(uri, valueOf(uri));
  }
  await meet();
  for (let n = 0; n < (lookup === undefined ? 1 : WARM_UP_TURNS); n++) {
    await turn();
    await setImmediate();
  }
  await meet();
  const cpuBefore = process.cpuUsage();
  let [turns, readMs] = [0, 0];
  for (const end = performance.now() + amount; performance.now() < end; turns++) {
    const start = performance.now();
    await turn();
    readMs += performance.now() - start;
    await setImmediate();
  }
  const start = performance.now();
  cache.settle?.();
  readMs += performance.now() - start;
  await meet();
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    nsPerOp: (readMs * 1e6) / (turns * TURN),
    operations: turns * TURN,
    // Of the whole process, and so told by one of its threads.
    cpuNs: own === 0 ? 1_000 * (user + system) : 0,
  };
}

type NearHitFigures = Record<'nsPerOp' | 'operations' | 'cpuNs', number>;

export const NEAR_HIT: ThreadWorkload = { maxEntries: 10_000, run };
