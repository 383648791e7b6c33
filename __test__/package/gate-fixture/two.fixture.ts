import { describe, expect, it } from 'vitest';

describe('two', () => {
  it('proves the second, and a part of the deep one [FIXTURE-TWO, FIXTURE-DEEP]', () => {
    expect(2).toBe(2);
  });
});
