import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache, type Policy } from '../../src/index.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ENTRIES = 1_000;

const opened: ResourceCache<string>[] = [];

function open(policy: Policy): ResourceCache<string> {
  const cache = new ResourceCache<string>({
    maxEntries: ENTRIES,
    maxBytes: 1_000_000,
    policy,
    clock: new ManualClock(),
  });
  opened.push(cache);
  return cache;
}

afterEach(() => {
  for (const each of opened.splice(0)) each.close();
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

describe.each(['tinylfu', 'adaptive'] as const)('keys that left (%s)', (policy) => {
  it('do not spoil the hits of others, however many come once, and never the bounds [HAZARD-7-HEAP, BOUND-BOTH]', () => {
    const cache = open(policy);
    hitRatio(cache, 50_000);
    const before = hitRatio(cache, 50_000);
    for (let n = 0; n < 8_192; n++) {
      cache.set(`hostile://${n}`, 'hostile', { weightBytes: 100 });
      if (cache.size > ENTRIES || cache.weightBytes > 1_000_000) expect.fail('a bound was passed');
    }
    hitRatio(cache, 50_000);
    const after = hitRatio(cache, 50_000);
    expect(before).toBeGreaterThan(0.5);
    expect(after).toBeGreaterThan(before - 0.05);
  });

  it('are as unknown as any other to all who ask [POLICY-GHOSTS]', () => {
    const cache = open(policy);
    const held = new Set<string>();
    cache.on('evicted', ({ uri }) => held.delete(uri));
    for (let n = 0; n < 5_000; n++) {
      held.add(`mem://${n}`);
      cache.set(`mem://${n}`, `${n}`);
    }
    expect(held.size).toBe(cache.size);
    expect(new Set(cache.keys())).toEqual(held);
    expect([...cache].map(([uri]) => uri).toSorted()).toEqual([...held].toSorted());
    const gone = Array.from({ length: 5_000 }, (_, n) => `mem://${n}`).filter((k) => !held.has(k));
    for (const uri of gone) {
      expect([cache.has(uri), cache.peek(uri), cache.info(uri)]).toEqual([
        false,
        undefined,
        undefined,
      ]);
      expect(cache.invalidate(uri)).toBe(false);
    }
    expect(cache.invalidatePattern('mem://4*')).toBe(
      [...held].filter((k) => k.startsWith('mem://4')).length,
    );
    expect(cache.invalidatePattern(/mem:/)).toBe(
      [...held].filter((k) => !k.startsWith('mem://4')).length,
    );
    expect([cache.size, cache.weightBytes]).toEqual([0, 0]);
  });

  it('come back as new entries, last in order [CACHE-ITERATION, POLICY-GHOSTS]', () => {
    const cache = open(policy);
    for (let n = 0; n < 3_000; n++)
      cache.set(`mem://${n}`, 'first', { ttlMs: 10_000, tags: ['t'] });
    const gone = Array.from({ length: 3_000 }, (_, n) => `mem://${n}`).filter((k) => !cache.has(k));
    for (const uri of gone.slice(-10)) {
      cache.set(uri, 'second', { ttlMs: 0 });
      const info = cache.info(uri);
      expect(info).toMatchObject({ accessCount: 0, expiresAtMs: undefined, tags: [] });
      expect([...cache.keys()].at(-1)).toBe(uri);
    }
    const tagged = cache.size - 10;
    expect(cache.invalidateTag('t')).toBe(tagged);
  });
});
