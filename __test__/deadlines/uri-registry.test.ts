import { expect, it } from 'vitest';
import { benchPatterns, benchUris } from '../../bench/registry/patterns.ts';
import { granaryResolver } from '../../bench/registry/resolvers.ts';
import type { Contender } from '../../bench/rounds.ts';

/**
 * So many that what they lead to fits a core's own cache: whether the search scales is judged here, not what
 * else runs on the machine and pushes it out of the caches that all cores share. `bench:registry` asks 2,003.
 */
const URIS = 211;

function contender(count: number): Contender {
  const patterns = benchPatterns(count);
  const uris = benchUris(patterns, URIS);
  const { resolve } = granaryResolver(patterns.map(({ pattern }) => pattern));
  let next = 0;
  return {
    name: String(count),
    run(operations) {
      let length = 0;
      for (let operation = 0; operation < operations; operation++) {
        length += resolve(uris[next] ?? '').pattern.length;
        next = (next + 1) % uris.length;
      }
      return length;
    },
  };
}

const ROUNDS = 41;

/** @returns the least ns of one operation in any round: what others do to the processor's caches only adds to it. */
function leastNs(contenders: readonly Contender[], count: number): number[] {
  const least = contenders.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { run }] of contenders.entries()) {
      const begun = performance.now();
      expect(run(count)).toBeGreaterThan(0);
      least[index] = Math.min(
        least[index] ?? Infinity,
        ((performance.now() - begun) * 1e6) / count,
      );
    }
  }
  return least;
}

it('resolves among 10,000 patterns in at most 5 times the time for 10 [REG-SCALE]', () => {
  const [few = 0, many = Infinity] = leastNs([contender(10), contender(10_000)], 10_000);
  expect(few).toBeGreaterThan(0);
  expect(many).toBeLessThanOrEqual(5 * few);
});
