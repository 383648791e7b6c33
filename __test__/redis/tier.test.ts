import { expect, it } from 'vitest';

import type { Invalidation } from '../../src/tiers/invalidation.ts';
import { hasLocks, type LockingTier } from '../../src/tiers/load-locks.ts';
import type { Tier, TierListener, TierMoment, TierWrite } from '../../src/tiers/tier.ts';
import { watchProcess } from '../support/process-signals.ts';
import { describeEachTier } from '../support/tier-variants.ts';

const NAME = 'resource:user://42/profile';
const PRIVATE = 'private:hash:resource:user://42/profile';
const OTHER = 'resource:mail://42';

function write(
  name: string,
  value: unknown,
  moment: TierMoment | undefined,
  more: Partial<TierWrite> = {},
): TierWrite {
  const life = { createdAtMs: Date.now(), expiresAtMs: Date.now() + 60_000, ttlMs: 60_000 };
  return { name, value, moment, ...life, tags: ['users'], ...more };
}

async function held(tier: Tier, ...names: string[]): Promise<unknown[]> {
  const { entries } = await tier.getMany(names);
  return names.map((name) => entries.get(name)?.value);
}

const INVALIDATIONS: readonly (readonly [string, Invalidation])[] = [
  ['URI', { kind: 'uri', uri: 'user://42/profile' }],
  ['tag', { kind: 'tag', tag: 'users' }],
  ['template', { kind: 'pattern', pattern: 'user://{id}/profile' }],
  ['prefix', { kind: 'pattern', pattern: 'user://*' }],
  ['RegExp', { kind: 'pattern', pattern: /USER:\/\/\d+/i }],
  ['all', { kind: 'all' }],
];

describeEachTier('a second level', (variant) => {
  watchProcess();

  it('gives back what was set, in every view of it, with tags and times [TIER-VALUES]', async () => {
    const { tier, sibling } = variant.open();
    const life = { createdAtMs: 1_000.5, expiresAtMs: undefined, ttlMs: 0, tags: ['a', 'b'] };
    await tier.setMany([
      write(NAME, { name: 'Ada' }, undefined, life),
      write(OTHER, 'mail', undefined),
    ]);
    const { entries } = await sibling.getMany([OTHER, 'resource:none', NAME]);
    expect([...entries.keys()].toSorted()).toEqual([OTHER, NAME].toSorted());
    const { ttlMs, ...told } = life;
    expect(entries.get(NAME)).toEqual({ value: { name: 'Ada' }, ...told });
    expect(ttlMs).toBe(0);
  });

  it.each(INVALIDATIONS)(
    'finds nothing that was invalidated by %s, in any partition [TIER-INVALIDATION]',
    async (kind, invalidation) => {
      const { tier, sibling } = variant.open();
      const { moment } = await sibling.getMany([]);
      await tier.setMany([
        write(NAME, 'a', undefined),
        write(PRIVATE, 'b', moment),
        write(OTHER, 'c', undefined, { tags: ['mails'] }),
      ]);
      expect(await held(sibling, OTHER)).toEqual(['c']);
      await tier.invalidate([invalidation]);
      const dropsAll = kind === 'all' || (invalidation.kind === 'pattern' && !variant.hasPatterns);
      const rest = [undefined, undefined, dropsAll ? undefined : 'c'];
      expect(await held(sibling, NAME, PRIVATE, OTHER)).toEqual(rest);
      expect(await held(tier, NAME, PRIVATE, OTHER)).toEqual(rest);
    },
  );

  it.each(INVALIDATIONS)(
    'does not find what a load has brought that began before an invalidation by %s, but that of a later one [TIER-OVERTAKEN]',
    async (_, invalidation) => {
      const { tier, sibling } = variant.open();
      const before = await sibling.getMany([NAME, PRIVATE]);
      await tier.invalidate([invalidation]);
      await sibling.setMany([
        write(NAME, 'old', before.moment),
        write(PRIVATE, 'old', before.moment),
      ]);
      expect(await held(tier, NAME, PRIVATE)).toEqual([undefined, undefined]);
      const after = await sibling.getMany([NAME, PRIVATE]);
      await sibling.setMany([
        write(NAME, 'new', after.moment),
        write(PRIVATE, 'new', after.moment),
      ]);
      expect(await held(tier, NAME, PRIVATE)).toEqual(['new', 'new']);
    },
  );

  it('does not find what a load has brought that began before a set [TIER-OVERTAKEN]', async () => {
    const { tier, sibling } = variant.open();
    const { moment } = await sibling.getMany([NAME]);
    await tier.setMany([write(NAME, 'set', undefined)]);
    expect(await held(sibling, NAME)).toEqual(['set']);
    await sibling.setMany([write(NAME, 'loaded', moment)]);
    expect(['set', undefined]).toContain((await held(tier, NAME))[0]);
  });

  it('keeps what is newer than a set that failed before, and says so [TIER-REPLAY]', async () => {
    const { tier, sibling } = variant.open();
    const createdAtMs = Date.now();
    await sibling.setMany([write(NAME, 'newer', undefined, { createdAtMs: createdAtMs + 5 })]);
    const again = { isRepeated: true, createdAtMs: createdAtMs - 1_000 };
    expect(await tier.setMany([write(NAME, 'older', undefined, again)])).toEqual([NAME]);
    expect(await held(sibling, NAME)).toEqual(['newer']);
    expect(await tier.setMany([write(OTHER, 'made up for', undefined, again)])).toEqual([]);
    expect(await held(sibling, OTHER)).toEqual(['made up for']);
  });

  it('tells others of the same process, and not whoever did it [TIER-APPLIED]', async () => {
    const { tier } = variant.open();
    const heard: string[] = [];
    const listener = (name: string): TierListener => ({
      changed: (names) => heard.push(`${name}: ${names?.join()}`),
      invalidated: (all) => heard.push(`${name}: ${all.map(({ kind }) => kind).join()}`),
      connected() {},
      disconnected() {},
    });
    const by = listener('by');
    tier.subscribe(by);
    const end = tier.subscribe(listener('other'));
    await tier.setMany([write(NAME, 'a', undefined)], by);
    await tier.invalidate([{ kind: 'tag', tag: 'users' }], by);
    end();
    await tier.setMany([write(NAME, 'a', undefined)], by);
    expect(heard).toEqual([`other: ${NAME}`, 'other: tag']);
  });

  it('keeps values of every kind that it may [TIER-VALUES]', async () => {
    const { tier, sibling } = variant.open();
    const values = [
      null,
      false,
      0,
      '',
      'ä€😀\u0000',
      '\ud800',
      [1, { a: null }],
      new Uint8Array([0, 255]),
      Buffer.from('bytes'),
      'long '.repeat(10_000),
    ];
    const names = values.map((_, at) => `resource:v:${at}`);
    await tier.setMany(values.map((value, at) => write(names[at]!, value, undefined)));
    expect(await held(sibling, ...names)).toEqual(values);
  });

  it('keeps structured clones only where it is trusted, and nothing old in place of one [HAZARD-21-TRUST, TIER-VALUES]', async () => {
    if (!variant.hasBytes) return;
    const value = { when: new Date(5), map: new Map([[1n, new Set(['x'])]]) };
    const { tier, sibling } = variant.open();
    await tier.setMany([write(NAME, 'before', undefined)]);
    await tier.setMany([write(NAME, value, undefined)]);
    expect(await held(sibling, NAME)).toEqual([undefined]);
    const trusting = variant.open({ trusted: true });
    await trusting.tier.setMany([write(NAME, value, undefined)]);
    expect(await held(trusting.sibling, NAME)).toEqual([value]);
  });

  it('asks for nothing and writes nothing at no cost', async () => {
    const { tier } = variant.open();
    expect((await tier.getMany([])).entries.size).toBe(0);
    expect(await tier.setMany([])).toEqual([]);
    await tier.close();
  });

  if (!variant.hasLocks) return;

  function openLocking(): [LockingTier, LockingTier] {
    const { tier, sibling } = variant.open();
    if (!hasLocks(tier) || !hasLocks(sibling)) throw new TypeError('there are no locks');
    return [tier, sibling];
  }

  it('gives each lock to one until it is given back or its lease is over [TIER-STAMPEDE-LEASE]', async () => {
    const [tier, sibling] = openLocking();
    await tier.setMany([write(OTHER, 'mail', undefined)]);
    const first = await tier.lockMany([NAME, OTHER, PRIVATE], 60_000);
    expect([...first.locks.keys()].toSorted()).toEqual([PRIVATE, NAME].toSorted());
    expect([...first.entries.keys()]).toEqual([OTHER]);
    const second = await sibling.lockMany([NAME, OTHER], 60_000);
    expect(second.locks.size).toBe(0);
    expect([...second.holders.keys()]).toEqual([NAME]);
    expect(second.holders.get(NAME)?.leftMs).toBeLessThanOrEqual(60_000);
    await tier.unlockMany(first.locks);
    const third = await sibling.lockMany([NAME, PRIVATE], 30);
    expect(third.locks.size).toBe(2);
    let fourth = await tier.lockMany([NAME], 60_000);
    while (fourth.locks.size === 0) fourth = await tier.lockMany([NAME], 60_000);
    // What is over is given back by nobody.
    await sibling.unlockMany(third.locks);
    expect((await sibling.lockMany([NAME], 60_000)).holders.size).toBe(1);
  });

  it('a holder of a lock writes over all before him, and under all after him [TIER-STAMPEDE-FENCE]', async () => {
    const [tier, sibling] = openLocking();
    const late = await tier.lockMany([NAME], 1);
    let next = await sibling.lockMany([NAME], 60_000);
    while (next.locks.size === 0) next = await sibling.lockMany([NAME], 60_000);
    expect(await sibling.setMany([write(NAME, 'next', next.moment)])).toEqual([]);
    expect(await tier.setMany([write(NAME, 'late', late.moment)])).toEqual([NAME]);
    expect(await held(tier, NAME)).toEqual(['next']);
  });

  it.each(INVALIDATIONS)(
    'locks what was invalidated by %s [TIER-STAMPEDE]',
    async (_, invalidation) => {
      const [tier, sibling] = openLocking();
      await tier.setMany([write(NAME, 'old', undefined)]);
      await sibling.invalidate([invalidation]);
      const { entries, locks, moment } = await tier.lockMany([NAME], 60_000);
      expect(entries.size).toBe(0);
      expect(locks.size).toBe(1);
      expect((await sibling.lockMany([NAME], 60_000)).holders.size).toBe(1);
      await tier.setMany([write(NAME, 'new', moment)]);
      expect((await sibling.lockMany([NAME], 60_000)).entries.get(NAME)?.value).toBe('new');
    },
  );
});
