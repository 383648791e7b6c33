import keyvTestSuite, { keyvIteratorTests } from '@keyv/test-suite';
import { Keyv } from 'keyv';
import * as vitest from 'vitest';

import { ResourceCache } from '../../src/index.ts';
import { GranaryKeyvStore } from '../../src/keyv/index.ts';

const { afterAll, describe, expect, it } = vitest;

describe.each(['heap', 'native'] as const)('@keyv/test-suite over storage %s', (storage) => {
  // One for all of its stores: what one of them does must show in the others, and stay out of theirs.
  const cache = new ResourceCache({ storage });
  const store = () => new GranaryKeyvStore({ cache });
  let registered = 0;
  const counting: typeof vitest = {
    ...vitest,
    it: Object.assign((...args: Parameters<typeof it>) => {
      registered++;
      it(...args);
    }, it),
  };

  afterAll(() => cache.close());

  describe('stores [KEYV-SUITE]', () => keyvTestSuite(counting, Keyv, store));

  describe('iterates [KEYV-SUITE]', () => keyvIteratorTests(counting, Keyv, store));

  it('is all of it [KEYV-SUITE]', () => {
    expect(registered).toBe(38 + 4);
  });
});
