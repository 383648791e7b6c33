import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AdmissionOrder } from '../../src/cache/admission-order.ts';
import { EntryTable } from '../../src/cache/entry-table.ts';
import { isOver, type Ledger } from '../../src/cache/ledger.ts';
import type { Residence } from '../../src/cache/order.ts';

/** What a store does for its order, and checks of what the order asks of it. */
class Store implements Residence {
  readonly table = new EntryTable<string>(true);
  readonly slots = new Map<string, number>();
  readonly ledger: Ledger;
  readonly order: AdmissionOrder;

  constructor(maxEntries: number, maxBytes: number, adaptive: boolean) {
    this.ledger = { size: 0, weightBytes: 0, maxEntries, maxBytes, maxEntryBytes: 0 };
    this.order = new AdmissionOrder(this.ledger, this.table, this, adaptive);
    this.order.readBounds();
  }

  use(key: string, weight: number): boolean {
    const known = this.slots.get(key);
    if (known !== undefined && this.isResident(known)) {
      this.order.touch(known);
      return true;
    }
    const slot = known ?? this.table.take(key);
    this.slots.set(key, slot);
    this.table.begin(slot, key, weight, 0, 0, 0, -1);
    this.ledger.size++;
    this.ledger.weightBytes += weight;
    this.order.admit(slot, known !== undefined);
    return false;
  }

  drop(key: string): void {
    const slot = this.slots.get(key);
    if (slot === undefined || !this.isResident(slot)) return;
    this.#detach(slot);
    this.order.forget(slot);
  }

  isResident(slot: number): boolean {
    return this.table.values[slot] !== undefined;
  }

  evict(slot: number): void {
    if (!isOver(this.ledger)) expect.fail('evicted without need');
    if (!this.isResident(slot)) expect.fail('evicted twice');
    this.#detach(slot);
  }

  release(slot: number): void {
    const key = this.table.keys[slot]!;
    if (this.isResident(slot)) expect.fail('released a resident');
    if (this.slots.get(key) !== slot) expect.fail('released twice');
    this.slots.delete(key);
    this.table.release(slot);
  }

  #detach(slot: number): void {
    this.ledger.size--;
    this.ledger.weightBytes -= this.table.empty(slot);
  }
}

const key = fc.integer({ min: 0, max: 400 });
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('use' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), key }) },
);

/** What a duel of caches of up to 512 entries follows at most. */
function followedBy(entries: number): number {
  return 4 * Math.min(entries, 512);
}

describe('AdmissionOrder', () => {
  it.each([true, false])(
    'holds both bounds, and releases each slot once, adaptive %s [BOUND-BOTH, HAZARD-8, POLICY-GHOSTS]',
    (adaptive) => {
      fc.assert(
        fc.property(
          fc.array(step, { maxLength: 1_000, size: 'max' }),
          fc.constantFrom([64, 1_000_000], [10_000, 600], [100, 700]),
          (steps, [maxEntries, maxBytes]) => {
            const store = new Store(maxEntries, maxBytes, adaptive);
            for (const { kind, key: n } of steps) {
              if (kind === 'use') store.use(`mem://${n}`, 1 + (n % 20));
              else store.drop(`mem://${n}`);
              if (isOver(store.ledger)) expect.fail('a bound was passed');
            }
            const residents = [...store.slots.values()].filter((slot) => store.isResident(slot));
            expect(new Set(store.order.residents())).toEqual(new Set(residents));
            expect(store.ledger.size).toBe(residents.length);
            const remembered = store.slots.size - residents.length;
            const most = Math.max(64, 2 * residents.length) + (adaptive ? followedBy(512) : 0);
            expect(remembered).toBeLessThanOrEqual(most);
          },
        ),
        { numRuns: 60, interruptAfterTimeLimit: 10_000 },
      );
    },
  );

  it('remembers as many keys as it has entries, few in a flood of new ones [POLICY-GHOSTS]', () => {
    const entries = 10_000;
    for (const adaptive of [true, false]) {
      const store = new Store(entries, 1e9, adaptive);
      for (let n = 0; n < 10 * entries; n++) store.use(`mem://${(n * 7_919) % (3 * entries)}`, 1);
      const followed = adaptive ? followedBy(entries) : 0;
      expect(store.slots.size).toBeGreaterThan(1.7 * entries);
      expect(store.slots.size).toBeLessThanOrEqual(2 * entries + followed);
      for (let n = 0; n < 8 * entries; n++) store.use(`new://${n}`, 1);
      const most = adaptive ? 1.1 * entries + followed : 2 * entries;
      expect(store.slots.size).toBeLessThanOrEqual(most);
      for (const uri of [...store.slots.keys()]) store.drop(uri);
      expect(store.ledger.size).toBe(0);
      store.order.resize();
      expect(store.slots.size).toBeLessThanOrEqual(2 * entries);
    }
  });

  it('keeps what is used through a flood of new keys [POLICY-TINYLFU, POLICY-ADAPTIVE]', () => {
    for (const adaptive of [true, false]) {
      const store = new Store(1_000, 1e9, adaptive);
      let hits = 0;
      for (let round = 0; round < 50; round++) {
        for (let n = 0; n < 700; n++) if (store.use(`popular://${n}`, 1)) hits++;
        for (let n = 0; n < 1_000; n++) store.use(`new://${round * 1_000 + n}`, 1);
      }
      expect(hits / (50 * 700)).toBeGreaterThan(0.75);
    }
  });
});
