// All that CI checks besides the tests. Runs every check, also after one has failed, and names the
// failed ones at the end.

import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { runTool } from './setup/command.mjs';
import { SetupError } from './setup/report.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const GENERATED = ['crates/binding/binding.cjs', 'crates/binding/binding.d.cts'];

const CHECKS = {
  'format of TypeScript': tool('oxfmt', '--check', '.'),
  'format of Rust': tool('cargo', 'fmt', '--all', '--check'),
  'lint of TypeScript': tool('oxlint'),
  'lint of Rust': tool(
    ...['cargo', 'clippy', '--quiet', '--workspace', '--all-targets', '--', '-D', 'warnings'],
  ),
  types: tool('tsc', '-p', 'tsconfig.json'),
  'unused files, exports and dependencies': tool('knip'),
  // Set-up has just built the addon, so a loader that differs from the committed one is stale.
  'committed addon loader': tool('git', 'diff', '--exit-code', '--stat', '--', ...GENERATED),
  'lock file without registry addresses': checkLock,
  package: checkPackage,
  'bench tables': tool('node', '.setup/programs/bench/tables/main.js', '--check'),
};

function tool(program, ...args) {
  return () => runTool(root, program, args);
}

function checkLock() {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  const located = Object.keys(packages).filter((name) => packages[name].resolved !== undefined);
  if (located.length > 0) {
    throw new SetupError(
      `package-lock.json names registry addresses, of ${located.slice(0, 3).join(', ')} and others.\n` +
        'Make it anew under this .npmrc: rm package-lock.json && npm install --package-lock-only',
    );
  }
}

async function checkPackage() {
  const folder = mkdtempSync(path.join(tmpdir(), 'granary-pack-'));
  try {
    // Set-up has built what is packed; prepack would only ask it again.
    await runTool(root, 'npm', [
      'pack',
      '--silent',
      '--ignore-scripts',
      '--pack-destination',
      folder,
    ]);
    const tarball = path.join(folder, readdirSync(folder)[0]);
    await runTool(root, 'publint', ['--strict', tarball]);
    await runTool(root, 'attw', ['--profile', 'esm-only', tarball]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const failed = [];
for (const [name, check] of Object.entries(CHECKS)) {
  const start = performance.now();
  try {
    await check();
    console.log(`ok      ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(`FAILED  ${name}: ${error.message}`);
    failed.push(name);
  }
}
if (failed.length > 0) {
  console.log(
    `\n${failed.length} of ${Object.keys(CHECKS).length} checks failed: ${failed.join('; ')}`,
  );
  process.exitCode = 1;
}
