import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { endThreads, freshName, StoreThread, turnWord } from '../support/store-thread.ts';

afterEach(endThreads);

/** What one thread does to a key that others hold near, and what they see then. */
const CHANGES = [
  'set',
  'setMany',
  'invalidate',
  'tag',
  'prefix',
  'template',
  'regexp',
  'clear',
  'expire',
];

/** Threads with one store. */
async function threadsOf(count: number, options = {}): Promise<StoreThread[]> {
  const shared = { name: freshName(), maxEntries: 1_000, ttlMs: 0, ...options };
  return Promise.all(Array.from({ length: count }, () => StoreThread.start(shared)));
}

describe.each([2, 4])('%d threads that open one name', (count) => {
  it('each sees what another has done with its next read, without a message [NATIVE-SHARED-NAME, HAZARD-14]', async () => {
    const threads = await threadsOf(count);
    const turn = turnWord();
    const rounds = 24_000 / count;
    // Each round one thread changes the key, and all others read it, near before and anew after.
    const found = await Promise.all(
      threads.map((thread, own) =>
        thread.run(
          ({ cache, calls, await: awaitTurn, pass }, { turn, own, count, rounds, changes }) => {
            const called = calls();
            const wrong: string[] = [];
            let nearHits = 0;
            const uri = 'mem://shared/key';
            const readNear = (expected: unknown, when: string): void => {
              const first = cache.get(uri);
              const before = called.get('get') ?? 0;
              const second = cache.get(uri);
              if (first !== expected || second !== expected)
                wrong.push(`${when}: ${String(first)}, ${String(second)}`);
              if (second !== undefined && (called.get('get') ?? 0) === before) nearHits++;
            };
            for (let round = 0; round < rounds; round++) {
              const writer = round % count;
              const change = changes[round % changes.length]!;
              // Everybody in a row: the writer stores, all hold it near, the writer changes, all read.
              const step = (at: number, act: () => void): void => {
                awaitTurn(turn, (round * 4 + at) * count + own);
                act();
                pass(turn, (round * 4 + at) * count + own + 1);
              };
              const value = `v${round}`;
              step(0, () => {
                if (own === writer)
                  cache.set(uri, value, { tags: ['t'], ttlMs: change === 'expire' ? 2 : 0 });
              });
              step(1, () => change !== 'expire' && readNear(value, `${round} before`));
              step(2, () => {
                if (own !== writer) return;
                if (change === 'set') cache.set(uri, `${value}!`);
                else if (change === 'setMany')
                  cache.setMany([
                    ['mem://other', 1],
                    [uri, `${value}!`],
                  ]);
                else if (change === 'invalidate') cache.invalidate(uri);
                else if (change === 'tag') cache.invalidateTag('t');
                else if (change === 'prefix') cache.invalidatePattern('mem://sha*');
                else if (change === 'template') cache.invalidatePattern('mem://{x}/key');
                else if (change === 'regexp') cache.invalidatePattern(/mem:.*key/);
                else if (change === 'clear') cache.clear();
                else while (cache.peek(uri) !== undefined);
              });
              step(3, () => {
                const expected = change.startsWith('set') ? `${value}!` : undefined;
                if (cache.get(uri) !== expected) wrong.push(`${round} after ${change}`);
                if (cache.has(uri) !== (expected !== undefined))
                  wrong.push(`${round} has ${change}`);
              });
            }
            return { wrong: wrong.slice(0, 5), nearHits };
          },
          { turn, own, count, rounds, changes: CHANGES },
        ),
      ),
    );
    for (const { wrong, nearHits } of found) {
      expect(wrong).toEqual([]);
      // All but the rounds that let the key expire.
      expect(nearHits).toBeGreaterThan(rounds * 0.8);
    }
  }, 60_000);
});

describe('what another thread does', () => {
  it('to an absent key is seen by who has missed it: set, load, bulk and all [NATIVE-SHARED-NAME, HAZARD-14]', async () => {
    const [one, other] = await threadsOf(2);
    const turn = turnWord();
    const rounds = 5_000;
    const waiting = other!.run(
      ({ cache, await: awaitTurn, pass }, { turn, rounds }) => {
        let wrong = 0;
        for (let round = 0; round < rounds; round++) {
          awaitTurn(turn, round * 4 + 1);
          if (
            cache.get(`mem://${round}`) !== undefined ||
            cache.getMany([`mem://${round}`]).size > 0
          )
            wrong++;
          pass(turn, round * 4 + 2);
          awaitTurn(turn, round * 4 + 3);
          if (cache.get(`mem://${round}`) !== round) wrong++;
          if (cache.getMany([`mem://${round}`, 'mem://none']).get(`mem://${round}`) !== round)
            wrong++;
          pass(turn, round * 4 + 4);
        }
        return wrong;
      },
      { turn, rounds },
    );
    await one!.run(
      async ({ cache, await: awaitTurn, pass }, { turn, rounds }) => {
        for (let round = 0; round < rounds; round++) {
          awaitTurn(turn, round * 4);
          pass(turn, round * 4 + 1);
          awaitTurn(turn, round * 4 + 2);
          if (round % 3 === 0) cache.set(`mem://${round}`, round);
          else if (round % 3 === 1) await cache.load(`mem://${round}`, () => round);
          else {
            await cache.loadMany(
              [`mem://${round}`],
              (uris) => new Map(uris.map((uri) => [uri, round])),
            );
          }
          pass(turn, round * 4 + 3);
        }
      },
      { turn, rounds },
    );
    expect(await waiting).toBe(0);
  }, 60_000);

  it('evicts from the near maps of all [NATIVE-SHARED-NAME, HAZARD-14]', async () => {
    const [one, other] = await threadsOf(2, { maxEntries: 10, policy: 'lru' });
    const turn = turnWord();
    const waiting = other!.run(({ cache, calls, await: awaitTurn, pass }, turn) => {
      const called = calls();
      for (let n = 0; n < 10; n++) cache.set(`mem://${n}`, n);
      for (let n = 0; n < 10; n++) cache.get(`mem://${n}`);
      called.clear();
      const near = Array.from({ length: 10 }, (_, n) => cache.get(`mem://${n}`));
      const nearCalls = called.get('get') ?? 0;
      pass(turn, 1);
      awaitTurn(turn, 2);
      return {
        near,
        nearCalls,
        after: Array.from({ length: 10 }, (_, n) => cache.get(`mem://${n}`)),
      };
    }, turn);
    await one!.run(({ cache, await: awaitTurn, pass }, turn) => {
      awaitTurn(turn, 1);
      for (let n = 10; n < 16; n++) cache.set(`mem://${n}`, n);
      pass(turn, 2);
    }, turn);
    const { near, nearCalls, after } = await waiting;
    expect(near).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(nearCalls).toBe(0);
    expect(after).toEqual([...Array(6).fill(undefined), 6, 7, 8, 9]);
  });

  it('counts for all: size, weight, hits and misses, and shrinks for all [NATIVE-SHARED-NAME]', async () => {
    const threads = await threadsOf(3);
    for (const [n, thread] of threads.entries()) {
      await thread.run(({ cache }, n) => {
        cache.set(`mem://${n}`, 'value', { weightBytes: 10 });
        cache.get(`mem://${n}`);
        cache.get(`mem://${n}`);
        cache.get('mem://none');
      }, n);
    }
    for (const thread of threads) {
      const seen = await thread.run(({ cache }) => {
        const { hits, misses, size, maxSize } = cache.stats();
        return { hits, misses, size, maxSize, weight: cache.weightBytes, keys: [...cache.keys()] };
      });
      const keys = ['mem://0', 'mem://1', 'mem://2'];
      expect(seen).toEqual({ hits: 6, misses: 3, size: 3, maxSize: 1_000, weight: 30, keys });
    }
    await threads[0]!.run(({ cache }) => cache.resize({ maxEntries: 1 }));
    const left = await threads[1]!.run(({ cache }) => [cache.size, cache.stats().maxSize]);
    expect(left).toEqual([1, 1]);
  });
});

describe('two caches of one thread with one name', () => {
  it('are one store, each with a near map of its own [NATIVE-SHARED-NAME, HAZARD-14]', () => {
    const name = freshName();
    const [one, other] = [0, 1].map(
      () => new ResourceCache<unknown>({ storage: 'native', name, policy: 'lru' }),
    );
    for (let round = 0; round < 1_000; round++) {
      one!.set('mem://a', round);
      expect(other!.get('mem://a')).toBe(round);
      other!.invalidate('mem://a');
      expect(one!.get('mem://a')).toBeUndefined();
    }
    one!.set('mem://a', 'kept');
    one!.close();
    expect(other!.get('mem://a')).toBe('kept');
    expect(() => one!.get('mem://a')).toThrow(/closed/);
    other!.close();
  });

  it('closed while it is iterated yields nothing more, though others go on [NATIVE-SHARED-NAME, CACHE-CLOSE]', () => {
    const name = freshName();
    const [one, other] = [0, 1].map(() => new ResourceCache<number>({ storage: 'native', name }));
    for (let n = 0; n < 5; n++) one!.set(`mem://${n}`, n);
    const keys = one!.keys();
    expect(keys.next().value).toBe('mem://0');
    one!.close();
    expect([...keys]).toEqual([]);
    expect([...other!.keys()]).toHaveLength(5);
    other!.close();
  });

  it('without a name have nothing to do with each other [NATIVE-SHARED-NAME, HAZARD-18]', () => {
    const clock = new ManualClock();
    const [one, other] = [0, 1].map(() => new ResourceCache<number>({ storage: 'native', clock }));
    one!.set('mem://a', 1);
    expect(other!.get('mem://a')).toBeUndefined();
    one!.close();
    other!.close();
  });
});
