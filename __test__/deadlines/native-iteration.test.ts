import { describe, expect, it } from 'vitest';
import { ResourceCache } from '../../src/cache/resource-cache.ts';

describe('iteration over a store of which much is dropped', () => {
  it('takes time in proportion [CACHE-ITERATION]', () => {
    using cache = new ResourceCache<number>({ storage: 'native', maxEntries: 100_000 });
    const count = 40_000;
    for (let n = 0; n < count; n++) cache.set(`mem://${n}`, n);
    let seen = 0;
    const start = performance.now();
    for (const [uri, n] of cache) {
      seen++;
      if (n % 2 === 0) cache.invalidate(uri);
    }
    expect(seen).toBe(count);
    expect(cache.size).toBe(count / 2);
    // Some 0.2 s; 5 s and more where each step looks at all that came before.
    expect(performance.now() - start).toBeLessThan(3_000);
  });
});
