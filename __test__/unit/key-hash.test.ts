import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { writeKeyHash } from '../../src/cache/key-hash.ts';

function hash(key: string, seeds: readonly [number, number] = [1, 2]): [number, number] {
  const words = new Int32Array(4).fill(-7);
  writeKeyHash(words, 1, key, ...seeds);
  expect([words[0], words[3]], 'wrote beside its place').toEqual([-7, -7]);
  return [words[1]!, words[2]!];
}

const seed = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe('writeKeyHash', () => {
  it('depends on key and seeds alone [HAZARD-7]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), seed, seed, (key, low, high) => {
        expect(hash(key, [low, high])).toEqual(hash(`${key} `.slice(0, -1), [low, high]));
      }),
    );
  });

  it('spreads a hundred thousand alike keys over both lanes, low and high bits alike [HAZARD-7]', () => {
    const count = 100_000;
    const whole = new Set<string>();
    const lanes = [new Set<number>(), new Set<number>()];
    const buckets = Array.from({ length: 4 }, () => new Int32Array(64));
    for (let n = 0; n < count; n++) {
      const [low, high] = hash(`file:///srv/data/${n % 100}/item-${n}.json`);
      whole.add(`${low},${high}`);
      lanes[0]!.add(low);
      lanes[1]!.add(high);
      for (const [at, bits] of [low & 63, low >>> 26, high & 63, high >>> 26].entries()) {
        buckets[at]![bits]!++;
      }
    }
    expect(whole.size).toBe(count);
    // Of 100,000 random words of 32 bits, about one pair is equal.
    for (const lane of lanes) expect(lane.size).toBeGreaterThan(count - 20);
    const expected = count / 64;
    for (const bucket of buckets) {
      const chiSquare = bucket.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
      // 63 degrees of freedom: above 120 once in 50,000 times by chance.
      expect(chiSquare).toBeLessThan(120);
    }
  });

  it('changes about half of its bits with each bit of the key [HAZARD-7]', () => {
    let changed = 0;
    let pairs = 0;
    for (let n = 0; n < 500; n++) {
      const key = `mem://entry/${n}`;
      const [low, high] = hash(key);
      for (let bit = 0; bit < 7; bit++) {
        const at = 6 + (n % 5);
        const flipped = String.fromCharCode(key.charCodeAt(at) ^ (1 << bit));
        const [otherLow, otherHigh] = hash(key.slice(0, at) + flipped + key.slice(at + 1));
        changed += ones(low ^ otherLow) + ones(high ^ otherHigh);
        pairs++;
      }
    }
    expect(changed / pairs).toBeGreaterThan(30);
    expect(changed / pairs).toBeLessThan(34);
  });

  it('makes other collisions with other seeds: those of one process help nobody [HAZARD-7]', () => {
    // One lane alone collides by chance among so many; the same pair must not with another seed.
    const seen = new Map<number, string>();
    const pairs: [string, string][] = [];
    for (let n = 0; pairs.length < 5 && n < 1_000_000; n++) {
      const key = `mem://${n}`;
      const [low] = hash(key);
      const other = seen.get(low);
      if (other === undefined) seen.set(low, key);
      else pairs.push([key, other]);
    }
    expect(pairs).toHaveLength(5);
    for (const [one, other] of pairs) {
      const again = [11, 12, 13].map(
        (seed) => hash(one, [seed, 5])[0] === hash(other, [seed, 5])[0],
      );
      expect(again).not.toEqual([true, true, true]);
    }
  });
});

function ones(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}
