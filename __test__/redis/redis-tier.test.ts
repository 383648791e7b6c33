import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { RedisTier } from '../../src/redis/redis-tier.ts';
import type { RedisTierOptions } from '../../src/redis/redis-options.ts';
import type { Tier, TierMoment, TierWrite } from '../../src/tiers/tier.ts';
import { watchProcess } from '../support/process-signals.ts';
import { useRedis } from '../support/redis-server.ts';

const redis = useRedis();
let raw: ReturnType<typeof createClient>;
let prefixes = 0;
const opened: RedisTier[] = [];

beforeAll(async () => {
  raw = createClient({ url: redis.url });
  await raw.connect();
});
afterAll(() => raw.destroy());
afterEach(async () => {
  for (const tier of opened.splice(0)) await tier.close();
});

function open(options: RedisTierOptions = {}): RedisTier {
  // What Redis tells of itself has tests of its own (tier-coherence).
  const tier = new RedisTier({ url: redis.url, tracking: false, ...options });
  opened.push(tier);
  return tier;
}

function prefix(): string {
  return `tier-${++prefixes}:`;
}

function write(name: string, value: unknown, moment?: TierMoment, tags: string[] = []): TierWrite {
  return {
    name,
    value,
    moment,
    createdAtMs: Date.now(),
    expiresAtMs: Date.now() + 60_000,
    ttlMs: 60_000,
    tags,
  };
}

async function valueOf(tier: Tier, name: string): Promise<unknown> {
  return (await tier.getMany([name])).entries.get(name)?.value;
}

/** How often each command was called since the last reset. */
async function calls(): Promise<Record<string, number>> {
  const found = (await raw.info('commandstats')).matchAll(/cmdstat_([^:]+):calls=(\d+)/g);
  return Object.fromEntries([...found].map(([, name, count]) => [name!, Number(count)]));
}

describe('RedisTier', () => {
  watchProcess();

  it('keeps public entries under resource:{uri}, others under a further prefix, until they expire [TIER-KEYS]', async () => {
    const names = ['resource:user://42', 'private:hash:resource:user://42'];
    await open().setMany(names.map((name) => write(name, 'value')));
    expect((await raw.keys('*')).toSorted()).toEqual([...names, '{granary}:order'].toSorted());
    expect(await raw.pTTL('resource:user://42')).toBeGreaterThan(59_000);
    await open({ prefix: 'mine:' }).setMany([{ ...write(names[0]!, 'mine'), ttlMs: 0 }]);
    expect(await raw.pTTL('mine:resource:user://42')).toBe(-1);
    expect(await valueOf(open(), names[0]!)).toBe('value');
    expect(await valueOf(open({ prefix: 'mine:' }), names[0]!)).toBe('mine');
  });

  it('reads and writes a hundred entries in one command each [TIER-ONE-TRIP]', async () => {
    const tier = open({ prefix: prefix() });
    const names = Array.from({ length: 100 }, (_, at) => `resource:x://${at}`);
    await tier.setMany([write('resource:warm', 1)]);
    await tier.getMany(names);
    await raw.configResetStat();
    await tier.setMany(names.map((name, at) => write(name, { at })));
    expect((await tier.getMany(names)).entries.size).toBe(100);
    const { evalsha, mget, get, eval: evals = 0, script = 0 } = await calls();
    // One of the GETs of state is the script's.
    expect({ evalsha, mget, evals, script, get }).toEqual({
      evalsha: 1,
      mget: 1,
      evals: 0,
      script: 0,
      get: 1,
    });
  });

  it('compresses from a size on [TIER-COMPRESSED]', async () => {
    const at = prefix();
    const tier = open({ prefix: at, compressAboveBytes: 1_000 });
    const text = 'the same again and again, '.repeat(1_000);
    await tier.setMany([write('resource:long', text), write('resource:short', 'x'.repeat(900))]);
    expect(await raw.strLen(`${at}resource:long`)).toBeLessThan(1_000);
    expect(await raw.strLen(`${at}resource:short`)).toBeGreaterThan(900);
    expect(await valueOf(open({ prefix: at }), 'resource:long')).toBe(text);
  });

  it('keeps and inflates nothing beyond its bound [TIER-INFLATE-BOUND]', async () => {
    const at = prefix();
    const large = 'a'.repeat(50_000);
    await open({ prefix: at }).setMany([write('resource:a', large)]);
    const bounded = open({ prefix: at, maxValueBytes: 49_999 });
    expect(await valueOf(bounded, 'resource:a')).toBeUndefined();
    await bounded.setMany([write('resource:b', 'before')]);
    await bounded.setMany([write('resource:b', large)]);
    expect(await valueOf(bounded, 'resource:b')).toBeUndefined();
    expect(await valueOf(open({ prefix: at }), 'resource:a')).toBe(large);
  });

  it('takes for a miss what is damaged, of another version or type, and writes over it [TIER-ENVELOPE]', async () => {
    const at = prefix();
    const tier = open({ prefix: at, trusted: true });
    const key = `${at}resource:a`;
    await tier.setMany([write('resource:a', { name: 'Ada', more: 'x'.repeat(3_000) })]);
    const good = (await raw.withTypeMapping({ 36: Buffer }).get(key)) as unknown as Buffer;
    const damaged = Array.from({ length: good.length }, (_, cut) => good.subarray(0, cut));
    for (let byte = 16; byte < good.length; byte++) {
      const changed = Buffer.from(good);
      changed[byte] = changed[byte]! ^ 0xff;
      damaged.push(changed);
    }
    for (const bytes of [...damaged, Buffer.from('{"json":true}')]) {
      await raw.set(key, bytes);
      await tier.getMany(['resource:a']);
    }
    const later = Buffer.from(good);
    later[16] = 2;
    await raw.set(key, later);
    expect(await valueOf(tier, 'resource:a')).toBeUndefined();
    await raw.del(key);
    await raw.lPush(key, 'a list');
    const { entries, moment } = await tier.getMany(['resource:a']);
    expect(entries.size).toBe(0);
    expect(await tier.setMany([write('resource:a', 'again', moment)])).toEqual([]);
    expect(await valueOf(tier, 'resource:a')).toBe('again');
  });

  it('gives what structured clone has written to no deserializer unless it is trusted [HAZARD-21-TRUST]', async () => {
    const at = prefix();
    await open({ prefix: at, trusted: true }).setMany([write('resource:a', new Map([[1, 2]]))]);
    expect(await valueOf(open({ prefix: at }), 'resource:a')).toBeUndefined();
    expect(await valueOf(open({ prefix: at, trusted: true }), 'resource:a')).toEqual(
      new Map([[1, 2]]),
    );
  });

  it('invalidates thousands of entries by one write, and looks for none [TIER-INVALIDATION-COST]', async () => {
    const tier = open({ prefix: prefix() });
    const names = Array.from({ length: 2_000 }, (_, at) => `resource:user://${at}/profile`);
    await tier.setMany(names.map((name) => write(name, 1, undefined, ['t'])));
    await tier.invalidate([{ kind: 'uri', uri: 'other://1' }]);
    await raw.configResetStat();
    await tier.invalidate([{ kind: 'pattern', pattern: 'user://{id}/profile' }]);
    await tier.invalidate([{ kind: 'tag', tag: 't' }]);
    await tier.invalidate([{ kind: 'pattern', pattern: /user/ }]);
    const { evalsha, zadd, scan = 0, keys = 0, unlink = 0, del = 0 } = await calls();
    expect({ evalsha, zadd, scan, keys, unlink, del }).toEqual({
      evalsha: 3,
      zadd: 3,
      scan: 0,
      keys: 0,
      unlink: 0,
      del: 0,
    });
    expect((await tier.getMany(names)).entries.size).toBe(0);
  });

  const losses: readonly (readonly [string, (at: string) => Promise<unknown>])[] = [
    ['the order', (at) => raw.del(`${at}{granary}:order`)],
    ['the invalidations', (at) => raw.del(`${at}{granary}:invalidations`)],
    ['both', (at) => raw.del([`${at}{granary}:order`, `${at}{granary}:invalidations`])],
    ['the order to another type', (at) => overwrite(`${at}{granary}:order`)],
    ['the invalidations to another type', (at) => overwrite(`${at}{granary}:invalidations`)],
  ];

  async function overwrite(key: string): Promise<void> {
    await raw.del(key);
    await raw.lPush(key, 'not ours');
  }

  it.each(losses)(
    'takes what is older for invalid where Redis has lost %s [TIER-LOST-VERSIONS]',
    async (_, lose) => {
      const at = prefix();
      const [tier, sibling] = [open({ prefix: at }), open({ prefix: at })];
      const { moment } = await tier.getMany(['resource:a']);
      await sibling.invalidate([{ kind: 'tag', tag: 'users' }]);
      await sibling.setMany([write('resource:b', 'kept', undefined)]);
      await lose(at);
      // It began before an invalidation that nobody remembers any more.
      await tier.setMany([write('resource:a', 'old', moment, ['users'])]);
      const fresh = open({ prefix: at });
      expect(await valueOf(fresh, 'resource:a')).toBeUndefined();
      const again = await fresh.getMany(['resource:a']);
      await fresh.setMany([write('resource:a', 'new', again.moment, ['users'])]);
      for (const reader of [fresh, tier, sibling]) {
        expect(await valueOf(reader, 'resource:a')).toBe('new');
      }
      await sibling.invalidate([{ kind: 'tag', tag: 'users' }]);
      for (const reader of [fresh, tier, sibling]) {
        expect(await valueOf(reader, 'resource:a')).toBeUndefined();
      }
    },
  );

  it('forgets the oldest invalidations beyond a bound, and what they may be about is invalid [TIER-LOST-VERSIONS]', async () => {
    const at = prefix();
    const [tier, sibling] = [2_000, 2_000].map((maxInvalidations) =>
      open({ prefix: at, maxInvalidations }),
    ) as [RedisTier, RedisTier];
    const applied: string[] = [];
    sibling.subscribe({
      changed() {},
      invalidated: (all) => applied.push(...all.map(({ kind }) => kind)),
      connected() {},
      disconnected() {},
    });
    await tier.setMany([write('resource:old', 'old')]);
    await sibling.getMany([]);
    for (let round = 0; round < 5; round++) {
      await tier.invalidate(
        Array.from({ length: 500 }, (_, n) => ({ kind: 'tag', tag: `${round}-${n}` }) as const),
      );
    }
    await tier.setMany([write('resource:new', 'new')]);
    expect(await raw.zCard(`${at}{granary}:invalidations`)).toBeLessThanOrEqual(2_000);
    for (const reader of [tier, sibling]) {
      expect(await valueOf(reader, 'resource:old')).toBeUndefined();
      expect(await valueOf(reader, 'resource:new')).toBe('new');
    }
    // It could not learn each of them any more: everything is dropped.
    expect(applied).toEqual(['all']);
  });
});
