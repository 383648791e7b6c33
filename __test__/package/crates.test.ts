import { describe, expect, it } from 'vitest';

import { runCrateTests } from '../support/crate-tests.ts';

// One run of `cargo test`, each of its tests a test here: so they are counted, and may cite
// requirements, by modules called req_….
const { tests, code, output } = await runCrateTests(['--workspace']);

describe('cargo test', () => {
  it('proves the core [PROJECT-CORE-TESTS]', () => {
    expect(tests.length, output).toBeGreaterThan(0);
    expect(code, output).toBe(0);
  });

  for (const { name, outcome, ids } of tests) {
    it(`${name} ${ids.map((id) => `[${id}]`).join(' ')}`, () => {
      expect(outcome).toBe('ok');
    });
  }
});
