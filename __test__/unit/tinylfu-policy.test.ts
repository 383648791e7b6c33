import { describe, expect, it } from 'vitest';

import { ResourceCache, type Policy } from '../../src/index.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ENTRIES = 200;

/** Share of hits on 150 popular URIs while as many one-off URIs pass through, scan after scan. */
function popularHits(policy: Policy): number {
  const cache = new ResourceCache<number>({
    policy,
    maxEntries: ENTRIES,
    clock: new ManualClock(),
  });
  const read = (uri: string): boolean => {
    const hit = cache.get(uri) !== undefined;
    if (!hit) cache.set(uri, 1);
    return hit;
  };
  let hits = 0;
  let scanned = 0;
  for (let round = 0; round < 40; round++) {
    for (let n = 0; n < 150; n++) if (read(`popular://${n}`)) hits++;
    for (let n = 0; n < 300; n++) read(`scan://${scanned++}`);
  }
  expect(cache.size).toBeLessThanOrEqual(ENTRIES);
  return hits / (40 * 150);
}

describe("policy 'tinylfu'", () => {
  it('keeps what is popular through scans that empty an LRU cache [POLICY-TINYLFU]', () => {
    expect(popularHits('lru')).toBe(0);
    expect(popularHits('tinylfu')).toBeGreaterThan(0.7);
    expect(popularHits('adaptive')).toBeGreaterThan(0.7);
  });

  it('lets a newcomer in through its window, however popular the others are [POLICY-TINYLFU]', () => {
    const cache = new ResourceCache<number>({
      policy: 'tinylfu',
      maxEntries: ENTRIES,
      clock: new ManualClock(),
    });
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < ENTRIES; n++) {
        if (cache.get(`popular://${n}`) === undefined) cache.set(`popular://${n}`, n);
      }
    }
    for (let n = 0; n < 50; n++) {
      cache.set(`new://${n}`, n);
      // The last few are there, however little they were used.
      for (let last = Math.max(0, n - 5); last <= n; last++) {
        expect(cache.peek(`new://${last}`)).toBe(last);
      }
    }
  });

  // Residents whose counts are full would stand for ever against newcomers whose counts are.
  it.each([
    { maxEntries: 64, keys: 50, weightBytes: 1 },
    { maxEntries: 200, keys: 60, weightBytes: 1 },
    { maxEntries: 100, keys: 95, weightBytes: 1 },
    { maxEntries: 1_000, maxBytes: 10_000, keys: 8, weightBytes: 900 },
    { maxEntries: 1_000, maxBytes: 100_000, keys: 80, weightBytes: 900 },
  ])(
    'follows a working set that shifts again and again: $keys keys in $maxEntries [POLICY-TINYLFU, HAZARD-9]',
    ({ keys, weightBytes, ...bounds }) => {
      const cache = new ResourceCache<number>({ ...bounds, clock: new ManualClock() });
      for (let phase = 0; phase < 6; phase++) {
        let hits = 0;
        for (let read = 0; read < 20_000; read++) {
          const uri = `phase-${phase}://${read % keys}`;
          if (cache.get(uri) !== undefined) hits++;
          else cache.set(uri, 1, { weightBytes });
        }
        expect(hits / 20_000, `phase ${phase}`).toBeGreaterThan(0.9);
      }
    },
  );

  it('follows a working set that shifts between small and large values [POLICY-TINYLFU, HAZARD-9]', () => {
    const cache = new ResourceCache<number>({
      maxEntries: 300,
      maxBytes: 300_000,
      clock: new ManualClock(),
    });
    const phases = [
      { keys: 14, weightBytes: 15_000 },
      { keys: 210, weightBytes: 100 },
      { keys: 14, weightBytes: 15_000 },
      { keys: 90, weightBytes: 1_000 },
      { keys: 14, weightBytes: 15_000 },
    ];
    for (const [phase, { keys, weightBytes }] of phases.entries()) {
      let hits = 0;
      for (let read = 0; read < 40_000; read++) {
        const uri = `phase-${phase}://${read % keys}`;
        if (cache.get(uri) !== undefined) hits++;
        else cache.set(uri, 1, { weightBytes });
      }
      expect(hits / 40_000, `phase ${phase}`).toBeGreaterThan(0.9);
    }
  });

  it('takes in large values that are asked for, beside many small ones [POLICY-TINYLFU]', () => {
    const cache = new ResourceCache<number>({ clock: new ManualClock() });
    const read = (uri: string, weightBytes: number): boolean => {
      const hit = cache.get(uri) !== undefined;
      if (!hit) cache.set(uri, 1, { weightBytes });
      return hit;
    };
    for (let phase = 0; phase < 4; phase++) {
      let hits = 0;
      for (let turn = 0; turn < 400; turn++) {
        for (let n = 0; n < 10; n++) read(`small://${(turn * 10 + n) % 70}`, 10);
        if (read(`large-${phase}://${turn % 4}`, 15 * 2 ** 20)) hits++;
      }
      expect(hits / 400, `phase ${phase}`).toBeGreaterThan(0.5);
    }
  });
});
