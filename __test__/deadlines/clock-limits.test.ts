import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { ASLEEP, REBASE_AT } from '../../src/cache/store-clock.ts';
import { Word } from '../../src/native/heap-block.ts';
import { type OpenStore, openStore } from '../support/open-store.ts';

const DAY_MS = 86_400_000;
const POLICIES = ['lru', 'tinylfu'] as const;
const STARTS = [2 ** 30 - 50, 2 ** 30, 2 ** 31 - 1_000, 2 ** 32];

const opened: OpenStore[] = [];

function open(policy: 'lru' | 'tinylfu', startMs: number): OpenStore {
  const store = openStore({ policy }, startMs);
  opened.push(store);
  return store;
}

afterEach(() => {
  for (const { store } of opened.splice(0)) store.close();
});

/** Waits in real time, which is what these clocks count. */
async function wait(ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) await delay(1);
}

/** Lets the time of a store pass: its origin goes back, as if it had slept so long. */
function pass({ parts }: OpenStore, ms: number): void {
  parts.clock.rebase(-ms);
}

describe.each(POLICIES)('the native clock at its limits (%s)', (policy) => {
  it.each(STARTS)(
    'expires rightly from %d ms on, and moves its origin [HAZARD-5, HAZARD-5-NEVER]',
    async (startMs) => {
      const opening = open(policy, startMs);
      const { store, parts, set } = opening;
      const before = Date.now();
      set('never');
      set('soon', { ttlMs: 120 });
      set('idle', { idleTtlMs: 120 });
      set('late', { ttlMs: 20 * DAY_MS });
      const wall = () => store.info('never')!.createdAtMs;
      if (startMs < 2 ** 31) expect(Math.abs(wall() - before)).toBeLessThan(20);
      const began = performance.now();
      let [soonSeen, idleSeen] = [0, 0];
      for (let passed = 0; passed < 300; passed = performance.now() - began) {
        if (store.get('soon') !== undefined) soonSeen = passed;
        if (passed < 200 && store.get('idle') !== undefined) idleSeen = passed;
        expect(store.get('never')).toBe('never');
        expect(store.get('late')).toBe('late');
        await delay(1);
      }
      expect(soonSeen).toBeGreaterThan(80);
      expect(soonSeen).toBeLessThan(130);
      expect(idleSeen).toBeGreaterThan(180);
      expect(parts.clock.words[Word.clock]).toBeLessThan(REBASE_AT);
      if (startMs < 2 ** 31) expect(Math.abs(wall() - before)).toBeLessThan(20);
    },
  );

  it('fires expired in time across the moving of the origin [HAZARD-5]', async () => {
    const { store, hub, set } = open(policy, 2 ** 30 - 60);
    const expired: string[] = [];
    hub.add('expired', ({ uri }) => expired.push(uri), false);
    for (let n = 0; n < 20; n++) set(`mem://${n}`, { ttlMs: 40 + n * 4 });
    await wait(260);
    expect(expired).toHaveLength(20);
    expect(store.ledger.size).toBe(0);
  });

  it('judges a TTL that is longer than a reading [HAZARD-5-NEVER]', () => {
    const opening = open(policy, 0);
    const { store, set } = opening;
    set('20 days', { ttlMs: 20 * DAY_MS });
    set('13 days', { ttlMs: 13 * DAY_MS });
    set('never');
    pass(opening, 10 * DAY_MS);
    expect([store.get('13 days'), store.get('20 days')]).toEqual(['13 days', '20 days']);
    pass(opening, 4 * DAY_MS);
    expect([store.get('13 days'), store.get('20 days')]).toEqual([undefined, '20 days']);
    pass(opening, 5 * DAY_MS);
    expect(store.get('20 days')).toBe('20 days');
    pass(opening, DAY_MS + 1_000);
    expect([store.get('20 days'), store.get('never')]).toEqual([undefined, 'never']);
  });

  it('counts a sleep longer than its range in full [HAZARD-5]', () => {
    const opening = open(policy, 0);
    const { store, parts, set } = opening;
    set('26 days', { ttlMs: 26 * DAY_MS });
    set('90 days', { ttlMs: 90 * DAY_MS });
    set('never');
    pass(opening, 30 * DAY_MS);
    expect([store.get('26 days'), store.get('90 days')]).toEqual([undefined, '90 days']);
    pass(opening, 59 * DAY_MS);
    expect([store.get('90 days'), store.get('never')]).toEqual(['90 days', 'never']);
    set('new', { ttlMs: 60_000 });
    const age = parts.clock.toWallMs(parts.clock.read()) - store.info('new')!.createdAtMs;
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(1_000);
    pass(opening, DAY_MS + 1_000);
    expect([store.get('90 days'), store.get('new')]).toEqual([undefined, undefined]);
  });

  it('counts it in full by the first access already [HAZARD-5]', () => {
    const opening = open(policy, 0);
    opening.set('60 days', { ttlMs: 60 * DAY_MS });
    opening.set('100 days', { ttlMs: 100 * DAY_MS });
    pass(opening, 80 * DAY_MS);
    const found = ['60 days', '100 days'].map((uri) => opening.store.get(uri));
    expect(found).toEqual([undefined, '100 days']);
  });

  it('sets with a real reading while the clock sleeps, and wakes it [HAZARD-5-SLEEP]', async () => {
    const { store, parts, set } = open(policy, 0);
    const { words } = parts.clock;
    set('before');
    while (words[Word.clock] !== ASLEEP) await delay(10);
    set('mem://a', { ttlMs: 100 });
    expect(words[Word.clock]).toBeLessThan(60_000);
    expect(
      parts.clock.toWallMs(words[Word.clock]!) - store.info('mem://a')!.createdAtMs,
    ).toBeLessThan(50);
    expect(store.get('mem://a')).toBe('mem://a');
    await wait(120);
    expect(store.get('mem://a')).toBeUndefined();
    // An access alone wakes it too, of an entry that never expires as well.
    while (words[Word.clock] !== ASLEEP) await delay(10);
    expect(store.get('before')).toBe('before');
    expect(words[Word.clock]).toBeLessThan(60_000);
  });

  it('records hits that find the clock asleep, each time [HAZARD-6]', async () => {
    const { store, parts, set } = open(policy, 0);
    const { words } = parts.clock;
    set('never');
    set('ttl', { ttlMs: DAY_MS });
    for (const uri of ['never', 'ttl']) {
      let accessedAt = -1;
      for (let round = 1; round <= 3; round++) {
        while (words[Word.clock] !== ASLEEP) await delay(10);
        expect(store.get(uri)).toBe(uri);
        const { accessCount, lastAccessedAtMs } = store.info(uri)!;
        const reading = lastAccessedAtMs - parts.clock.toWallMs(0);
        expect(accessCount).toBe(round * 100 - 99);
        expect(reading, 'a hit in a later sleep was not recorded').toBeGreaterThan(accessedAt);
        expect(reading).toBeLessThan(60_000);
        for (let n = 1; n < 100; n++) store.get(uri);
        expect(store.info(uri)!.accessCount).toBe(round * 100);
        accessedAt = reading;
      }
    }
  });
});
