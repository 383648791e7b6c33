import * as fc from 'fast-check';
import { expect } from 'vitest';

import { CacheModel } from './cache-model.ts';
import {
  boundsOf,
  callCache,
  type CacheOperation,
  cacheOperations,
  patterns,
} from './cache-operations.ts';
import { cacheVariants, type CacheVariant } from './cache-variants.ts';
import { EventLog } from './event-log.ts';
import { ManualClock } from './manual-clock.ts';

const STARTS = [0, -5_000, 1_000.5, 2 ** 30 - 3, 2 ** 31 - 3, 2 ** 32 - 3, 1_700_000_000_000];

const settings = fc.record({
  maxEntries: fc.integer({ min: 1, max: 10 }),
  maxBytes: fc.integer({ min: 1, max: 120 }),
  ttlMs: fc.constantFrom(0, 20, 900_000),
  idleTtlMs: fc.constantFrom(0, 0, 10),
});

const operations = cacheOperations({
  uris: 16,
  weight: 60,
  entries: { min: 1, max: 10 },
  bytes: { min: 1, max: 120 },
  length: 80,
});

/** Calls whose events may come in any order: one per entry that they match. */
const BULK: ReadonlySet<CacheOperation['kind']> = new Set([
  'invalidatePattern',
  'invalidateTag',
  'clear',
  'cleanupExpired',
  'sync',
  'entries',
]);

const sorted = (titles: string[]): string[] => titles.toSorted();
const unchanged = (titles: string[]): string[] => titles;

function callModel(model: CacheModel<string>, operation: CacheOperation, value: string): unknown {
  switch (operation.kind) {
    case 'get':
    case 'peek':
    case 'has':
    case 'info':
    case 'invalidate':
      return model[operation.kind](operation.uri);
    case 'set':
      return model.set(operation.uri, value, operation.options);
    case 'load':
      return model.load(operation.uri, () => value, operation.options);
    case 'invalidatePattern':
      return model.invalidateWhere(patterns[operation.pattern]!.matches);
    case 'invalidateTag':
      return model.invalidateTag(operation.tag);
    case 'clear':
    case 'cleanupExpired':
    case 'sync':
    case 'entries':
      return model[operation.kind]();
    case 'resize':
      return model.resize(boundsOf(operation));
    case 'advance':
      return undefined;
  }
}

/** Variants whose every step a plain Map can foretell. */
export const exactVariants: readonly CacheVariant[] = cacheVariants.filter(
  ({ exactOrder, maxEntries }) => exactOrder && maxEntries < 64,
);

/** Random operations on a cache and on a plain Map: the same results, sizes, order and events. */
export function modelAgreement(variant: CacheVariant): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(
    settings,
    operations,
    fc.constantFrom(...STARTS),
    async (given, sequence, start) => {
      const clock = new ManualClock(start);
      const { cache } = variant.open<string>({ ...given, clock });
      const model = new CacheModel<string>(given, clock);
      const log = new EventLog(cache);
      for (const [step, operation] of sequence.entries()) {
        if (operation.kind === 'advance') clock.advance(operation.ms);
        const value = `value ${step}`;
        const expected = await callModel(model, operation, value);
        const actual = await callCache(cache, operation, value);
        expect(actual).toEqual(expected);
        const inOrder = BULK.has(operation.kind) ? sorted : unchanged;
        expect(inOrder(log.takeTitles())).toEqual(inOrder(model.takeEvents()));
        expect([cache.size, cache.weightBytes]).toEqual([model.size, model.weightBytes]);
      }
      cache.close();
    },
  );
}
