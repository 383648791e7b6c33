import { expect, it } from 'vitest';

it('cites what is not listed [FIXTURE-THREE]', () => {
  expect(3).toBe(3);
});
