import { Buffer } from 'node:buffer';

import { describe, expect, it } from 'vitest';

import type { Policy } from '../../src/cache/cache-options.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';

const TEXTS = ['plain', 'naïve', '日本語', '🎈', ''];

function textOf(n: number): string {
  return TEXTS[n % TEXTS.length]!.repeat(1 + (n % 7));
}

function bytesOf(cache: ResourceCache<string>): number {
  return [...cache].reduce((sum, [, value]) => sum + Buffer.byteLength(value), 0);
}

describe.each(['lru', 'adaptive'] as const)(
  'short strings that nobody weighed yet (%s)',
  (policy: Policy) => {
    it('are weighed to the byte when somebody asks, however many there are [CACHE-TOTAL-SIZE]', () => {
      const cache = new ResourceCache<string>({ maxEntries: 600, policy });
      for (const count of [1, 5, 300, 2_000]) {
        for (let n = 0; n < count; n++) cache.set(`mem://${n % 900}`, textOf(n));
        for (let n = 0; n < count; n += 3) cache.invalidate(`mem://${n}`);
        for (let n = 0; n < count; n += 5) cache.set(`mem://${n}`, textOf(n + 1));
        expect(cache.weightBytes).toBe(bytesOf(cache));
        expect(cache.stats().memoryBytes).toBe(cache.weightBytes);
      }
      cache.close();
    });

    it('have their own weight each', () => {
      const cache = new ResourceCache<string>({ maxEntries: 600, policy });
      for (let n = 0; n < 500; n++) cache.set(`mem://${n}`, textOf(n));
      for (let n = 0; n < 500; n += 7) {
        expect(cache.info(`mem://${n}`)!.weightBytes).toBe(Buffer.byteLength(textOf(n)));
      }
      expect(cache.weightBytes).toBe(bytesOf(cache));
      cache.close();
    });

    it('fill the bound of bytes to the last, though three times as many might be in them [BOUND-BOTH]', () => {
      const cache = new ResourceCache<string>({ maxEntries: 10_000, maxBytes: 50_000, policy });
      const evicted: string[] = [];
      cache.on('evicted', ({ uri }) => evicted.push(uri));
      for (let n = 0; n < 500; n++) cache.set(`mem://${n}`, 'x'.repeat(100));
      expect([cache.size, evicted.length]).toEqual([500, 0]);
      cache.set('mem://one-more', 'y');
      expect(evicted).toHaveLength(1);
      for (let n = 0; n < 500; n++) cache.set(`mem://${n}`, 'é'.repeat(100));
      expect(cache.weightBytes).toBeLessThanOrEqual(50_000);
      expect(cache.weightBytes).toBeGreaterThan(49_000);
      expect(cache.weightBytes).toBe(bytesOf(cache));
      cache.close();
    });

    it('are not kept where they are too large for the cache [DEPART-TOO-LARGE]', () => {
      const cache = new ResourceCache<string>({ maxBytes: 100, policy });
      const causes: unknown[] = [];
      cache.on('evicted', ({ metadata }) => causes.push(metadata?.['cause']));
      cache.set('mem://fits', 'é'.repeat(25));
      cache.set('mem://large', 'é'.repeat(51));
      expect([cache.size, causes]).toEqual([1, ['too-large']]);
      cache.close();
    });
  },
);
