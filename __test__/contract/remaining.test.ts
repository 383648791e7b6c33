import { expect, it } from 'vitest';

import { remainingMs } from '../../src/cache/resource-cache.ts';
import { describeEachVariant } from '../support/cache-variants.ts';

const A = 'mem://a';

describeEachVariant('what remains of an entry', (variant) => {
  it('is the time to its deadline, and nothing where there is no entry [CACHE-REMAINING]', () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 5_000 });
    expect(remainingMs(cache, A)).toBeUndefined();
    cache.set(A, 'v');
    expect(remainingMs(cache, A)).toBe(5_000);
    clock.advance(1_234);
    expect(remainingMs(cache, A)).toBe(3_766);
    cache.get(A);
    expect(remainingMs(cache, A)).toBe(3_766);
    clock.advance(3_766);
    expect(remainingMs(cache, A)).toBe(0);
    clock.advance(1);
    expect(remainingMs(cache, A)).toBeUndefined();
  });

  it('is without end for what does not expire, and until the next access for what is idle [CACHE-REMAINING]', () => {
    const { cache, clock } = variant.open<string>({ ttlMs: 0 });
    cache.set(A, 'v');
    expect(remainingMs(cache, A)).toBe(Infinity);
    cache.set(A, 'v', { idleTtlMs: 100 });
    clock.advance(40);
    expect(remainingMs(cache, A)).toBe(60);
    cache.get(A);
    expect(remainingMs(cache, A)).toBe(100);
    cache.close();
    expect(remainingMs(cache, A)).toBeUndefined();
  });
});
