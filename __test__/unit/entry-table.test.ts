import { describe, expect, it } from 'vitest';

import { EntryTable, MOST_COUNTED, NEVER_FRESH, RowWord } from '../../src/cache/entry-table.ts';

function freshUntil(table: EntryTable<unknown>, slot: number): number {
  return table.words[(slot << RowWord.sizeLog) + RowWord.freshUntil]!;
}

describe('EntryTable', () => {
  it('keeps all rows apart as it grows, and through the reuse of slots', () => {
    const table = new EntryTable<number>(true);
    const slots = Array.from({ length: 1_000 }, (_, n) => {
      const slot = table.take(`mem://${n}`);
      table.begin(slot, n, n, 10 * n, n, n + 1, n % 7);
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
      expect(freshUntil(table, n)).toBe(11 * n);
      expect(table.deadlineOf(n)).toBe(11 * n + 1);
    }
  });

  it('lives to its deadline by age or by idleness, whichever comes first', () => {
    const table = new EntryTable<string>(true);
    const slot = table.take('mem://a');
    table.begin(slot, 'a', 1, 1_000, NEVER_FRESH, 500, -1);
    table.setExtras(slot, { idleTtlMs: 200, tags: [] });
    expect(table.deadlineOf(slot)).toBe(1_200);
    table.resume(slot, 1_000, 1_400, 3);
    expect(table.deadlineOf(slot)).toBe(1_500);
    table.setExtras(slot, undefined);
    table.begin(slot, 'a', 1, 1_000, 1, 0, -1);
    expect(table.deadlineOf(slot)).toBe(Infinity);
  });

  it('moves all times with the origin of its clock, and never wakes what is empty', () => {
    const table = new EntryTable<string>(true);
    const [full, empty] = [table.take('mem://full'), table.take('mem://empty')];
    for (const slot of [full, empty]) table.begin(slot, 'x', 1, 5_000, 100, 200, -1);
    table.empty(empty);
    table.rebase(4_000);
    expect(table.deadlineOf(full)).toBe(1_200);
    expect(table.accessedAtOf(full)).toBe(1_000);
    expect(freshUntil(table, full)).toBe(1_100);
    expect(freshUntil(table, empty)).toBe(-(2 ** 31));
  });

  it('knows times that a row has no room for, and never takes such an entry for fresh', () => {
    const table = new EntryTable<string>(true);
    const slot = table.take('mem://a');
    const born = -50 * 86_400_000;
    const ttlMs = 60 * 86_400_000;
    table.begin(slot, 'a', 1, born, 2 ** 30 - 1, ttlMs, -1);
    table.resume(slot, born, -7, 3);
    expect([table.bornOf(slot), table.deadlineOf(slot)]).toEqual([born, born + ttlMs]);
    expect(freshUntil(table, slot)).toBe(-(2 ** 31));
    table.rebase(2 ** 30);
    expect([table.bornOf(slot), table.accessedAtOf(slot)]).toEqual([born - 2 ** 30, -7 - 2 ** 30]);
    table.begin(slot, 'b', 1, 5, 10, 7.5, -1);
    for (let origins = 0; origins < 4; origins++) table.rebase(2 ** 29);
    expect(table.bornOf(slot)).toBe(5 - 2 ** 31);
    table.rebase(5);
    table.rebase(2 ** 30);
    expect([table.bornOf(slot), table.ttlMsOf(slot)]).toEqual([-(2 ** 31) - 2 ** 30, 7.5]);
  });

  it('renews an entry that differs in its value only, and no other', () => {
    const table = new EntryTable<string>(true);
    const slot = table.take('mem://a');
    expect(table.begin(slot, 'a', 5, 0, 10, 10, -1)).toBe(false);
    expect(table.renew(slot, 'b', 5, 4, 10, 10)).toBe(true);
    expect([table.values[slot], table.bornOf(slot), table.deadlineOf(slot)]).toEqual(['b', 4, 14]);
    expect(table.renew(slot, 'c', 6, 4, 10, 10)).toBe(false);
    expect(table.renew(slot, 'c', 5, 4, 20, 20)).toBe(false);
    expect(table.renew(slot, 'c', 5, 15, 10, 10)).toBe(false);
    table.setExtras(slot, { idleTtlMs: 0, tags: ['t'] });
    expect(table.renew(slot, 'c', 5, 4, 10, 10)).toBe(false);
    table.setExtras(slot, undefined);
    expect([table.renew(slot, 'c', 5, 4, 10, 10), table.values[slot]]).toEqual([true, 'c']);
    expect(table.begin(slot, 'd', 9, 6, 10, 10, -1)).toBe(true);
    table.endSchedule(slot);
    expect(table.begin(slot, 'd', 9, 6, 10, 10, -1)).toBe(false);
  });

  it('takes a negative weight for the complement of an upper bound', () => {
    const table = new EntryTable<string>(true);
    const slot = table.take('mem://a');
    table.begin(slot, 'abc', ~9, 0, 0, 0, -1);
    expect([table.weightOf(slot), table.isUnweighed(slot)]).toEqual([9, true]);
    table.setWeight(slot, 3);
    expect([table.weightOf(slot), table.isUnweighed(slot)]).toEqual([3, false]);
  });

  it('counts more accesses than a word has room for', () => {
    const table = new EntryTable<string>(true);
    const slot = table.take('mem://a');
    table.begin(slot, 'a', 1, 0, 10, 0, -1);
    const at = (slot << RowWord.sizeLog) + RowWord.accessCount;
    for (const accesses of [MOST_COUNTED, MOST_COUNTED, 7]) {
      table.words[at]! += accesses;
      if (accesses === MOST_COUNTED) table.carryCount(slot);
    }
    expect(table.accessCountOf(slot)).toBe(2 * MOST_COUNTED + 7);
    table.resume(slot, 0, 3, 2 ** 40);
    table.words[at]!++;
    expect(table.accessCountOf(slot)).toBe(2 ** 40 + 1);
    table.begin(slot, 'b', 1, 0, 10, 0, -1);
    expect(table.accessCountOf(slot)).toBe(0);
  });

  it("keeps the readings of a user's clock as they are", () => {
    const table = new EntryTable<string>(false);
    const slot = table.take('mem://a');
    table.begin(slot, 'a', 1, 1e12 + 0.25, NEVER_FRESH, 100, -1);
    expect(table.accessedAtOf(slot)).toBe(1e12 + 0.25);
    table.use(slot, 1e12 + 0.5);
    expect(table.accessedAtOf(slot)).toBe(1e12 + 0.5);
    expect([table.bornOf(slot), freshUntil(table, slot)]).toEqual([1e12 + 0.25, -(2 ** 31)]);
  });
});
