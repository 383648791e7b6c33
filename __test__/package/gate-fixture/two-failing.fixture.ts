import { expect, it } from 'vitest';

it('cites the second and fails [FIXTURE-TWO]', () => {
  expect(2).toBe(3);
});
