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

/** All that is to be built, and every test. */
const TEST_MS = 1_500_000;

/** Where the clones are; each has nothing but what is committed. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'granary-clone-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function clone(name: string): Promise<string> {
  const target = path.join(folder, name);
  const run = await runProgram('git', ['clone', '--quiet', ROOT, target]);
  expect(run.code, run.stderr).toBe(0);
  return target;
}

function npm(cwd: string, ...args: string[]) {
  return runProgram('npm', args, {}, cwd);
}

describe('a fresh clone', () => {
  it('runs the demo, which sets itself up and names its report [DEEP-FRESH-CLONE] [DEMO-RUN]', async () => {
    const project = await clone('demo');
    const first = await npm(project, 'run', 'demo');
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(first.stderr).toContain('set-up: npm packages installed');

    const start = performance.now();
    const second = await npm(project, 'run', 'demo');
    expect(performance.now() - start).toBeLessThan(DEMO_MS);
    expect(second.code, second.stdout + second.stderr).toBe(0);
    expect(second.stderr).not.toContain('set-up:');
    const report = /\S+\.html/.exec(second.stdout)?.[0] ?? 'no report named';
    expect(existsSync(path.resolve(project, report)), report).toBe(true);
  });

  it(
    'runs the tests, which set themselves up [DEEP-FRESH-CLONE]',
    async () => {
      const project = await clone('test');
      const run = await npm(project, 'test');
      expect(run.code, run.stdout + run.stderr).toBe(0);
      expect(run.stdout.trimEnd().split('\n').at(-1)).toMatch(/^\d+ passed, 0 failed/);
    },
    TEST_MS,
  );
});

describe('npm run check', () => {
  it('sees a fault of every kind that it looks for [CHECK-COVERS]', async () => {
    const project = await clone('check');
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

    const run = await npm(project, 'run', 'check');
    expect(run.code).toBe(1);
    const verdicts = run.stdout.split('\n').filter((line) => /^(ok|FAILED) /.test(line));
    expect(verdicts.length, run.stdout + run.stderr).toBe(10);
    expect(verdicts.filter((line) => line.startsWith('ok'))).toEqual([]);
  });
});
