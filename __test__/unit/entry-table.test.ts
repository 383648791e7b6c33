import { describe, expect, it } from 'vitest';

import { EntryTable, Row, Terms } from '../../src/cache/entry-table.ts';

function terms(freshMs: number, ttlMs: number): Float64Array {
  const given = new Float64Array(Terms.size);
  given[Terms.freshMs] = freshMs;
  given[Terms.ttlMs] = ttlMs;
  return given;
}

describe('EntryTable', () => {
  it('keeps all rows apart as it grows, and through the reuse of slots', () => {
    const table = new EntryTable<number>();
    const slots = Array.from({ length: 1_000 }, (_, n) => {
      const slot = table.take(`mem://${n}`);
      table.begin(slot, n, n, 10 * n, terms(n, n + 1), n % 7);
      return slot;
    });
    for (const slot of slots.slice(0, 500)) {
      expect(table.empty(slot)).toBe(slot);
      table.release(slot);
    }
    const again = Array.from({ length: 500 }, (_, n) => table.take(`again://${n}`));
    expect(new Set(again)).toEqual(new Set(slots.slice(0, 500)));
    expect(table.keys).toHaveLength(1_000);
    for (const n of [500, 777, 999]) {
      expect([table.keys[n], table.values[n], table.weightOf(n)]).toEqual([`mem://${n}`, n, n]);
      expect([table.toldIn(n), table.ttlMsOf(n)]).toEqual([n % 7, n + 1]);
      expect(table.rows[n * Row.size + Row.freshUntil]).toBe(11 * n);
      expect(table.deadlineOf(n)).toBe(11 * n + 1);
    }
  });

  it('lives to its deadline by age or by idleness, whichever comes first', () => {
    const table = new EntryTable<string>();
    const slot = table.take('mem://a');
    table.begin(slot, 'a', 1, 1_000, terms(-Infinity, 500), -1);
    table.setExtras(slot, { idleTtlMs: 200, tags: [] });
    expect(table.deadlineOf(slot)).toBe(1_200);
    table.resume(slot, 1_400, 3);
    expect(table.deadlineOf(slot)).toBe(1_500);
    table.setExtras(slot, undefined);
    table.begin(slot, 'a', 1, 1_000, terms(1, 0), -1);
    expect(table.deadlineOf(slot)).toBe(Infinity);
  });

  it('moves all times with the origin of its clock, and never wakes what is empty', () => {
    const table = new EntryTable<string>();
    const [full, empty] = [table.take('mem://full'), table.take('mem://empty')];
    for (const slot of [full, empty]) table.begin(slot, 'x', 1, 5_000, terms(100, 200), -1);
    table.empty(empty);
    table.rebase(4_000);
    expect(table.deadlineOf(full)).toBe(1_200);
    expect(table.accessedAtOf(full)).toBe(1_000);
    expect(table.rows[full * Row.size + Row.freshUntil]).toBe(1_100);
    expect(table.rows[empty * Row.size + Row.freshUntil]).toBe(-Infinity);
  });

  it('takes a negative weight for the complement of an upper bound', () => {
    const table = new EntryTable<string>();
    const slot = table.take('mem://a');
    table.begin(slot, 'abc', ~9, 0, terms(0, 0), -1);
    expect([table.weightOf(slot), table.isUnweighed(slot)]).toEqual([9, true]);
    table.setWeight(slot, 3);
    expect([table.weightOf(slot), table.isUnweighed(slot)]).toEqual([3, false]);
  });
});
