import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { Word } from '../../src/native/heap-block.ts';
import { openStore } from '../support/open-store.ts';

describe('exact order on the native clock', () => {
  it.each(['lru', 'tinylfu'] as const)(
    'tells a, b, a within one tick apart (%s) [HAZARD-13]',
    (policy) => {
      let within = 0;
      for (let round = 0; round < 100; round++) {
        const { store, parts, set } = openStore({ policy, maxEntries: 3 });
        for (const uri of ['a', 'b', 'c']) set(uri);
        const tick = parts.clock.words[Word.clock];
        for (const uri of ['c', 'a', 'b', 'a', 'c', 'a']) store.get(uri);
        if (parts.clock.words[Word.clock] === tick) within++;
        set('d');
        set('e');
        expect([...store.living()].map(([uri]) => uri)).toEqual(['a', 'd', 'e']);
        store.close();
      }
      expect(within, 'no round ran within a tick').toBeGreaterThan(0);
    },
  );

  it('is that of lru in a cache of fewer than 64 entries, whatever its policy [HAZARD-13]', () => {
    const caches = (['lru', 'tinylfu', 'adaptive'] as const).map(
      (policy) => new ResourceCache<number>({ maxEntries: 63, policy }),
    );
    let state = 1;
    for (let n = 0; n < 20_000; n++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      const uri = `mem://${Math.floor((state / 0x7fff_ffff) ** 2 * 300)}`;
      const found = caches.map((cache) => {
        const value = cache.get(uri);
        if (value === undefined) cache.set(uri, n);
        return value;
      });
      expect(new Set(found).size).toBe(1);
    }
    for (const cache of caches) cache.close();
  });
});
