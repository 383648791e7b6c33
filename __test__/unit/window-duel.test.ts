import { describe, expect, it } from 'vitest';

import { FrequencySketch } from '../../src/cache/frequency-sketch.ts';
import { hashKey } from '../../src/cache/key-hash.ts';
import { FIRST_SHARE, WINDOW_SHARES, WindowDuel } from '../../src/cache/window-duel.ts';

/** What a cache of so many entries would choose after those accesses. */
function shareAfter(
  entries: number,
  accesses: Iterable<number>,
  { cost = 1, first = FIRST_SHARE } = {},
): number {
  const sketch = new FrequencySketch(entries);
  const duel = new WindowDuel(entries, entries, sketch, first);
  for (const n of accesses) {
    const hash = hashKey(`mem://${n}`, 7);
    sketch.increment(hash);
    duel.observe(hash, cost);
  }
  return duel.share;
}

/** Each key for some time, then never again: who remembers frequencies is wrong. */
function* drifting(count: number, span: number): Generator<number> {
  let state = 1;
  for (let n = 0; n < count; n++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    yield Math.floor(n / 4) + Math.floor((state / 0x7fff_ffff) ** 3 * span);
  }
}

function* looping(count: number, span: number): Generator<number> {
  for (let n = 0; n < count; n++) yield n % span;
}

describe('WindowDuel', () => {
  it.each([100, 1_000, 10_000])(
    'finds that loops want next to no window, in a cache of %d [POLICY-ADAPTIVE]',
    (entries) => {
      expect(shareAfter(entries, looping(entries * 30, entries * 2))).toBe(WINDOW_SHARES[0]);
    },
  );

  it.each([100, 1_000, 10_000])(
    'finds that what is new and used soon wants a large one, in a cache of %d [POLICY-ADAPTIVE]',
    (entries) => {
      expect(shareAfter(entries, drifting(entries * 40, entries * 2))).toBeGreaterThan(FIRST_SHARE);
    },
  );

  it('follows a change of the workload, in both directions [POLICY-ADAPTIVE]', () => {
    const entries = 500;
    const loop = [...looping(entries * 60, entries * 2)];
    const drift = [...drifting(entries * 60, entries * 2)].map((n) => n + 1_000_000);
    expect(shareAfter(entries, [...loop, ...drift])).toBeGreaterThan(FIRST_SHARE);
    expect(shareAfter(entries, [...drift, ...loop])).toBeLessThanOrEqual(FIRST_SHARE);
  });

  it('stays as it is where nothing is used twice, or all fits', () => {
    for (const first of WINDOW_SHARES) {
      expect(shareAfter(1_000, looping(50_000, 50_000), { first })).toBe(first);
      expect(shareAfter(1_000, looping(50_000, 100), { first })).toBe(first);
    }
  });

  it('passes over what is larger than a shadow', () => {
    expect(shareAfter(1_000, looping(30_000, 2_000), { cost: 900 })).toBe(FIRST_SHARE);
  });
});
