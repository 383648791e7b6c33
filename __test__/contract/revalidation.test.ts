import { expect, it } from 'vitest';

import type { LoadContext, Loaded } from '../../src/cache/loader.ts';
import { describeEachVariant } from '../support/cache-variants.ts';
import { deferred } from '../support/deferred.ts';
import { dumpBytes } from '../support/dump-bytes.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';

const A = 'mem://a';
const TTL_MS = 1_000;

/** An origin with versions: answers "still that" to who knows the present one. */
class Origin {
  version = 1;
  bodies = 0;
  readonly asked: unknown[] = [];

  readonly load = (uri: string, context: LoadContext<unknown>): unknown => {
    const { validator, stale } = context;
    this.asked.push(validator?.etag);
    context.setValidator({ etag: this.etag });
    if (stale !== undefined && validator?.etag === this.etag) return context.notModified();
    this.bodies++;
    return { uri, version: this.version };
  };

  get etag(): string {
    return `"v${this.version}"`;
  }
}

function failing(): never {
  throw new Error('down');
}

describeEachVariant('revalidation', (variant) => {
  it('asks the loader "still that?" by the validator that it gave, and keeps what is unchanged [REVALIDATE-UNCHANGED]', async () => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    const origin = new Origin();
    const first = await cache.load(A, origin.load, { tags: ['red'], weightBytes: 77 });
    for (let round = 1; round <= 3; round++) {
      clock.advance(TTL_MS + 1);
      expect(cache.get(A)).toBeUndefined();
      const again = await cache.load(A, origin.load);
      if (variant.storage === 'heap') expect(again).toBe(first);
      expect(again).toEqual({ uri: A, version: 1 });
      expect(cache.info(A)).toMatchObject({
        createdAtMs: clock.now(),
        expiresAtMs: clock.now() + TTL_MS,
        weightBytes: 77,
        tags: ['red'],
        validator: { etag: '"v1"' },
      });
      expect(cache.stats()).toMatchObject({ revalidations: round, staleEntries: 0, size: 1 });
    }
    expect(origin.asked).toEqual([undefined, '"v1"', '"v1"', '"v1"']);
    expect(origin.bodies).toBe(1);
    expect(cache.get(A)).toEqual({ uri: A, version: 1 });
  });

  it('replaces what has changed, and asks by the new validator then [REVALIDATE-CHANGED]', async () => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    const origin = new Origin();
    await cache.load(A, origin.load);
    origin.version = 2;
    clock.advance(TTL_MS + 1);
    expect(await cache.load(A, origin.load)).toEqual({ uri: A, version: 2 });
    clock.advance(TTL_MS + 1);
    expect(await cache.load(A, origin.load)).toEqual({ uri: A, version: 2 });
    expect(origin.asked).toEqual([undefined, '"v1"', '"v2"']);
    expect(cache.stats()).toMatchObject({ loads: 3, revalidations: 1 });
  });

  it('keeps time to live, tags and validator as they were, but for what the loader sets [REVALIDATE-UNCHANGED]', async () => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    await cache.load(A, (_, context) => {
      context.setTtl(5_000);
      context.setTags(['red']);
      context.setValidator({ etag: 'x', lastModified: '2026-07-28T00:00:00Z' });
      return 'v';
    });
    clock.advance(5_001);
    await cache.load(A, (_, context) => context.notModified(), { ttlMs: 9, tags: ['other'] });
    expect(cache.info(A)).toMatchObject({
      expiresAtMs: clock.now() + 5_000,
      tags: ['red'],
      validator: { etag: 'x', lastModified: '2026-07-28T00:00:00Z' },
    });
    clock.advance(5_001);
    await cache.load(A, (_, context) => {
      context.setTtl(70);
      context.setTags(['blue']);
      context.setValidator({ etag: 'y' });
      return context.notModified();
    });
    expect(cache.info(A)).toMatchObject({
      expiresAtMs: clock.now() + 70,
      tags: ['blue'],
      validator: { etag: 'y' },
    });
    expect(cache.invalidateTag('red')).toBe(0);
    expect(cache.invalidateTag('blue')).toBe(1);
  });

  it('tells that it expired and was accessed, and of no load [REVALIDATE-EVENTS]', async () => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    const origin = new Origin();
    await cache.load(A, origin.load);
    const log = new EventLog(cache);
    clock.advance(TTL_MS + 1);
    await cache.load(A, origin.load);
    expect(log.take().map(({ event }) => event)).toEqual(['expired', 'accessed']);
    origin.version = 2;
    clock.advance(TTL_MS + 1);
    await cache.load(A, origin.load);
    expect(log.take().map(({ event }) => event)).toEqual(['expired', 'loaded', 'accessed']);
  });

  it('never serves what is kept to be revalidated [REVALIDATE-NEVER-SERVED]', async () => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    const origin = new Origin();
    await cache.load(A, origin.load);
    clock.advance(TTL_MS + 1);
    expect(cache.cleanupExpired()).toBe(1);
    expect(cache.stats()).toMatchObject({ size: 1, staleEntries: 1, expirations: 1 });
    expect([cache.get(A), cache.peek(A), cache.has(A), cache.info(A)]).toEqual([
      undefined,
      undefined,
      false,
      undefined,
    ]);
    expect([[...cache.keys()], [...cache.entries()]]).toEqual([[], []]);
    expect(cache.invalidate(A)).toBe(false);
    await granaryFailure(() => cache.load(A, failing), 'ERR_GRANARY_LOAD_FAILED');
  });

  it('keeps it as long as staleTtlMs says, also over a load that fails [REVALIDATE-WINDOW]', async () => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS, staleTtlMs: 500 });
    const origin = new Origin();
    await cache.load(A, origin.load);
    clock.advance(TTL_MS + 500);
    await granaryFailure(() => cache.load(A, failing), 'ERR_GRANARY_LOAD_FAILED');
    await cache.load(A, origin.load);
    expect(origin.asked).toEqual([undefined, '"v1"']);
    clock.advance(TTL_MS + 501);
    await cache.load(A, origin.load);
    expect(origin.asked).toEqual([undefined, '"v1"', undefined]);
    clock.advance(TTL_MS + 1);
    cache.cleanupExpired();
    expect(cache.stats().staleEntries).toBe(1);
    clock.advance(500);
    cache.cleanupExpired();
    expect(cache.stats()).toMatchObject({ size: 0, staleEntries: 0, memoryBytes: 0 });
  });

  it('keeps nothing with staleTtlMs 0, and nothing without a validator [REVALIDATE-WINDOW]', async () => {
    const off = variant.open({ ttlMs: TTL_MS, staleTtlMs: 0 });
    const origin = new Origin();
    await off.cache.load(A, origin.load);
    off.clock.advance(TTL_MS + 1);
    off.cache.cleanupExpired();
    expect(off.cache.size).toBe(0);
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    cache.set(A, 'v');
    clock.advance(TTL_MS + 1);
    cache.cleanupExpired();
    expect(cache.size).toBe(0);
    cache.set(A, 'v', { validator: { lastModified: 'yesterday' } });
    clock.advance(TTL_MS + 1);
    cache.cleanupExpired();
    expect(cache.size).toBe(1);
  });

  it.each([
    ['its URI', (cache: { invalidate(uri: string): boolean }) => void cache.invalidate(A)],
    ['a tag', (cache: { invalidateTag(tag: string): number }) => void cache.invalidateTag('red')],
    [
      'a template',
      (cache: { invalidatePattern(p: string): number }) =>
        void cache.invalidatePattern('mem://{x}'),
    ],
    [
      'a prefix',
      (cache: { invalidatePattern(p: string): number }) => void cache.invalidatePattern('mem://*'),
    ],
    [
      'a RegExp',
      (cache: { invalidatePattern(p: RegExp): number }) => void cache.invalidatePattern(/mem/),
    ],
    ['a clear', (cache: { clear(): void }) => cache.clear()],
    [
      'a set',
      (cache: { set(uri: string, value: unknown, options: object): void }) =>
        cache.set(A, 'set', { ttlMs: 1 }),
    ],
  ])('asks nothing by what %s has dropped [REVALIDATE-INVALIDATED]', async (_, drop) => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    const origin = new Origin();
    for (const isSwept of [true, false]) {
      await cache.load(A, origin.load, { tags: ['red'] });
      clock.advance(TTL_MS + 1);
      if (isSwept) cache.cleanupExpired();
      drop(cache);
      clock.advance(2);
      origin.asked.length = 0;
      expect(await cache.load(A, origin.load)).toEqual({ uri: A, version: 1 });
      expect(origin.asked).toEqual([undefined]);
      cache.clear();
    }
  });

  it.each([
    ['its URI', (cache: { invalidate(uri: string): boolean }) => void cache.invalidate(A)],
    ['a tag', (cache: { invalidateTag(tag: string): number }) => void cache.invalidateTag('red')],
  ])('keeps nothing that %s drops while it is asked [REVALIDATE-INVALIDATED]', async (_, drop) => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    await cache.load(A, new Origin().load, { tags: ['red'] });
    clock.advance(TTL_MS + 1);
    const answer = deferred<void>();
    const loading = cache.load(A, async (_uri, context) => {
      await answer.promise;
      return context.notModified();
    });
    drop(cache);
    answer.resolve();
    expect(await loading).toEqual({ uri: A, version: 1 });
    expect(cache.has(A)).toBe(false);
    expect(cache.stats().staleEntries).toBe(0);
  });

  it('counts it in both bounds, and has it leave before anything that lives [REVALIDATE-BOUNDS]', async () => {
    const { cache, clock } = variant.open({ ttlMs: 0, maxBytes: 1_000_000 });
    const validator = { etag: 'x' };
    const half = variant.maxEntries / 2;
    for (let n = 0; n < half; n++) {
      cache.set(`mem://old/${n}`, 'v', { ttlMs: 1, weightBytes: 100, validator });
    }
    clock.advance(2);
    cache.cleanupExpired();
    expect(cache.stats()).toMatchObject({
      size: half,
      staleEntries: half,
      memoryBytes: half * 100,
    });
    for (let n = 0; n < half; n++) cache.set(`mem://new/${n}`, 'v', { weightBytes: 100 });
    cache.sync();
    expect(cache.stats()).toMatchObject({ size: half * 2, staleEntries: half, evictions: 0 });
    for (let n = 0; n < half; n++) {
      cache.set(`mem://newer/${n}`, 'v', { weightBytes: 100 });
      expect(cache.size).toBeLessThanOrEqual(variant.maxEntries);
    }
    cache.sync();
    expect(cache.stats()).toMatchObject({ size: half * 2, staleEntries: 0, evictions: 0 });
  });

  it('holds the bound of bytes with it too, also when that shrinks [REVALIDATE-BOUNDS]', async () => {
    const { cache, clock } = variant.open({ ttlMs: 0, maxBytes: 10_000 });
    const validator = { etag: 'x' };
    for (let n = 0; n < 10; n++) {
      cache.set(`mem://old/${n}`, 'v', { ttlMs: n + 1, weightBytes: 500, validator });
    }
    clock.advance(11);
    cache.cleanupExpired();
    cache.set('mem://live', 'v', { weightBytes: 4_000 });
    expect(cache.stats()).toMatchObject({ memoryBytes: 9_000, staleEntries: 10 });
    cache.set('mem://more', 'v', { weightBytes: 2_000 });
    expect(cache.stats()).toMatchObject({ memoryBytes: 10_000, staleEntries: 8, evictions: 0 });
    cache.resize({ maxBytes: 8_400 });
    expect(cache.stats()).toMatchObject({ memoryBytes: 8_000, staleEntries: 4, evictions: 0 });
    // The earliest have left.
    const origin = new Origin();
    await cache.load('mem://old/0', origin.load);
    await cache.load('mem://old/9', origin.load);
    expect(origin.asked).toEqual([undefined, 'x']);
  });

  it('asks about many in one call, and takes what is unchanged [REVALIDATE-MANY]', async () => {
    const { cache, clock } = variant.open<string>({ ttlMs: TTL_MS });
    const uris = ['mem://a', 'mem://b', 'mem://c', 'mem://d'];
    for (const uri of uris.slice(0, 3)) cache.set(uri, 'old', { validator: { etag: uri } });
    clock.advance(TTL_MS + 1);
    const values = await cache.loadMany(uris, (missing, context) => {
      expect(missing).toEqual(uris);
      expect([...context.stale]).toEqual(
        uris.slice(0, 3).map((uri) => [uri, { value: 'old', validator: { etag: uri } }]),
      );
      context.deliver('mem://b', context.notModified());
      return new Map<string, Loaded<string>>([
        ['mem://a', context.notModified()],
        ['mem://c', 'new'],
        ['mem://d', 'first'],
      ]);
    });
    expect([...values.values()]).toEqual(['old', 'old', 'new', 'first']);
    expect(cache.info('mem://b')).toMatchObject({
      expiresAtMs: clock.now() + TTL_MS,
      validator: { etag: 'mem://b' },
    });
    expect(cache.info('mem://c')?.validator).toBeUndefined();
    expect(cache.stats()).toMatchObject({ loads: 1, revalidations: 2, staleEntries: 0 });
  });

  it('fails where a loader finds unchanged what was never there [REVALIDATE-INPUT]', async () => {
    const { cache } = variant.open();
    const failure = await granaryFailure(
      () => cache.load(A, (_, context) => context.notModified()),
      'ERR_GRANARY_LOAD_FAILED',
    );
    expect(failure.message).toContain('there is no expired value');
    const failed = () => cache.loadMany([A], (_, context) => new Map([[A, context.notModified()]]));
    await granaryFailure(failed, 'ERR_GRANARY_LOAD_FAILED');
  });

  it.each([
    [{}, 'etag, lastModified or both'],
    [{ etag: '' }, 'validator.etag'],
    [{ etag: 'x', lastModified: 7 }, 'validator.lastModified'],
    [{ etag: 'x'.repeat(1_025) }, '1024'],
    [{ etag: '\ud800' }, 'well-formed'],
    ['"v1"', 'validator'],
  ])('refuses %j as a validator [REVALIDATE-INPUT]', async (validator, named) => {
    const { cache } = variant.open();
    const given = { validator } as never;
    expect(() => cache.set(A, 'v', given)).toThrow(named);
    const failure = await granaryFailure(
      () =>
        cache.load(A, (_, context) => {
          context.setValidator(validator as never);
          return 'v';
        }),
      'ERR_GRANARY_LOAD_FAILED',
    );
    expect(failure.message).toContain(named);
    expect(() => variant.open({ staleTtlMs: -1 })).toThrow('staleTtlMs');
  });

  it('survives a dump and a restore, expired or not [REVALIDATE-DUMP]', async () => {
    const { cache, clock } = variant.open({ ttlMs: TTL_MS });
    const origin = new Origin();
    await cache.load('mem://expired', origin.load, { tags: ['red'] });
    clock.advance(TTL_MS);
    await cache.load('mem://living', origin.load);
    clock.advance(1);
    const bytes = await dumpBytes(cache.dump());
    const other = variant.open({ ttlMs: TTL_MS, clock });
    expect(await other.cache.restore([bytes])).toEqual({ restored: 1, expired: 1, skipped: 0 });
    expect(other.cache.info('mem://living')?.validator).toEqual({ etag: '"v1"' });
    expect(other.cache.stats()).toMatchObject({ size: 2, staleEntries: 1 });
    expect(other.cache.get('mem://expired')).toBeUndefined();
    clock.advance(TTL_MS + 1);
    origin.asked.length = 0;
    for (const uri of ['mem://expired', 'mem://living']) {
      expect(await other.cache.load(uri, origin.load)).toEqual({ uri, version: 1 });
    }
    expect(origin.asked).toEqual(['"v1"', '"v1"']);
    expect(other.cache.info('mem://expired')?.tags).toEqual(['red']);
    clock.advance(86_400_000 + TTL_MS + 1);
    const late = variant.open({ clock });
    expect(await late.cache.restore([bytes])).toEqual({ restored: 0, expired: 2, skipped: 0 });
    expect(late.cache.size).toBe(0);
  });
});
