import { expect, it } from 'vitest';
import { benchPatterns, benchUris } from '../../bench/registry/patterns.ts';
import { granaryResolver } from '../../bench/registry/resolvers.ts';
import { medianNs, type Contender } from '../../bench/rounds.ts';

function contender(count: number): Contender {
  const patterns = benchPatterns(count);
  const uris = benchUris(patterns, 2_003);
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

it('resolves among 10,000 patterns in at most 5 times the time for 10 [REG-SCALE]', () => {
  const medians = medianNs([contender(10), contender(10_000)], { rounds: 11, roundMs: 20 });
  const [few, many] = [...medians.values()];
  expect(few).toBeGreaterThan(0);
  expect(many).toBeLessThanOrEqual(5 * (few ?? 0));
});
