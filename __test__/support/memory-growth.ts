import { PACKAGE_URL, runModule } from './child-module.ts';

/**
 * Runs `body` in a process of its own and returns what it gives to `report`.
 *
 * It finds `ResourceCache`; `text(length, index)`, a string of its own of so many characters;
 * `random()`, the same numbers in every run; `rss()`, the resident bytes, least of several looks
 * after collections. The young generation is small, so that it adds next to nothing.
 */
export function inFreshProcess<T>(body: string): Promise<T> {
  return runModule<T>(`${PRELUDE}\n${body}`, ['--expose-gc', '--max-semi-space-size=1']);
}

const PRELUDE = `
  import { setTimeout as pause } from 'node:timers/promises';
  import { ResourceCache } from '${PACKAGE_URL}';

  // Not out of a Buffer: those are freed by collections, after the store has asked the allocator.
  const text = (length, index) => (index + '-').padEnd(length, 'abcdefghij');
  let state = 1;
  const random = () =>
    (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const rss = async () => {
    let least = Infinity;
    for (let look = 0; look < 5; look++) {
      gc();
      await pause(20);
      least = Math.min(least, process.memoryUsage.rss());
    }
    return least;
  };
  const report = (figures) => console.log(JSON.stringify(figures));
  const open = (options) =>
    new ResourceCache({
      storage: 'native',
      nearEntries: 0,
      maxEntries: 1_000_000,
      maxBytes: 200e6,
      ...options,
    });
  const warmUp = open();
  for (let index = 0; index < 60_000; index++) warmUp.set('warm://' + index, text(400, index));
  for (let index = 0; index < 30; index++) warmUp.set('warm://' + index, text(1e6, index));
  warmUp.clear();
  warmUp.close();
`;
