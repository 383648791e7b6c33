import { afterEach, describe, expect, it } from 'vitest';

import { ResourceCache } from '../../src/cache/resource-cache.ts';
import { loadAddon } from '../../src/native/addon.ts';

const { StoreHandle } = loadAddon();
const original = Object.getOwnPropertyDescriptors(StoreHandle.prototype);

/** What the named methods of a store have returned, until the test ends. */
function recordAnswers(): [method: string, isNull: boolean][] {
  const answers: [string, boolean][] = [];
  for (const [name, { value }] of Object.entries(original)) {
    if (name === 'constructor' || typeof value !== 'function') continue;
    const method = value as (...args: unknown[]) => unknown;
    Reflect.set(StoreHandle.prototype, name, function (this: unknown, ...args: unknown[]) {
      const answer = method.apply(this, args);
      answers.push([name, answer === null]);
      return answer;
    });
  }
  return answers;
}

afterEach(() => {
  Object.defineProperties(StoreHandle.prototype, original);
});

describe('a load of what a native store has', () => {
  it('makes no call where the near map has it too [HIT-NO-CROSSING]', async () => {
    using cache = new ResourceCache({ storage: 'native', ttlMs: 3_600_000 });
    cache.set('mem://a', { text: 'a' });
    await cache.load('mem://a');
    const answers = recordAnswers();
    for (let n = 0; n < 1_000; n++) await cache.load('mem://a');
    expect(answers).toEqual([]);
  });

  it('has the value handed over once where the near map has not [HIT-NO-CROSSING]', async () => {
    using cache = new ResourceCache({ storage: 'native', nearEntries: 0 });
    cache.set('mem://a', { text: 'a' });
    const answers = recordAnswers();
    expect(await cache.load('mem://a')).toEqual({ text: 'a' });
    expect(answers).toEqual([
      ['lastKnown', true],
      ['get', false],
    ]);
  });
});
