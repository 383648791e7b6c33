import { describe, expect, it } from 'vitest';

import { runCrateTests } from '../support/crate-tests.ts';

// Under this flag clock and version words use loom's atomics, and the crate has only the tests that loom runs, each
// over every order in which its threads can interleave.
const { tests, code, output } = await runCrateTests(['--package', 'granary-core', '--release'], {
  RUSTFLAGS: '--cfg loom',
  // Other flags would make every ordinary build start anew.
  CARGO_TARGET_DIR: 'target/loom',
  CARGO_PROFILE_RELEASE_LTO: 'off',
});

describe('loom', () => {
  it('finds no order of threads that breaks a promise [DEEP-CLOCK]', () => {
    expect(tests.length, output).toBeGreaterThan(0);
    expect(code, output).toBe(0);
  });

  for (const { name, outcome, ids } of tests) {
    it(`${name} ${ids.map((id) => `[${id}]`).join(' ')}`, () => {
      expect(outcome).toBe('ok');
    });
  }
});
