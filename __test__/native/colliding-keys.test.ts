import { afterEach, describe, expect, it, vi } from 'vitest';

import type * as KeyHash from '../../src/cache/key-hash.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ManualClock } from '../support/manual-clock.ts';

// Keys that say so get one hash: as hostile ones might, and as some of many do by chance.
vi.mock('../../src/cache/key-hash.ts', async (importOriginal) => {
  const { hashKey } = await importOriginal<typeof KeyHash>();
  return {
    hashKey: (key: string): number => hashKey(key.startsWith('same://') ? 'same' : key),
  };
});

const opened: ResourceCache<string>[] = [];

function open(): ResourceCache<string> {
  const cache = new ResourceCache<string>({
    maxEntries: 1_000,
    maxBytes: 1_000_000,
    policy: 'tinylfu',
    clock: new ManualClock(),
  });
  opened.push(cache);
  return cache;
}

afterEach(() => {
  for (const cache of opened.splice(0)) cache.close();
});

/** Share of hits over reads that fall on few keys mostly. */
function hitRatio(cache: ResourceCache<string>, reads: number): number {
  let hits = 0;
  let state = 1;
  for (let n = 0; n < reads; n++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    const key = `mem://${Math.floor((state / 0x7fff_ffff) ** 4 * 5_000)}`;
    if (cache.get(key) === undefined) cache.set(key, key, { weightBytes: 100 });
    else hits++;
  }
  return hits / reads;
}

describe('keys of one hash', () => {
  it('live side by side, and each can leave [HAZARD-7]', () => {
    const cache = open();
    for (let n = 0; n < 500; n++) cache.set(`same://${n}`, `${n}`, { weightBytes: 100 });
    cache.sync();
    for (let n = 0; n < 500; n++) expect(cache.peek(`same://${n}`)).toBe(`${n}`);
    expect(cache.invalidate('same://7')).toBe(true);
    cache.sync();
    expect([cache.peek('same://7'), cache.peek('same://8')]).toEqual([undefined, '8']);
    for (let round = 0; round < 10; round++) hitRatio(cache, 20_000);
    cache.sync();
    expect(cache.size).toBeLessThanOrEqual(1_000);
    const left = [...cache.keys()].filter((key) => key.startsWith('same://')).length;
    expect(left, 'they can no longer be evicted').toBeLessThan(50);
  });

  it('do not spoil the hits of others for long, and never the bounds [HAZARD-7, BOUND-BOTH]', () => {
    const cache = open();
    hitRatio(cache, 50_000);
    const before = hitRatio(cache, 50_000);
    for (let n = 0; n < 8_192; n++) {
      cache.set(`same://${n}`, 'hostile', { weightBytes: 100 });
      if (cache.size > 1_000 || cache.weightBytes > 1_000_000) expect.fail('a bound was passed');
    }
    hitRatio(cache, 50_000);
    const after = hitRatio(cache, 50_000);
    expect(before).toBeGreaterThan(0.5);
    expect(after).toBeGreaterThan(before - 0.05);
  });
});
