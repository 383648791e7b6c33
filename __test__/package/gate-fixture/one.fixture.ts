import { expect, it } from 'vitest';

it('proves the first [FIXTURE-ONE]', () => {
  expect(1).toBe(1);
});
