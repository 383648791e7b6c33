import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';

import type { ResourceCache } from '../../src/cache/resource-cache.ts';
import { describeEachVariant } from '../support/cache-variants.ts';
import { deferred } from '../support/deferred.ts';
import { dumpBytes } from '../support/dump-bytes.ts';
import { EventLog } from '../support/event-log.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';

const VALUES: Readonly<Record<string, unknown>> = {
  'mem://text': 'naïve',
  'mem://lone': 'half \ud83d',
  'mem://json': { list: [1, null, { a: 'b' }] },
  'mem://bytes': new Uint8Array([1, 2, 3]),
  'mem://empty': new Uint8Array(0),
  'mem://buffer': Buffer.from('bytes'),
  'mem://map': new Map([['at', new Date(5)]]),
  'mem://zero': -0,
};

function contentOf(cache: ResourceCache): unknown[] {
  return [...cache.entries()].map(([uri, value]) => [uri, value, cache.info(uri)]);
}

/** A source that waits before its last byte, while a test goes on. */
async function* heldBack(bytes: Uint8Array, until: Promise<void>): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, -1);
  await until;
  yield bytes.subarray(-1);
}

describeEachVariant('dump and restore', (variant) => {
  it('give back values and all that is known of them [DUMP-ROUND-TRIP]', async () => {
    const { cache, clock } = variant.open();
    let tags = 0;
    for (const [uri, value] of Object.entries(VALUES)) {
      cache.set(uri, value, { ttlMs: 60_000.5, weightBytes: 7, tags: ['all', `tag ${tags++}`] });
      clock.advance(1.25);
      cache.get(uri);
    }
    cache.set('mem://for-ever', 1, { ttlMs: 0 });
    cache.set('mem://idle', 1, { idleTtlMs: 500 });
    clock.advance(100);
    const { cache: next } = variant.open({ clock });
    const summary = await next.restore(cache.dump());
    expect(summary).toEqual({ restored: 10, expired: 0, skipped: 0 });
    expect(contentOf(next)).toStrictEqual(contentOf(cache));
    expect(next.size).toBe(cache.size);
    expect(next.weightBytes).toBe(cache.weightBytes);
    // Its tags and its keys are known to the indexes too.
    expect(next.invalidateTag('tag 3')).toBe(1);
    expect(next.invalidateTag('all')).toBe(7);
    expect(next.invalidatePattern('mem://*')).toBe(2);
  });

  it('give back values that nobody else holds [DUMP-ROUND-TRIP]', async () => {
    const { cache, clock } = variant.open<{ list: number[] }>();
    cache.set('mem://object', { list: [1] });
    const { cache: next } = variant.open<{ list: number[] }>({ clock });
    await next.restore(cache.dump());
    const { list } = cache.get('mem://object')!;
    if (variant.storage === 'heap') list.push(2);
    else expect(() => list.push(2)).toThrow(TypeError);
    expect(next.get('mem://object')).toEqual({ list: [1] });
  });

  it('give back what is empty, and nothing else [DUMP-ROUND-TRIP]', async () => {
    const { cache } = variant.open();
    const summary = await cache.restore(cache.dump());
    expect(summary).toEqual({ restored: 0, expired: 0, skipped: 0 });
    expect(cache.size).toBe(0);
  });

  it('go on with lives by the clock [DUMP-WALL-TIME]', async () => {
    const { cache, clock } = variant.open({ ttlMs: 1_000 });
    cache.set('mem://gone-before', 0, { ttlMs: 50 });
    cache.set('mem://short', 1);
    cache.set('mem://idle', 2, { idleTtlMs: 300 });
    clock.advance(100);
    cache.set('mem://long', 3);
    const bytes = await dumpBytes(cache.dump());
    clock.advance(901);
    const { cache: next } = variant.open({ clock });
    expect(await next.restore([bytes])).toEqual({ restored: 1, expired: 2, skipped: 0 });
    expect([...next.keys()]).toEqual(['mem://long']);
    clock.advance(99);
    expect(next.has('mem://long')).toBe(true);
    clock.advance(0.5);
    expect(next.has('mem://long')).toBe(false);
  });

  it('free what expires after a restore without being asked for it [DUMP-WALL-TIME]', async () => {
    const { cache, clock } = variant.open({ ttlMs: 1_000 });
    cache.set('mem://a', 1);
    clock.advance(600);
    const { cache: next } = variant.open({ clock });
    await next.restore(cache.dump());
    clock.advance(401);
    next.sync();
    expect(next.size).toBe(0);
  });

  it('take an entry from the future for a new one [DUMP-WALL-TIME]', async () => {
    const { cache } = variant.open({ ttlMs: 1_000, clock: new ManualClock(2_000_000) });
    cache.set('mem://a', 1);
    const { cache: next, clock } = variant.open();
    await next.restore(cache.dump());
    expect(next.info('mem://a')).toMatchObject({ createdAtMs: clock.now() });
    clock.advance(1_001);
    expect(next.has('mem://a')).toBe(false);
  });

  it('refuse what is cut or altered, and change nothing [DUMP-REFUSED]', async () => {
    const { cache, clock } = variant.open();
    for (const [uri, value] of Object.entries(VALUES)) cache.set(uri, value);
    const bytes = await dumpBytes(cache.dump());
    const { cache: next } = variant.open({ clock });
    next.set('mem://held', 1);
    const log = new EventLog(next);
    for (let at = 0; at < bytes.length; at += 7) {
      const altered = Buffer.from(bytes);
      altered[at]! ^= 0x10;
      for (const source of [[altered], [bytes.subarray(0, at)]]) {
        await granaryFailure(() => next.restore(source), 'ERR_GRANARY_BAD_DUMP');
      }
    }
    await granaryFailure(() => next.restore([bytes, bytes]), 'ERR_GRANARY_BAD_DUMP');
    expect([...next.keys()]).toEqual(['mem://held']);
    expect(log.take()).toEqual([]);
    // In pieces of one byte it is as good as in one.
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(await next.restore(single)).toMatchObject({ restored: 8 });
  });

  it('change nothing when the source fails, or is none [DUMP-REFUSED]', async () => {
    const { cache } = variant.open();
    cache.set('mem://a', 1);
    const bytes = await dumpBytes(cache.dump());
    const { cache: next } = variant.open();
    const failure = new Error('the disk is gone');
    const failing = (function* () {
      yield bytes;
      throw failure;
    })();
    await expect(next.restore(failing)).rejects.toBe(failure);
    const wrong = [undefined, null, 7, {}, ['text'], 'text', bytes] as unknown as Uint8Array[][];
    for (const source of wrong) {
      const refusal = await granaryFailure(() => next.restore(source), 'ERR_GRANARY_BAD_OPTION');
      expect(refusal.message).toContain('source must be');
    }
    expect(next.size).toBe(0);
  });

  it('end when the cache is closed meanwhile [DUMP-REFUSED]', async () => {
    const { cache } = variant.open();
    cache.set('mem://a', 1);
    cache.set('mem://b', 'x'.repeat(300_000));
    const bytes = await dumpBytes(cache.dump());
    const { cache: next } = variant.open();
    const gate = deferred<void>();
    const restoring = next.restore(heldBack(bytes, gate.promise));
    next.close();
    gate.resolve();
    const failure = await granaryFailure(() => restoring, 'ERR_GRANARY_CLOSED');
    expect(failure.message).toContain('closed');
    await granaryFailure(() => next.restore([bytes]), 'ERR_GRANARY_CLOSED');
    await granaryFailure(() => next.dump(), 'ERR_GRANARY_CLOSED');
    const dump = cache.dump();
    cache.close();
    await granaryFailure(() => dumpBytes(dump), 'ERR_GRANARY_CLOSED');
  });

  it('let what is held win over the dump [DUMP-NEWER-WINS]', async () => {
    const { cache, clock } = variant.open();
    cache.set('mem://a', 'old');
    cache.set('mem://b', 'old');
    const { cache: next } = variant.open({ clock });
    next.set('mem://a', 'new');
    expect(await next.restore(cache.dump())).toEqual({ restored: 1, expired: 0, skipped: 1 });
    expect(next.get('mem://a')).toBe('new');
    expect(next.get('mem://b')).toBe('old');
  });

  it('let what happens meanwhile win over the dump [DUMP-NEWER-WINS]', async () => {
    const { cache, clock } = variant.open();
    for (const uri of ['set', 'loaded', 'one', 'wide://1', 'tagged', 'kept']) {
      cache.set(uri, 'old', { tags: uri === 'tagged' ? ['tag'] : [] });
    }
    const bytes = await dumpBytes(cache.dump());
    const { cache: next } = variant.open({ clock });
    const gate = deferred<void>();
    const restoring = next.restore(heldBack(bytes, gate.promise));
    next.set('set', 'new');
    await next.load('loaded', () => 'new');
    // What is newer than the dump stays newer when it is gone.
    next.invalidate('set');
    next.invalidate('loaded');
    next.invalidate('one');
    next.invalidatePattern('wide://*');
    next.invalidateTag('tag');
    gate.resolve();
    expect(await restoring).toEqual({ restored: 1, expired: 0, skipped: 5 });
    expect([...next.keys()]).toEqual(['kept']);
    const second = deferred<void>();
    const cleared = next.restore(heldBack(bytes, second.promise));
    next.clear();
    second.resolve();
    expect(await cleared).toMatchObject({ restored: 0 });
    // It was about that restore, not about those to come.
    expect(await next.restore([bytes])).toMatchObject({ restored: 6 });
  });

  it('keep the bounds of the cache restored into [DUMP-BOUNDS, DUMP-EVENTS]', async () => {
    const { cache, clock } = variant.open();
    for (let n = 0; n < 30; n++) cache.set(`mem://${n}`, n, { weightBytes: 10 });
    cache.set('mem://large', 'large', { weightBytes: 5_000 });
    const { cache: next } = variant.open({ clock, maxEntries: 20, maxBytes: 120 });
    const log = new EventLog(next);
    let largest = 0;
    next.on('evicted', () => {
      largest = Math.max(largest, next.weightBytes, next.size * 6);
    });
    const { restored, skipped } = await next.restore(cache.dump());
    expect([restored, skipped]).toEqual([30, 1]);
    next.sync();
    expect(next.size).toBe(12);
    expect(next.weightBytes).toBe(120);
    expect(largest).toBeLessThanOrEqual(120);
    const titles = log.takeTitles();
    expect(titles).toHaveLength(18);
    for (const title of titles) expect(title).toMatch(/^evicted mem:\/\/\d+ \(size\)$/);
    if (variant.exactOrder) expect(next.has('mem://29') && !next.has('mem://0')).toBe(true);
  });

  it('tell nothing of what is restored, and count no hit [DUMP-EVENTS]', async () => {
    const { cache, clock } = variant.open();
    for (let n = 0; n < 20; n++) cache.set(`mem://${n}`, n);
    const { cache: next } = variant.open({ clock });
    const log = new EventLog(next);
    await next.restore(cache.dump());
    expect(log.take()).toEqual([]);
    expect(next.stats()).toMatchObject({ hits: 0, misses: 0, loads: 0, evictions: 0, size: 20 });
  });

  it('keep the order of use [DUMP-ORDER]', async () => {
    const { cache, clock } = variant.open({ maxEntries: 20 });
    for (let n = 0; n < 20; n++) cache.set(`mem://${n}`, n);
    for (const n of [3, 0, 7, 3]) cache.get(`mem://${n}`);
    const { cache: next } = variant.open({ clock, maxEntries: 20 });
    await next.restore(cache.dump());
    const [before, after] = [new EventLog(cache), new EventLog(next)];
    for (let n = 0; n < 20; n++) {
      cache.set(`mem://new ${n}`, n);
      next.set(`mem://new ${n}`, n);
    }
    expect(after.takeTitles()).toEqual(before.takeTitles());
  });

  it('take each entry as it is at one moment while writes go on [DUMP-CONSISTENT]', async () => {
    const { cache, clock } = variant.open<{ a: number; b: number; text: string }>();
    // Does not compress, so that the dump comes in many pieces.
    const text = randomBytes(60_000).toString('base64');
    const value = (n: number) => ({ a: n, b: n, text });
    for (let n = 0; n < 25; n++) cache.set(`mem://${n}`, value(0));
    let writes = 0;
    const pieces: Uint8Array[] = [];
    for await (const piece of cache.dump()) {
      pieces.push(piece);
      writes++;
      for (let n = 0; n < 20; n++) cache.set(`mem://${n}`, value(writes));
      cache.invalidate('mem://24');
      cache.set('mem://later', value(writes));
    }
    expect(writes).toBeGreaterThan(1);
    const { cache: next } = variant.open<{ a: number; b: number }>({ clock });
    await next.restore(pieces);
    for (const [, { a, b }] of next.entries()) expect(a).toBe(b);
    expect(new Set([...next.entries()].map(([, { a }]) => a)).size).toBeGreaterThan(1);
    expect(next.has('mem://later')).toBe(false);
    expect(next.has('mem://24')).toBe(false);
    expect(next.size).toBe(24);
  });

  // What cannot be dumped cannot enter native storage either.
  it.runIf(variant.storage === 'heap')(
    'leave out what cannot be dumped, and say so once [DUMP-UNFIT]',
    async () => {
      const told: unknown[] = [];
      const logger = {
        debug() {},
        info() {},
        error() {},
        warn: (...line: unknown[]) => told.push(line),
      };
      const { cache, clock } = variant.open({ logger });
      cache.set('mem://fine', 1);
      cache.set('mem://function', () => 1);
      cache.set('mem://half \ud83d', 1);
      cache.set('mem://tag', 1, { tags: ['half \udc00'] });
      const { cache: next } = variant.open({ clock });
      expect(await next.restore(cache.dump())).toEqual({ restored: 1, expired: 0, skipped: 0 });
      expect(told).toEqual([
        ['entries that cannot be dumped were left out', { entries: 3, first: 'mem://function' }],
      ]);
      await dumpBytes(next.dump());
      expect(told).toHaveLength(1);
    },
  );

  it('let other work in [DUMP-SLICES]', async () => {
    const { cache, clock } = variant.open({ maxBytes: 2 ** 30 });
    const bytes = Buffer.alloc(4_000_000, 'some text, which compresses. ');
    for (let n = 0; n < 30; n++) cache.set(`mem://${n}`, bytes);
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const dump = await dumpBytes(cache.dump());
    const dumping = turns;
    const { cache: next } = variant.open({ clock, maxBytes: 2 ** 30 });
    await next.restore([dump]);
    isOver = true;
    expect(dumping).toBeGreaterThan(5);
    expect(turns - dumping).toBeGreaterThan(5);
  });
});
