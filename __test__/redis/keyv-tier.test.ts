import { Keyv } from 'keyv';
import { describe, expect, it } from 'vitest';

import { KeyvTier, type KeyvStoreLike } from '../../src/keyv/keyv-tier.ts';
import { TieredCache } from '../../src/tiers/tiered-cache.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { watchProcess } from '../support/process-signals.ts';

/** A storage adapter as simple as they come, which tells what it was given. */
class ToldStore implements KeyvStoreLike {
  readonly held = new Map<string, string>();
  readonly ttls = new Map<string, number | undefined>();
  refuses = false;

  async get(key: string): Promise<string | undefined> {
    return this.held.get(key);
  }

  async set(key: string, value: string, ttlMs?: number): Promise<boolean> {
    if (this.refuses) return false;
    this.held.set(key, value);
    this.ttls.set(key, ttlMs);
    return true;
  }
}

const never = (): never => {
  throw new Error('not to be called');
};

describe('KeyvTier', () => {
  watchProcess();

  it.each([
    ['a Keyv', () => new Keyv()],
    ['a storage adapter', () => new ToldStore()],
    ['a Map', () => new Map<string, string>()],
  ])('is a second level over %s, also under a prefix [TIER-KEYV]', async (_, make) => {
    const store = make();
    const [here, there, apart] = ['a:', 'a:', 'b:'].map(
      (prefix) => new TieredCache<string>({ tier: new KeyvTier(store, { prefix }) }),
    ) as [TieredCache<string>, TieredCache<string>, TieredCache<string>];
    await here.load('user://42', () => 'Ada', { tags: ['users'] });
    await here.flush();
    expect(await there.load('user://42', never)).toBe('Ada');
    expect(await apart.get('user://42')).toBeUndefined();
    await here.invalidateTag('users');
    there.l1.clear();
    expect(await there.get('user://42')).toBeUndefined();
    expect(here.stats()).toMatchObject({ failures: 0, pending: 0 });
    for (const cache of [here, there, apart]) cache.close();
  });

  it('keeps entries as long as they live, within its bound, and stamps for all of that [TIER-KEYV]', async () => {
    const store = new ToldStore();
    const cache = new TieredCache<string>({ tier: new KeyvTier(store, { maxTtlMs: 100_000 }) });
    await cache.set('short', 'S', { ttlMs: 5_000 });
    await cache.set('never', 'N', { ttlMs: 0 });
    await cache.invalidateTag('t');
    expect(Object.fromEntries(store.ttls)).toEqual({
      'resource:short': 5_000,
      'resource:never': 100_000,
      'invalidated:uri:short': 100_000,
      'invalidated:uri:never': 100_000,
      'invalidated:tag:t': 100_000,
    });
    cache.close();
  });

  it('takes for a miss what it has not written, and for a failure what the store refuses [TIER-KEYV, TIER-ENVELOPE]', async () => {
    const store = new ToldStore();
    const cache = new TieredCache<string>({ tier: new KeyvTier(store) });
    for (const text of ['', ' ', 'x y', '1795681234188002 ', '1795681234188002 AQID', '{"a":1}']) {
      store.held.set('resource:a', text);
      expect(await cache.get('a')).toBeUndefined();
    }
    store.refuses = true;
    await cache.set('a', 'A');
    expect(cache.stats()).toMatchObject({ failures: 1, deferred: 1, pending: 1 });
    store.refuses = false;
    await cache.flush();
    expect(cache.stats()).toMatchObject({ replayed: 1, pending: 0 });
    cache.l1.clear();
    expect(await cache.get('a')).toBe('A');
    cache.close();
  });

  it('refuses options that it cannot work with [TIER-OPTIONS]', async () => {
    const store = new Map<string, string>();
    const bad: readonly (readonly [string, () => unknown])[] = [
      ['store', () => new KeyvTier({} as KeyvStoreLike)],
      ['prefix', () => new KeyvTier(store, { prefix: 1 as unknown as string })],
      ['maxTtlMs', () => new KeyvTier(store, { maxTtlMs: -1 })],
      ['trusted', () => new KeyvTier(store, { trusted: 'yes' as unknown as boolean })],
    ];
    for (const [option, make] of bad) {
      const failure = await granaryFailure(make, 'ERR_GRANARY_BAD_OPTION');
      expect(failure.data['option']).toBe(option);
    }
  });
});
