import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { loadAddon } from '../../src/native/addon.ts';
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

  it('asks moka nothing while a cache has fewer than 64 entries [HAZARD-13]', () => {
    const { HeapCore } = loadAddon();
    const { settle } = HeapCore.prototype;
    let settled = 0;
    HeapCore.prototype.settle = function (finish) {
      settled++;
      return settle.call(this, finish);
    };
    const cache = new ResourceCache<number>({ maxEntries: 63, policy: 'tinylfu' });
    for (let n = 0; n < 10_000; n++) {
      cache.set(`mem://${n}`, n);
      if (n >= 5) cache.get(`mem://${n - 5}`);
    }
    cache.sync();
    cache.close();
    HeapCore.prototype.settle = settle;
    expect(settled).toBe(0);
  });
});
