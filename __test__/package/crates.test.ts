import { describe, expect, it } from 'vitest';

import { runCrateTests } from '../support/crate-tests.ts';

// One run of `cargo test`, each of its tests a test here: so they are counted, and may cite
// requirements, by modules called req_….
const { tests, code, output } = await runCrateTests();

describe('cargo test', () => {
  it('runs the tests of the core, and all pass [PROJECT-CORE-TESTS]', () => {
    expect(tests.length, output).toBeGreaterThan(10);
    expect(code, output).toBe(0);
  });

  it.each(
    tests.map(({ name, outcome, ids }) => ({
      name,
      outcome,
      cited: ids.map((id) => `[${id}]`).join(' '),
    })),
  )('$name $cited', ({ outcome }) => {
    expect(outcome).toBe('ok');
  });
});
