import { describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import type { ReadContext } from '../../src/manager/read-context.ts';
import type { ReadResult } from '../../src/manager/read-result.ts';
import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { dumpBytes } from '../support/dump-bytes.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/process-signals.ts';

const ANN = { principal: 'ann' };
const TTL_MS = 1_000;

interface Fixture {
  readonly manager: ResourceManager;
  readonly cache: ResourceCache<ReadResult>;
  readonly clock: ManualClock;
  /** The etags that the loader was asked by. */
  readonly asked: unknown[];
  version: number;
}

function fixture(storage: 'heap' | 'native' = 'heap', clock = new ManualClock()): Fixture {
  const cache = new ResourceCache<ReadResult>({ clock, storage, ttlMs: TTL_MS });
  const manager = new ResourceManager({ cache });
  const open: Fixture = { manager, cache, clock, asked: [], version: 1 };
  const loader = (uri: string, _: unknown, context: ReadContext): unknown => {
    const etag = `v${open.version}`;
    open.asked.push(context.validator?.etag);
    if (context.validator?.etag === etag) return context.notModified();
    return { contents: [{ uri, text: etag }], _meta: { kept: true }, etag };
  };
  for (const scope of ['private', 'public']) {
    manager.register(`${scope}://{+rest}`, loader, {
      public: scope === 'public',
      tags: [scope],
    });
  }
  return open;
}

describe.each(['heap', 'native'] as const)('revalidation by a manager (%s)', (storage) => {
  it.each([
    ['public://a', {}],
    ['private://a', ANN],
  ])(
    'asks by what the loader gave beside the contents of %s, which readers do not see [REVALIDATE-MANAGER]',
    async (uri, reader) => {
      const open = fixture(storage);
      const { manager, clock } = open;
      const result = { contents: [{ uri, text: 'v1' }], _meta: { kept: true } };
      expect(await manager.read(uri, reader)).toEqual(result);
      clock.advance(TTL_MS + 1);
      expect(await manager.read(uri, reader)).toEqual(result);
      expect(manager.stats()).toMatchObject({ loads: 2, revalidations: 1 });
      open.version = 2;
      clock.advance(TTL_MS + 1);
      expect((await manager.read(uri, reader)).contents[0]?.text).toBe('v2');
      expect(open.asked).toEqual([undefined, 'v1', 'v1']);
      manager.close();
    },
  );

  it.each<[string, (manager: ResourceManager) => unknown]>([
    ['its URI', (manager) => manager.invalidate('private://abc')],
    ['a tag', (manager) => manager.invalidateTag('private')],
    ['a template', (manager) => manager.invalidatePattern('private://{x}')],
    ['a prefix', (manager) => manager.invalidatePattern('private://*')],
    ['a RegExp', (manager) => manager.invalidatePattern(/private:/)],
    ['another loader', (manager) => manager.register('private://ab{x}', () => 'other')],
    ['a clear', (manager) => manager.clear()],
  ])(
    'asks nothing by what %s has dropped, in any partition [REVALIDATE-PARTITIONS]',
    async (_, drop) => {
      const { manager, clock, asked, cache } = fixture(storage);
      await manager.read('private://abc', ANN);
      await manager.read('private://abc', { session: 's' });
      clock.advance(TTL_MS + 1);
      manager.cleanupExpired();
      await settled();
      expect(cache.stats().staleEntries).toBe(2);
      drop(manager);
      expect(cache.stats().staleEntries).toBe(0);
      await manager.read('private://abc', ANN);
      expect(asked.slice(2).every((etag) => etag === undefined)).toBe(true);
      manager.close();
    },
  );

  it.each<[string, (manager: ResourceManager) => unknown]>([
    ['its URI', (manager) => manager.invalidate('public://abc')],
    ['a template', (manager) => manager.invalidatePattern('public://{x}')],
    [
      'another loader',
      (manager) => manager.register('public://ab{x}', () => 'x', { public: true }),
    ],
  ])('drops by %s what is public too [REVALIDATE-PARTITIONS]', async (_, drop) => {
    const { manager, clock, cache } = fixture(storage);
    await manager.read('public://abc');
    await settled();
    clock.advance(TTL_MS + 1);
    manager.cleanupExpired();
    drop(manager);
    expect(cache.stats().staleEntries).toBe(0);
    manager.close();
  });

  it('still reaches it after a load that has failed [REVALIDATE-PARTITIONS]', async () => {
    const { manager, clock, cache } = fixture(storage);
    let isDown = false;
    manager.register('x://a', (uri, _, context) => {
      if (isDown) throw new Error('down');
      context.setValidator({ etag: 'x' });
      return uri;
    });
    await manager.read('x://a', ANN);
    clock.advance(TTL_MS + 1);
    isDown = true;
    await granaryFailure(() => manager.read('x://a', ANN), 'ERR_GRANARY_LOAD_FAILED');
    await settled();
    expect(cache.stats().staleEntries).toBe(1);
    manager.invalidate('x://a');
    expect(cache.stats().staleEntries).toBe(0);
    manager.close();
  });

  it('reaches what a restore has brought [REVALIDATE-PARTITIONS, REVALIDATE-DUMP]', async () => {
    const { manager, clock, cache } = fixture(storage);
    await manager.read('private://a', ANN);
    clock.advance(TTL_MS + 1);
    const bytes = await dumpBytes(cache.dump());
    const other = fixture(storage, clock);
    await other.cache.restore([bytes]);
    expect(other.cache.stats().staleEntries).toBe(1);
    other.manager.invalidate('private://a');
    expect(other.cache.stats().staleEntries).toBe(0);
    manager.close();
    other.manager.close();
  });

  it('has watchers hear of changed content alone [REVALIDATE-MANAGER, REVALIDATE-EVENTS]', async () => {
    const open = fixture(storage);
    const { manager, clock } = open;
    await manager.read('public://a');
    const told: string[] = [];
    const end = manager.watch('public://a', (uri) => told.push(uri));
    clock.advance(TTL_MS + 1);
    await manager.read('public://a');
    expect(told).toEqual([]);
    open.version = 2;
    clock.advance(TTL_MS + 1);
    await manager.read('public://a');
    expect(told).toEqual(['public://a']);
    end();
    manager.close();
  });
});

it('refuses what is no validator, and an answer about nothing [REVALIDATE-INPUT]', async () => {
  const manager = new ResourceManager();
  manager.register('a://x', (uri) => ({ contents: [{ uri, text: '' }], etag: 7 }), {
    public: true,
  });
  manager.register('a://y', (_, __, context) => context.notModified());
  const bad = await granaryFailure(() => manager.read('a://x'), 'ERR_GRANARY_LOAD_FAILED');
  expect(bad.message).toContain('etag must be a string');
  await granaryFailure(() => manager.read('a://y'), 'ERR_GRANARY_LOAD_FAILED');
  await granaryFailure(() => manager.read('a://y', ANN), 'ERR_GRANARY_LOAD_FAILED');
  manager.close();
});
