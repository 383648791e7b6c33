import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SegmentedQueue } from '../../src/cache/segmented-queue.ts';
import { UseCounts } from '../../src/cache/use-counts.ts';

const NODES = 50;

function open(entries: number): { queue: SegmentedQueue; uses: UseCounts } {
  const queue = new SegmentedQueue(NODES);
  const uses = new UseCounts(queue);
  uses.fit(entries);
  return { queue, uses };
}

describe('UseCounts', () => {
  it('counts each node by itself, up to 15, and halves all of them in time [POLICY-TINYLFU]', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: NODES - 1 }), { maxLength: 600 }),
        fc.integer({ min: 1, max: 8 }),
        (nodes, entries) => {
          const { uses } = open(entries);
          const counts = new Map<number, number>();
          let counted = 0;
          for (const node of nodes) {
            const count = counts.get(node);
            if (count === undefined) uses.begin(node, false);
            else uses.count(node);
            if (count === 15) continue;
            counts.set(node, (count ?? 0) + 1);
            if (++counted < 10 * entries) continue;
            counted >>>= 1;
            for (const [each, before] of counts) counts.set(each, before >> 1);
          }
          for (const [node, count] of counts) expect(uses.countOf(node)).toBe(count);
        },
      ),
    );
  });

  it('forgets what was popular once, however long nobody looks', () => {
    const { uses } = open(1);
    uses.begin(0, false);
    for (let use = 1; use < 9; use++) uses.count(0);
    expect(uses.countOf(0)).toBe(9);
    for (const expected of [4, 2, 1, 0, 0, 0]) {
      // Five more make one halving: the rest of the period counts for half.
      uses.begin(1, false);
      for (let use = 0; use < 4; use++) uses.begin(1, false);
      expect(uses.countOf(0)).toBeLessThanOrEqual(Math.max(expected, 4));
    }
    for (let use = 0; use < 10_000; use++) uses.begin(1, false);
    expect(uses.countOf(0)).toBe(0);
  });

  it('keeps a count while its node is somewhere else, or nowhere', () => {
    const { queue, uses } = open(100);
    queue.divide(10, 5);
    queue.enter(3, 1);
    uses.begin(3, false);
    uses.count(3);
    queue.mostGhosts = 1;
    queue.bury(3);
    expect(uses.countOf(3)).toBe(2);
    queue.exorcise();
    expect(uses.countOf(3)).toBe(2);
    queue.enter(3, 1);
    uses.count(3);
    queue.reserve(10_000);
    expect(uses.countOf(3)).toBe(3);
  });

  it('keeps the mark of a node, whatever is counted, until another key begins there', () => {
    const { uses } = open(1);
    uses.begin(0, true);
    uses.begin(1, false);
    for (let use = 0; use < 1_000; use++) {
      expect(uses.count(0)).toBe(true);
      expect(uses.count(1)).toBe(false);
    }
    uses.mark(1, true);
    expect([uses.isMarked(1), uses.countOf(1)]).toEqual([true, uses.countOf(0)]);
    uses.mark(1, false);
    uses.begin(0, false);
    expect([uses.isMarked(0), uses.isMarked(1)]).toEqual([false, false]);
  });
});
