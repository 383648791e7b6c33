import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { loadAddon } from '../../src/native/addon.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';

const { HeapCore } = loadAddon();
type NativeCore = InstanceType<typeof HeapCore>;

const ENTRIES = 500;
const BYTES = 500_000;

/** The native halves of the caches that a test opens, by a look at the calls that they get. */
const cores = new Set<NativeCore>();
const { memory } = HeapCore.prototype;
const opened: ResourceCache<string>[] = [];

beforeEach(() => {
  HeapCore.prototype.memory = function (this: NativeCore) {
    cores.add(this);
    return memory.call(this);
  };
});

afterEach(() => {
  HeapCore.prototype.memory = memory;
  cores.clear();
  for (const cache of opened.splice(0)) cache.close();
});

function open(clock?: ManualClock): { cache: ResourceCache<string>; core: NativeCore } {
  const cache = new ResourceCache<string>({
    maxEntries: ENTRIES,
    maxBytes: BYTES,
    ttlMs: 3_600_000,
    policy: 'tinylfu',
    clock,
  });
  opened.push(cache);
  const [core] = cores;
  for (let n = 0; n < 400; n++) cache.set(uri(n), `${n}`, { weightBytes: 10 });
  cache.sync();
  return { cache, core: core! };
}

function uri(n: number): string {
  return `mem://${n}`;
}

function expectWithinBounds(cache: ResourceCache<string>): void {
  expect(cache.size).toBeLessThanOrEqual(ENTRIES);
  expect(cache.weightBytes).toBeLessThanOrEqual(BYTES);
  expect(cache.size).toBe([...cache.keys()].length);
}

function expectAllHeld(cache: ResourceCache<string>): void {
  for (let n = 0; n < 400; n++) expect(cache.peek(uri(n))).toBe(`${n}`);
}

/** A cache that goes on: floods are bounded, frequent entries stay, and it empties. */
function expectGoesOn(cache: ResourceCache<string>): void {
  for (let n = 0; n < 5_000; n++) {
    cache.set(uri(10_000 + n), 'flood', { weightBytes: 100 });
    expectWithin(cache);
    if (n % 50 === 0) cache.sync();
  }
  cache.sync();
  expect(cache.size).toBeGreaterThan(ENTRIES * 0.9);
  expectWithinBounds(cache);
  cache.clear();
  expect([cache.size, cache.weightBytes]).toEqual([0, 0]);
}

function expectWithin(cache: ResourceCache<string>): void {
  if (cache.size > ENTRIES || cache.weightBytes > BYTES) expectWithinBounds(cache);
}

const INTERNAL = 'ERR_GRANARY_INTERNAL';

describe('an injected panic', () => {
  it('in a call throws once; every entry is there and the cache goes on [PANIC-CAUGHT]', async () => {
    const { cache, core } = open();
    core.armFault();
    cache.invalidate(uri(3));
    cache.set(uri(3), '3', { weightBytes: 10 });
    // Until the next call the fault is the background's or this one's: told once either way.
    await granaryFailure(() => {
      cache.sync();
      for (let n = 0; n < 200; n++) cache.set(uri(1_000 + n), 'x', { weightBytes: 10 });
      cache.sync();
    }, INTERNAL);
    cache.sync();
    expectWithinBounds(cache);
    expectGoesOn(cache);
  });

  it('with an injected clock, in the very set that meets it [PANIC-CAUGHT]', async () => {
    const { cache, core } = open(new ManualClock());
    expectAllHeld(cache);
    core.armFault();
    await granaryFailure(() => {
      for (let n = 400; n < 480; n++) cache.set(uri(n), `${n}`, { weightBytes: 10 });
    }, INTERNAL);
    cache.sync();
    expectAllHeld(cache);
    expectWithinBounds(cache);
    expectGoesOn(cache);
  });

  it('in the background leaves the process alive and is told by the next call [PANIC-CAUGHT]', async () => {
    const { cache, core } = open();
    core.armFault();
    for (let n = 400; n < 440; n++) cache.set(uri(n), `${n}`, { weightBytes: 10 });
    await delay(100);
    expectAllHeld(cache);
    await granaryFailure(() => cache.sync(), INTERNAL);
    cache.sync();
    expectAllHeld(cache);
    expectGoesOn(cache);
  });

  it('in a set at full bounds throws with both bounds held [PANIC-CAUGHT, BOUND-BOTH]', async () => {
    const { cache, core } = open(new ManualClock());
    for (let n = 0; n < 450; n++) cache.set(uri(n), `${n}`, { weightBytes: 1_000 });
    expect(cache.weightBytes).toBeGreaterThan(BYTES * 0.8);
    // Larger than the window: it is offered and settled at once.
    core.armFault();
    await granaryFailure(() => cache.set('mem://large', 'x', { weightBytes: 200_000 }), INTERNAL);
    expectWithinBounds(cache);
    core.armFault();
    await granaryFailure(() => {
      for (let n = 0; n < 50; n++) cache.set(uri(n), 'grown', { weightBytes: 60_000 });
    }, INTERNAL);
    expectWithinBounds(cache);
    cache.sync();
    expectWithinBounds(cache);
    expectGoesOn(cache);
  });

  it('pending in clear, resize and close leaves none of them half done [PANIC-CAUGHT]', async () => {
    const { cache, core } = open();
    const breakCore = async () => {
      core.armFault();
      cache.set(uri(1), 'grown', { weightBytes: 20 });
      for (let n = 0; n < 100; n++) cache.set(uri(2_000 + n), 'x', { weightBytes: 10 });
      await delay(50);
    };
    await breakCore();
    await granaryFailure(() => cache.resize({ maxEntries: 100 }), INTERNAL);
    expect(cache.size).toBeLessThanOrEqual(100);
    cache.resize({ maxEntries: ENTRIES });
    for (let n = 0; n < 400; n++) cache.set(uri(n), `${n}`, { weightBytes: 10 });
    cache.sync();
    await breakCore();
    await granaryFailure(() => cache.clear(), INTERNAL);
    expect([cache.size, cache.weightBytes, [...cache.keys()]]).toEqual([0, 0, []]);
    for (let n = 0; n < 400; n++) cache.set(uri(n), `${n}`, { weightBytes: 10 });
    cache.sync();
    expectAllHeld(cache);
    await breakCore();
    cache.close();
    expect(core.census()).toEqual({ entries: 0, rebuilds: 0 });
  });

  it('while the order changes leaves nothing behind, in either direction [PANIC-CAUGHT, CACHE-RESIZE]', async () => {
    const cache = new ResourceCache<string>({ maxEntries: 100, clock: new ManualClock() });
    opened.push(cache);
    const [core] = cores;
    core!.armFault();
    await granaryFailure(() => {
      for (let n = 0; n < 100; n++) cache.set(uri(n), 'v');
    }, INTERNAL);
    for (let n = 0; n < 300; n++) cache.set(uri(n), 'v');
    expect(cache.size).toBe([...cache.keys()].length);
    expect(cache.size).toBeLessThanOrEqual(100);
    cache.resize({ maxEntries: 50 });
    expect(cache.size).toBe(50);
    for (let n = 0; n < 300; n++) cache.set(uri(n), 'w');
    expect([cache.size, [...cache.keys()].length]).toEqual([50, 50]);
  });

  it('during clear, and during a load, stops neither [PANIC-CAUGHT, HAZARD-15-DETACH]', async () => {
    const { cache, core } = open(new ManualClock());
    let told = 0;
    cache.on('invalidated', () => void told++);
    let finish: (value: string) => void = () => {};
    const load = cache.load(
      'mem://late',
      () => new Promise<string>((resolve) => void (finish = resolve)),
    );
    for (let n = 400; n < 440; n++) cache.set(uri(n), 'v');
    core.armFault();
    cache.invalidate(uri(1));
    await granaryFailure(() => {
      cache.sync();
      cache.clear();
    }, INTERNAL);
    cache.clear();
    finish('late');
    expect(await load).toBe('late');
    expect([cache.size, cache.peek('mem://late')]).toEqual([0, undefined]);
    expect(told).toBe(440);
    const filled = open(new ManualClock());
    filled.core.armFault();
    expect(await filled.cache.load('mem://fault', () => 'v')).toBe('v');
  });
});
