import { afterEach, expect, it } from 'vitest';

import type { Policy } from '../../src/cache/cache-options.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';

const MAX_ENTRIES = 500;
/** What was learnt before has to be outweighed first, which takes some 25 times what is held. */
const READS = 24_000;

/** Shares of hits: by how much the wrong policy has to lose, and how near to the right one is enough. */
const CLEAR = 0.1;
const NEAR = 0.06;

/** moka's hits vary by a point or two with the seed of the hashes, which is each store's own. */
const STORES = 4;

const opened: ResourceCache<number>[] = [];

afterEach(() => {
  for (const cache of opened.splice(0)) cache.close();
});

function open(policy: Policy): ResourceCache<number> {
  const cache = new ResourceCache<number>({
    storage: 'native',
    policy,
    maxEntries: MAX_ENTRIES,
    ttlMs: 0,
  });
  opened.push(cache);
  return cache;
}

/** @returns the share of hits in the second half; the first is for learning */
function replay(cache: ResourceCache<number>, keys: Iterable<number>): number {
  let reads = 0;
  let hits = 0;
  for (const key of keys) {
    const uri = `mem://${key}`;
    const found = cache.get(uri);
    if (found === undefined) cache.set(uri, key);
    else if (found !== key) expect.fail(`${found} for ${key}`);
    if (reads++ >= READS / 2 && found !== undefined) hits++;
  }
  expect(cache.size).toBeLessThanOrEqual(MAX_ENTRIES);
  return hits / (READS / 2);
}

function* looping(): Generator<number> {
  for (let n = 0; n < READS; n++) yield n % (1.1 * MAX_ENTRIES);
}

/** Each key for some time, then never again: who remembers frequencies is wrong. */
function* drifting(): Generator<number> {
  let state = 1;
  for (let n = 0; n < READS; n++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    yield 1_000_000 + Math.floor(n / 4) + Math.floor((state / 0x7fff_ffff) ** 3 * 2 * MAX_ENTRIES);
  }
}

const WORKLOADS = [
  { title: 'a loop', keys: looping, best: 'tinylfu', worst: 'lru' },
  { title: 'keys that come and go', keys: drifting, best: 'lru', worst: 'tinylfu' },
] as const;

it.each(WORKLOADS)(
  'native adaptive is near the better of both over $title [POLICY-ADAPTIVE]',
  ({ keys, best, worst }) => {
    const [adaptive, better, lesser] = (['adaptive', best, worst] as const).map((policy) => {
      let sum = 0;
      for (let n = 0; n < STORES; n++) sum += replay(open(policy), keys());
      return sum / STORES;
    });
    expect(lesser).toBeLessThan(better! - CLEAR);
    expect(adaptive).toBeGreaterThan(better! - NEAR);
  },
);

it('native adaptive follows a change of the workload [POLICY-ADAPTIVE]', () => {
  const caches = { adaptive: open('adaptive'), tinylfu: open('tinylfu'), lru: open('lru') };
  for (const { keys, best, worst } of [...WORKLOADS, ...WORKLOADS]) {
    const adaptive = replay(caches.adaptive, keys());
    const [better, lesser] = [replay(caches[best], keys()), replay(caches[worst], keys())];
    expect(lesser).toBeLessThan(better - CLEAR);
    expect(adaptive, `where ${best} is best`).toBeGreaterThan((better + lesser) / 2);
  }
});
