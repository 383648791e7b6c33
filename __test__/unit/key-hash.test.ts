import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hashKey } from '../../src/cache/key-hash.ts';

const seed = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe('hashKey', () => {
  it('depends on key and seed alone [HAZARD-7]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), seed, (key, own) => {
        expect(hashKey(key, own)).toBe(hashKey(`${key} `.slice(0, -1), own));
        expect(hashKey(key)).toBe(hashKey(`${key} `.slice(0, -1)));
        expect(hashKey(key, own)).toBe(hashKey(key, own) | 0);
      }),
    );
  });

  it('spreads a hundred thousand alike keys, low and high bits alike [HAZARD-7]', () => {
    const count = 100_000;
    const seen = new Set<number>();
    const buckets = Array.from({ length: 3 }, () => new Int32Array(64));
    for (let n = 0; n < count; n++) {
      const hash = hashKey(`file:///srv/data/${n % 100}/item-${n}.json`, 7);
      seen.add(hash);
      for (const [at, bits] of [hash & 63, (hash >>> 13) & 63, hash >>> 26].entries()) {
        buckets[at]![bits]!++;
      }
    }
    // Of 100,000 random words of 32 bits, about one pair is equal.
    expect(seen.size).toBeGreaterThan(count - 20);
    const expected = count / 64;
    for (const bucket of buckets) {
      const chiSquare = bucket.reduce((sum, each) => sum + (each - expected) ** 2 / expected, 0);
      // 63 degrees of freedom: above 120 once in 50,000 times by chance.
      expect(chiSquare).toBeLessThan(120);
    }
  });

  it('changes about half of its bits with each bit of the key [HAZARD-7]', () => {
    let changed = 0;
    let pairs = 0;
    for (let n = 0; n < 500; n++) {
      const key = `mem://entry/${n}`;
      const hash = hashKey(key, 7);
      for (let bit = 0; bit < 7; bit++) {
        const at = 6 + (n % 5);
        const flipped = String.fromCharCode(key.charCodeAt(at) ^ (1 << bit));
        changed += ones(hash ^ hashKey(key.slice(0, at) + flipped + key.slice(at + 1), 7));
        pairs++;
      }
    }
    expect(changed / pairs).toBeGreaterThan(15);
    expect(changed / pairs).toBeLessThan(17);
  });

  it('makes other collisions with other seeds: those of one process help nobody [HAZARD-7]', () => {
    const seen = new Map<number, string>();
    const pairs: [string, string][] = [];
    for (let n = 0; pairs.length < 5 && n < 1_000_000; n++) {
      const key = `mem://${n}`;
      const hash = hashKey(key, 1);
      const other = seen.get(hash);
      if (other === undefined) seen.set(hash, key);
      else pairs.push([key, other]);
    }
    expect(pairs).toHaveLength(5);
    for (const [one, other] of pairs) {
      const again = [11, 12, 13].map((own) => hashKey(one, own) === hashKey(other, own));
      expect(again).not.toEqual([true, true, true]);
    }
  });
});

function ones(word: number): number {
  let count = 0;
  for (let rest = word >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}
