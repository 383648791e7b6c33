import { describe, expect, it } from 'vitest';

import { SegmentedQueue } from '../../src/cache/segmented-queue.ts';
import { UseCounts } from '../../src/cache/use-counts.ts';
import { FIRST_SHARE, WINDOW_SHARES, WindowDuel } from '../../src/cache/window-duel.ts';

/** Tells a duel of accesses, as a cache that remembers every key would. */
class Told {
  readonly duel: WindowDuel;
  readonly slots = new Map<number, number>();
  readonly #queue = new SegmentedQueue(64);
  readonly #uses = new UseCounts(this.#queue);

  constructor(entries: number, first = FIRST_SHARE) {
    this.#uses.fit(entries);
    this.duel = new WindowDuel(entries, entries, this.#uses, first);
  }

  tell(key: number, cost: number): void {
    const known = this.slots.get(key);
    const slot = known ?? this.slots.size;
    if (known === undefined) {
      this.slots.set(key, slot);
      this.#queue.reserve(slot + 1);
      this.#uses.begin(slot, this.duel.draw());
    } else {
      this.#uses.count(slot);
    }
    if (this.#uses.isMarked(slot)) this.duel.observe(slot, cost);
  }
}

/** What a cache of so many entries would choose after those accesses. */
function shareAfter(
  entries: number,
  accesses: Iterable<number>,
  { cost = 1, first = FIRST_SHARE } = {},
): number {
  const told = new Told(entries, first);
  for (const key of accesses) told.tell(key, cost);
  return told.duel.share;
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

  it.each([100, 1_000, 10_000])(
    'tells each slot that has left all shadows, once, in a cache of %d',
    (entries) => {
      const told = new Told(entries);
      const followed = new Set<number>();
      for (const key of looping(entries * 5, entries * 3)) {
        told.tell(key, 1);
        const slot = told.slots.get(key)!;
        if (told.duel.follows(slot)) followed.add(slot);
        for (const left of told.duel.takeLeft()) {
          if (left !== slot) expect(followed.delete(left)).toBe(true);
          else followed.delete(left);
          expect(told.duel.follows(left)).toBe(false);
        }
      }
      expect(told.duel.followed().toSorted((a, b) => a - b)).toEqual(
        [...followed].sort((a, b) => a - b),
      );
      expect(followed.size).toBeGreaterThan(0);
      expect(followed.size).toBeLessThanOrEqual(4 * 256);
    },
  );

  it('knows whether keys return', () => {
    const told = new Told(1_000);
    for (const key of looping(20_000, 100_000)) told.tell(key, 1);
    expect(told.duel.areReturning).toBe(false);
    for (const key of looping(20_000, 500)) told.tell(key, 1);
    expect(told.duel.areReturning).toBe(true);
  });
});
