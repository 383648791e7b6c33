import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readCacheOptions } from '../../src/cache/cache-options.ts';
import { NativeStore } from '../../src/cache/native-store.ts';
import { ASLEEP, REBASE_AT } from '../../src/cache/store-clock.ts';
import type { Lifetime } from '../../src/cache/store.ts';
import { EventHub } from '../../src/events/event-hub.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { SharedWord } from '../../src/native/store-block.ts';
import { endThreads, freshName, StoreThread } from '../support/store-thread.ts';

const { prototype } = loadAddon().StoreHandle;
const { memory } = prototype;
const STARTS = [2 ** 30 - 50, 2 ** 30, 2 ** 31 - 1_000, 2 ** 32];
const DAY_MS = 86_400_000;

/** The words that the stores of a test share with their threads. */
let words: Int32Array | undefined;
const opened: NativeStore<string>[] = [];

interface Opening {
  readonly store: NativeStore<string>;
  readonly hub: EventHub<string>;
  set(uri: string, lifetime?: Partial<Lifetime>): void;
}

function open(startMs = 0): Opening {
  const settings = readCacheOptions<string>({ storage: 'native', maxEntries: 200 });
  const hub = new EventHub<string>();
  const store = new NativeStore<string>(settings, hub, startMs);
  opened.push(store);
  return {
    store,
    hub,
    set: (uri, lifetime) =>
      store.set(uri, store.prepare(uri, uri), 1, { ttlMs: 0, idleTtlMs: 0, tags: [], ...lifetime }),
  };
}

/** Waits until the clock of the store sleeps: nobody has used it for a while. */
async function slept(): Promise<void> {
  while (words![SharedWord.clock] !== ASLEEP) await delay(5);
}

beforeEach(() => {
  prototype.memory = function (own) {
    const buffer = memory.call(this, own);
    if (!own) words = new Int32Array(buffer);
    return buffer;
  };
});

afterEach(async () => {
  prototype.memory = memory;
  for (const store of opened.splice(0)) store.close();
  await endThreads();
});

describe('the clock of a native store at its limits', () => {
  it.each(STARTS)(
    'expires rightly from %d ms on, near or not, and readings begin anew [HAZARD-5-NATIVE]',
    async (startMs) => {
      const { store, set } = open(startMs);
      const before = Date.now();
      set('never');
      set('soon', { ttlMs: 120 });
      set('idle', { idleTtlMs: 120 });
      set('late', { ttlMs: 20 * DAY_MS });
      const began = performance.now();
      let [soonSeen, idleSeen] = [0, 0];
      for (let passed = 0; passed < 400; passed = performance.now() - began) {
        if (store.get('soon') !== undefined) soonSeen = passed;
        if (passed < 200 && store.get('idle') !== undefined) idleSeen = passed;
        expect(store.get('never')).toBe('never');
        expect(store.get('late')).toBe('late');
        await delay(1);
      }
      expect(soonSeen).toBeGreaterThan(80);
      expect(soonSeen).toBeLessThan(130);
      expect(idleSeen).toBeGreaterThan(150);
      expect(store.get('idle')).toBeUndefined();
      expect(words![SharedWord.clock]).toBeLessThan(REBASE_AT);
      const { createdAtMs, lastAccessedAtMs, expiresAtMs } = store.info('late')!;
      expect(Math.abs(createdAtMs - before)).toBeLessThan(20);
      expect(Math.abs(lastAccessedAtMs - Date.now())).toBeLessThan(20);
      expect(expiresAtMs).toBe(createdAtMs + 20 * DAY_MS);
    },
  );

  it('tells of expiry in time where readings begin anew meanwhile [HAZARD-5-NATIVE]', async () => {
    const { store, hub, set } = open(2 ** 30 - 60);
    const expired: string[] = [];
    hub.add('expired', ({ uri }) => expired.push(uri), false);
    for (let n = 0; n < 20; n++) set(`mem://${n}`, { ttlMs: 40 + n * 4 });
    await delay(260);
    expect(expired).toHaveLength(20);
    expect(store.size).toBe(0);
  });

  it('gives no expired value after a sleep, near as it was, and forms deadlines of real readings [HAZARD-5-NATIVE]', async () => {
    const { store, set } = open();
    set('soon', { ttlMs: 400 });
    set('never');
    for (const uri of ['soon', 'never', 'soon', 'never']) expect(store.get(uri)).toBe(uri);
    const began = performance.now();
    await slept();
    if (performance.now() - began < 350) expect(store.get('soon')).toBe('soon');
    await delay(410 - (performance.now() - began));
    expect(store.get('soon')).toBeUndefined();
    await slept();
    set('new', { ttlMs: 100 });
    expect(words![SharedWord.clock]).toBeLessThan(60_000);
    expect(store.get('new')).toBe('new');
    await delay(120);
    expect(store.get('new')).toBeUndefined();
    await slept();
    // An access alone wakes it, and counts.
    for (let n = 0; n < 3; n++) expect(store.get('never')).toBe('never');
    expect(words![SharedWord.clock]).toBeLessThan(60_000);
    expect(store.info('never')!.accessCount).toBe(5);
    expect(Math.abs(store.info('never')!.lastAccessedAtMs - Date.now())).toBeLessThan(20);
  });
});

describe('an idle TTL', () => {
  it('is put off by near hits of another thread, and ends after the last [HAZARD-5-NATIVE, HAZARD-6-NATIVE]', async () => {
    const shared = { name: freshName(), ttlMs: 0 };
    const [reader, watcher] = [await StoreThread.start(shared), await StoreThread.start(shared)];
    await watcher.run(({ cache, kept }) => {
      cache.on('expired', () => (kept['expiredAt'] = performance.timeOrigin + performance.now()));
    });
    const { lastHitAt, calls, misses } = await reader.run(async ({ cache, calls }) => {
      cache.set('mem://idle', 1, { idleTtlMs: 300 });
      cache.get('mem://idle');
      const called = calls();
      let misses = 0;
      const until = performance.now() + 1_500;
      while (performance.now() < until) {
        if (cache.get('mem://idle') === undefined) misses++;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      if (cache.get('mem://idle') === undefined) misses++;
      const lastHitAt = performance.timeOrigin + performance.now();
      return { lastHitAt, calls: called.get('get') ?? 0, misses };
    });
    expect(misses).toBe(0);
    // It comes by when what it knows of the deadline is over: a few times, not at each hit.
    expect(calls).toBeLessThan(20);
    await delay(500);
    const expiredAt = (await watcher.run(({ kept }) => kept['expiredAt'])) as number;
    expect(expiredAt - lastHitAt).toBeGreaterThan(295);
    expect(expiredAt - lastHitAt).toBeLessThan(350);
  });
});
