import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ROOT, runProgram } from '../support/run-program.ts';

/** Half of it on the machine that it was written on. */
const DEMO_MS = 120_000;

/** All that is to be built, and the tests that are run then. */
const TEST_MS = 900_000;

/**
 * Tests that need what the set-up makes: the addon, dist, compiled programs, binaries of the crates and
 * Redis. All tests run in whoever's clone this file runs in; a second time would show nothing more.
 */
const NEEDING_SET_UP = [
  '__test__/native/addon-life',
  '__test__/native/store-fault',
  '__test__/package/',
  '__test__/redis/',
  '__test__/governor/top-command',
];

/** So much of what a failed run says is told. */
const LAST_LENGTH = 20_000;

/** A clone has nothing but what is committed. What comes first sets it up, as a newcomer would. */
let project: string;

beforeAll(async () => {
  project = mkdtempSync(path.join(tmpdir(), 'granary-clone-'));
  const run = await runProgram('git', ['clone', '--quiet', ROOT, project]);
  expect(run.code, run.stderr).toBe(0);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

function npm(...args: string[]) {
  return runProgram('npm', args, {}, project);
}

describe('a fresh clone', () => {
  it('runs the demo, which sets itself up and names its report [DEEP-FRESH-CLONE] [DEMO-RUN]', async () => {
    const first = await npm('run', 'demo');
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(first.stderr).toContain('set-up: npm packages installed');

    const start = performance.now();
    const second = await npm('run', 'demo');
    expect(performance.now() - start).toBeLessThan(DEMO_MS);
    expect(second.code, second.stdout + second.stderr).toBe(0);
    expect(second.stderr).not.toContain('set-up:');
    const report = /\S+\.html/.exec(second.stdout)?.[0] ?? 'no report named';
    expect(existsSync(path.resolve(project, report)), report).toBe(true);
  });

  it(
    'runs the tests, which set themselves up [DEEP-FRESH-CLONE]',
    async () => {
      const run = await npm('test', '--', ...NEEDING_SET_UP);
      expect(run.stderr).toContain('set-up: ');
      // What failed stands last on stderr, and not among all else that tests print.
      expect(run.code, run.stderr.slice(-LAST_LENGTH)).toBe(0);
      expect(run.stdout.trimEnd().split('\n').at(-1)).toMatch(/^\d+ passed, 0 failed/);
    },
    TEST_MS,
  );
});

describe('npm run check', () => {
  it('sees a fault of every kind that it looks for [CHECK-COVERS]', async () => {
    const file = (name: string) => path.join(project, name);
    const edit = (name: string, change: (content: string) => string) =>
      writeFileSync(file(name), change(readFileSync(file(name), 'utf8')));

    // Unformatted, linted (no-var), mistyped, and used by nobody.
    writeFileSync(file('__test__/support/faulty.ts'), 'export var  count: string = 1\n');
    // Unformatted, and against clippy::ptr_arg.
    writeFileSync(
      file('crates/core/tests/faulty.rs'),
      '//! Faulty.\nfn length( v: &Vec<u8> ) -> usize { v.len() }\n#[test]\nfn is_long() { assert_eq!(length(&vec![1]), 1); }\n',
    );
    appendFileSync(file('crates/binding/binding.cjs'), '// edited by hand\n');
    const commit = [
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b',
      'commit',
      '--quiet',
      '-am',
      'edit',
    ];
    await runProgram('git', commit, {}, project);
    edit('package-lock.json', (lock) =>
      lock.replace('"integrity":', '"resolved": "https://registry.invalid/a.tgz",\n"integrity":'),
    );
    edit('README.md', (readme) =>
      readme.replace('<!-- results:headlines -->', '<!-- results:headlines -->\nedited by hand'),
    );
    edit('package.json', (manifest) =>
      manifest.replace('"type":', '"main": "./dist/none.js",\n"type":'),
    );

    const run = await npm('run', 'check');
    expect(run.code).toBe(1);
    const verdicts = run.stdout.split('\n').filter((line) => /^(ok|FAILED) /.test(line));
    expect(verdicts.length, run.stdout + run.stderr).toBe(10);
    expect(verdicts.filter((line) => line.startsWith('ok'))).toEqual([]);
  });
});
