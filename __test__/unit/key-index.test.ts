import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyIndex } from '../../src/cache/key-index.ts';

const all = (): boolean => true;

/** A key that counts how often the index looks at its text. */
function countingResidents(keys: ReadonlySet<string>) {
  let asked = 0;
  return {
    resident: (key: string): boolean => {
      asked++;
      return keys.has(key);
    },
    asked: () => asked,
  };
}

describe('KeyIndex', () => {
  it('finds the keys with a prefix, and no others [INVALIDATE-PREFIX]', () => {
    const index = new KeyIndex(['b', 'ab', 'a', 'abc', 'ac', '\u{10FFFF}', 'ab\uFFFF']);
    expect(index.withPrefix('ab', all).sort()).toEqual(['ab', 'abc', 'ab\uFFFF'].sort());
    expect(index.withPrefix('\u{10FFFF}', all)).toEqual(['\u{10FFFF}']);
    expect(index.withPrefix('zz', all)).toEqual([]);
  });

  it('looks at the keys with the prefix only, however many there are [INVALIDATE-PREFIX, INVALIDATE-TEMPLATE]', () => {
    const keys = new Set(Array.from({ length: 20_000 }, (_, n) => `${n % 1_000}/${n}`));
    const { resident, asked } = countingResidents(keys);
    const index = new KeyIndex(keys);
    expect(index.withPrefix('7/', resident)).toHaveLength(20);
    expect(asked()).toBe(20);
  });

  it('knows keys that were added later, once [INVALIDATE-PREFIX]', () => {
    const index = new KeyIndex(['a1']);
    index.add('a2');
    index.add('a2');
    index.add('b');
    expect(index.withPrefix('a', all)).toEqual(['a1', 'a2']);
    index.add('a0');
    expect(index.withPrefix('a', all)).toEqual(['a0', 'a1', 'a2']);
  });

  it('forgets keys that have left, when it meets them [INVALIDATE-PREFIX]', () => {
    const { resident, asked } = countingResidents(new Set(['a2']));
    const index = new KeyIndex(['a1', 'a2', 'a3']);
    expect(index.withPrefix('a', resident)).toEqual(['a2']);
    expect(asked()).toBe(3);
    expect(index.withPrefix('a', resident)).toEqual(['a2']);
    expect(asked()).toBe(4);
  });

  it('is exhausted by keys that come and go, so that its memory is bounded [INVALIDATE-PREFIX]', () => {
    const index = new KeyIndex([]);
    let added = 0;
    while (!index.isExhausted(10)) index.add(`key ${added++}`);
    expect(added).toBeGreaterThan(30);
    expect(added).toBeLessThan(2_000);
  });

  it('agrees with a scan of all keys [INVALIDATE-PREFIX]', () => {
    const key = fc.string({ unit: fc.constantFrom('a', 'b', '\uD800', '\u{1F600}'), maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(key),
        fc.array(key),
        fc.array(key),
        key,
        (first, later, gone, prefix) => {
          const residents = new Set([...first, ...later].filter((key) => !gone.includes(key)));
          const index = new KeyIndex(new Set(first));
          for (const key of later) index.add(key);
          const expected = [...residents].filter((key) => key.startsWith(prefix)).sort();
          for (const again of [1, 2]) {
            const found = index.withPrefix(prefix, (key) => residents.has(key));
            expect([again, [...found].sort()]).toEqual([again, expected]);
          }
        },
      ),
    );
  });
});
