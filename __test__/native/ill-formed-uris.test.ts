import { describe, expect, it } from 'vitest';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { granaryFailure } from '../support/granary-failure.ts';

// In UTF-8, as which keys go to Rust, both would be U+FFFD.
const HALF = 'mem://\ud83d';
const OTHER = 'mem://\udc00';
const REPLACED = 'mem://\ufffd';

describe('URIs with lone surrogates in native storage', () => {
  it('are never taken for one another [NATIVE-ILL-FORMED]', async () => {
    using cache = new ResourceCache<string>({ storage: 'native' });
    cache.set(REPLACED, 'well-formed', { tags: ['\ufffd'] });
    for (const uri of [HALF, OTHER]) {
      const refusal = await granaryFailure(() => cache.set(uri, 'v'), 'ERR_GRANARY_BAD_URI');
      expect(refusal.message).toContain('well-formed');
      await granaryFailure(() => cache.load(uri, () => 'v'), 'ERR_GRANARY_BAD_URI');
      const loader = (): Map<string, string> => new Map([[uri, 'v']]);
      await granaryFailure(() => cache.loadMany([uri], loader), 'ERR_GRANARY_BAD_URI');
      expect([cache.get(uri), cache.peek(uri), cache.has(uri), cache.info(uri)]).toEqual([
        undefined,
        undefined,
        false,
        undefined,
      ]);
      expect([cache.invalidate(uri), cache.invalidatePattern(`${uri}*`)]).toEqual([false, 0]);
    }
    await granaryFailure(
      () => cache.set('mem://tagged', 'v', { tags: ['\ud83d'] }),
      'ERR_GRANARY_BAD_OPTION',
    );
    expect(cache.invalidateTag('\udc00')).toBe(0);
    expect([...cache]).toEqual([[REPLACED, 'well-formed']]);
  });
});
