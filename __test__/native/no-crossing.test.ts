import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { loadAddon } from '../../src/native/addon.ts';

const { HeapClock } = loadAddon();
const original = Object.getOwnPropertyDescriptors(HeapClock.prototype);

/** Counts every call of a method of the addon's class, until the test ends. */
function countCalls(): Map<string, number> {
  const calls = new Map<string, number>();
  for (const [name, { value }] of Object.entries(original)) {
    if (name === 'constructor' || typeof value !== 'function') continue;
    const method = value as (...args: unknown[]) => unknown;
    Reflect.set(HeapClock.prototype, name, function (this: unknown, ...args: unknown[]) {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return method.apply(this, args);
    });
  }
  return calls;
}

afterEach(() => {
  Object.defineProperties(HeapClock.prototype, original);
});

describe.each(['lru', 'tinylfu', 'adaptive'] as const)('a hit (%s)', (policy) => {
  it('makes no call into the addon, over a million hits [HIT-NO-CROSSING]', () => {
    const calls = countCalls();
    const cache = new ResourceCache<number>({ maxEntries: 1_000, ttlMs: 3_600_000, policy });
    const uris = Array.from({ length: 500 }, (_, n) => `mem://${n}`);
    for (const [n, uri] of uris.entries()) cache.set(uri, n);
    cache.sync();
    cache.get(uris[0]!);
    expect(calls.size, 'the calls of the set-up were counted').toBeGreaterThan(0);
    calls.clear();
    let sum = 0;
    for (let round = 0; round < 2_000; round++) {
      for (const uri of uris) sum += cache.get(uri)!;
    }
    expect(sum).toBe((2_000 * 499 * 500) / 2);
    // A busy machine may halt this thread for so long that the clock falls asleep meanwhile.
    const wakes = calls.get('wake') ?? 0;
    calls.delete('wake');
    expect(Object.fromEntries(calls)).toEqual({});
    expect(wakes).toBeLessThan(10);
    expect(cache.info(uris[7]!)!.accessCount).toBe(2_000);
    cache.close();
  });
});
