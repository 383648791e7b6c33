import { expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { dumpBytes } from '../support/dump-bytes.ts';
import { ManualClock } from '../support/manual-clock.ts';

const HOUR_MS = 3_600_000;

/** A dump of entries that were made some hours before now. */
async function dumpFromThePast(hours: number, ttlMs: number): Promise<Uint8Array> {
  const clock = new ManualClock(Date.now() - hours * HOUR_MS);
  using cache = new ResourceCache<string>({ clock, ttlMs });
  for (let n = 0; n < 3; n++) cache.set(`mem://${n}`, `value ${n}`);
  clock.advance(HOUR_MS);
  cache.get('mem://1');
  return await dumpBytes(cache.dump());
}

it.each(['lru', 'adaptive'] as const)(
  'an old dump goes on by the real clock, with policy %s [DUMP-WALL-TIME]',
  async (policy) => {
    const bytes = await dumpFromThePast(5, 8 * HOUR_MS);
    using cache = new ResourceCache<string>({ policy });
    expect(await cache.restore([bytes])).toEqual({ restored: 3, expired: 0, skipped: 0 });
    const info = cache.info('mem://1')!;
    const fiveHoursAgo = Date.now() - 5 * HOUR_MS;
    expect(Math.abs(info.createdAtMs - fiveHoursAgo)).toBeLessThan(1_000);
    expect(info.lastAccessedAtMs - info.createdAtMs).toBe(HOUR_MS);
    expect(info.expiresAtMs! - info.createdAtMs).toBe(8 * HOUR_MS);
    expect(info.accessCount).toBe(1);
    expect(cache.get('mem://0')).toBe('value 0');
  },
);

it('an old dump has nothing left when its time is over [DUMP-WALL-TIME]', async () => {
  using cache = new ResourceCache<string>();
  const bytes = await dumpFromThePast(5, 4 * HOUR_MS);
  expect(await cache.restore([bytes])).toEqual({ restored: 0, expired: 3, skipped: 0 });
});

it('a restored entry that is about to expire does so, in the background [DUMP-WALL-TIME]', async () => {
  const bytes = await dumpFromThePast(5, 5 * HOUR_MS + 300);
  using cache = new ResourceCache<string>();
  const expired = new Promise((resolve) => cache.on('expired', resolve));
  const { restored } = await cache.restore([bytes]);
  if (restored > 0) await expired;
  await expect.poll(() => cache.size, { timeout: 5_000 }).toBe(0);
});
