import { describe, expect, it } from 'vitest';

import { runCrateTests } from '../support/crate-tests.ts';
import { runProgram } from '../support/run-program.ts';

// The sanitizer is an unstable flag of rustc. --target keeps it out of build scripts and macros,
// which run on this machine without its runtime.
const HOST = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const TARGET = process.platform === 'darwin' ? `${HOST}-apple-darwin` : `${HOST}-unknown-linux-gnu`;
const FLAGS = '-Zsanitizer=address';

const nightly = await runProgram('rustc', ['--version'], { RUSTUP_TOOLCHAIN: 'nightly' }).catch(
  (error: unknown) => ({ code: null, stdout: '', stderr: String(error) }),
);

describe('address sanitizer', () => {
  it('has the nightly Rust that it needs', () => {
    expect(
      nightly.code,
      `${nightly.stderr}\nGet it with: rustup toolchain install nightly --profile minimal`,
    ).toBe(0);
  });
});

const { tests, code, output } =
  nightly.code === 0
    ? await runCrateTests(['--workspace', '--target', TARGET], {
        RUSTUP_TOOLCHAIN: 'nightly',
        RUSTFLAGS: FLAGS,
        RUSTDOCFLAGS: FLAGS,
        // Other flags would make every ordinary build start anew.
        CARGO_TARGET_DIR: 'target/asan',
        // Without optimising, some tests take minutes; with the release profile, no symbols are left.
        CARGO_PROFILE_DEV_OPT_LEVEL: '2',
        // Tests of hundreds of cases run several times as long.
        PROPTEST_CASES: '32',
      })
    : { tests: [], code: null, output: 'not run: there is no nightly Rust' };

describe('under address sanitizer', () => {
  it('the tests of the crates touch no memory that is not theirs [DEEP-ADDRESS-SANITIZER]', () => {
    expect(tests.length, output).toBeGreaterThan(0);
    expect(output).not.toMatch(/ERROR: (Address|Leak)Sanitizer/);
    expect(code, output).toBe(0);
  });

  for (const { name, outcome } of tests) {
    it(`${name}, with the sanitizer`, () => {
      expect(outcome).toBe('ok');
    });
  }
});
