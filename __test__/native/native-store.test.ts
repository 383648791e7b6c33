import { afterEach, describe, expect, it } from 'vitest';
import type { CacheOptions } from '../../src/cache/cache-options.ts';
import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { deferred } from '../support/deferred.ts';
import { granaryFailure } from '../support/granary-failure.ts';
import { ManualClock } from '../support/manual-clock.ts';

const A = 'mem://a';
const opened: Disposable[] = [];

function open(options: CacheOptions<string>): ResourceCache<string> {
  const cache = new ResourceCache<string>({ storage: 'native', ...options });
  opened.push(cache);
  return cache;
}

/** The loader's own promise never ends: whoever settles is settled by something else. */
const never = new Promise<string>(() => {});

describe('loads that are parted in one place and not in the other', () => {
  afterEach(() => {
    for (const cache of opened.splice(0)) cache[Symbol.dispose]();
  });

  it('end for all who follow, two in one thread too [NATIVE-ONE-LOAD, HAZARD-15-THREADS]', async () => {
    const [leader, follower] = [open({ name: 'parted' }), open({ name: 'parted' })];
    const end = deferred<string>();
    const led = leader.load(
      A,
      (_, { setTags }) => {
        setTags(['others']);
        return end.promise;
      },
      { tags: ['own'] },
    );
    const first = follower.load(A, () => 'never called', { tags: ['own'] });
    // It parts the follower's callers from those that come now, and says nothing of the leader.
    follower.invalidateTag('own');
    const second = follower.load(A, () => 'never called', { tags: ['own'] });
    end.resolve('led');
    expect(await Promise.all([led, first, second])).toEqual(['led', 'led', 'led']);
  });

  it('go on for a follower when the other callers of its own thread leave [NATIVE-ONE-LOAD, LOAD-ABORT-LAST]', async () => {
    const [other, own] = [open({ name: 'alone' }), open({ name: 'alone' })];
    other.load(A, () => never).catch(() => {});
    const leaving = new AbortController();
    const started = deferred<void>();
    const end = deferred<string>();
    const first = own.load(
      A,
      (_, { setTags }) => {
        setTags(['t']);
        started.resolve();
        return end.promise;
      },
      { signal: leaving.signal },
    );
    own.invalidateTag('t');
    other.close();
    await started.promise;
    const second = own.load(A, () => 'own');
    leaving.abort();
    await granaryFailure(() => first, 'ERR_GRANARY_ABORTED');
    end.resolve('led');
    expect(['led', 'own']).toContain(await second);
  });

  it('fail where the clock does, and leave nothing behind [NATIVE-ONE-LOAD]', async () => {
    const clock = new ManualClock();
    let throwsAt = Infinity;
    let readings = 0;
    const failing = {
      now: () => {
        readings++;
        if (readings === throwsAt) throw new Error('no time');
        return clock.now();
      },
    };
    const cache = open({ clock: failing });
    const before = readings;
    await cache.load('mem://first', () => 'v');
    const each = readings - before;
    for (let at = 1; at <= each; at++) {
      throwsAt = readings + at;
      const uri = `mem://${at}`;
      const outcome = await cache.load(uri, () => 'v').catch((error: unknown) => error);
      expect(outcome === 'v' || outcome instanceof Error).toBe(true);
      throwsAt = Infinity;
      expect(await cache.load(uri, () => 'again')).toMatch(/v|again/);
    }
    throwsAt = readings + 1;
    cache.on('evicted', () => {});
    expect(() => cache.close()).not.toThrow();
  });
});

describe('a store whose bounds were changed', () => {
  afterEach(() => {
    for (const cache of opened.splice(0)) cache[Symbol.dispose]();
  });

  it('opens for threads that ask for it as it was made, and as it is [NATIVE-NAME-IN-USE]', async () => {
    const first = open({ name: 'resized', maxEntries: 1_000 });
    first.resize({ maxEntries: 500 });
    first.set(A, 'v');
    for (const maxEntries of [1_000, 500]) {
      expect(open({ name: 'resized', maxEntries }).get(A)).toBe('v');
    }
    await granaryFailure(
      () => new ResourceCache({ storage: 'native', name: 'resized', maxEntries: 501 }),
      'ERR_GRANARY_NAME_IN_USE',
    );
  });

  it('frees what its near map may hold no more [NATIVE-NEAR-BOUND]', () => {
    const cache = open({ maxBytes: 4_000_000 });
    const text = 'x'.repeat(10_000);
    for (let n = 0; n < 60; n++) cache.set(`mem://${n}`, text);
    for (let n = 0; n < 60; n++) cache.get(`mem://${n}`);
    cache.resize({ maxBytes: 40_000 });
    cache.sync();
    expect(cache.weightBytes).toBeLessThanOrEqual(40_000);
    const held = [...cache.keys()];
    expect(held.length).toBeGreaterThan(0);
    for (let n = 0; n < 60; n++) {
      expect(cache.get(`mem://${n}`)).toBe(held.includes(`mem://${n}`) ? text : undefined);
    }
  });
});

describe('a restore with a rule that names nothing of the dump', () => {
  it('brings all of it [DUMP-NEWER-WINS]', async () => {
    using from = new ResourceCache<number>({ storage: 'native', maxEntries: 5_000 });
    for (let n = 0; n < 3_000; n++) from.set(`user://${n}/profile`, n);
    const pieces: Uint8Array[] = [];
    for await (const piece of from.dump()) pieces.push(piece);
    using to = new ResourceCache<number>({ storage: 'native', maxEntries: 5_000 });
    async function* source(): AsyncGenerator<Uint8Array> {
      for (const piece of pieces) {
        to.invalidatePattern(/^nothing/);
        to.invalidatePattern('user://{id}/nothing');
        to.invalidatePattern(/^user:\/\/7\/profile/);
        yield piece;
      }
    }
    expect(await to.restore(source())).toEqual({ restored: 2_999, expired: 0, skipped: 1 });
    expect(to.has('user://7/profile')).toBe(false);
  });
});
