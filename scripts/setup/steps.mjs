import { chmodSync, existsSync, rmSync } from 'node:fs';
import path from 'node:path';

import { runTool } from './command.mjs';
import { packagesAreInstalled } from './packages.mjs';
import { checkRedis, installRedis, redisIsInstalled } from './redis.mjs';
import { Stamp, filesBelow } from './stamp.mjs';
import { checkRust } from './toolchain.mjs';

const ADDON_FOLDER = 'crates/binding';
const GENERATED = ['binding.cjs', 'binding.d.cts'].map((name) => `${ADDON_FOLDER}/${name}`);

function words(text) {
  return text.split(/\s+/);
}

/** A step whose staleness a stamp tells. */
function stamped(name, { inputs, outputs, run, ...rest }) {
  const files = { inputs, outputs };
  return {
    ...rest,
    isStale: (root) => !new Stamp(root, name, files).isFresh(),
    async run(root) {
      const stamp = new Stamp(root, name, files);
      const hash = stamp.hashInputs();
      await run(root);
      stamp.write(hash);
    },
  };
}

/** A step that compiles TypeScript, and leaves nothing behind of sources that are gone. */
function compiled(name, { project, rootDir, sources, outDir, inputs = [], after, ...rest }) {
  const outputs = (root) => filesBelow(root, outDir);
  return stamped(name, {
    ...rest,
    inputs: (root) => [
      ...sources.flatMap((folder) => filesBelow(root, folder, (file) => file.endsWith('.ts'))),
      'package-lock.json',
      'package.json',
      'tsconfig.json',
      project,
      ...inputs,
    ],
    outputs,
    async run(root) {
      await runTool(root, 'tsc', ['-p', project]);
      for (const file of outputs(root)) {
        const source = file.slice(outDir.length + 1).replace(/\.(d\.ts|js)(\.map)?$/, '.ts');
        if (!existsSync(path.join(root, rootDir, source))) rmSync(path.join(root, file));
      }
      after?.(root);
    },
  });
}

function isRust(file) {
  return !file.endsWith('.node') && !GENERATED.includes(file);
}

function isRustSource(file) {
  return isRust(file) && !/\/(tests|benches|examples)\//.test(file);
}

const PROGRAM_EXTENSION = process.platform === 'win32' ? '.exe' : '';

export const STEPS = {
  packages: {
    doing: 'installing npm packages',
    done: 'npm packages installed',
    isStale: (root) => !packagesAreInstalled(root),
    // Not `npm ci`: it refuses a lock file that lacks an optional build for some other platform, and
    // a mirror of the registry may have those missing. Like it, this installs what the lock says and
    // leaves the lock alone. NODE_ENV=production would leave out the tools that all here needs.
    run: (root) =>
      runTool(
        root,
        'npm',
        words(`install --no-save --include=dev --prefer-offline
      --no-audit --no-fund --loglevel=error`),
      ),
  },

  // Compiles nothing: for commands that call cargo themselves.
  rust: { verify: checkRust, isStale: () => false },

  redis: {
    doing: 'installing Redis',
    done: 'Redis installed',
    isStale: () => !redisIsInstalled(),
    check: checkRedis,
    run: installRedis,
  },

  addon: stamped('addon', {
    doing: 'building the native addon (about a minute the first time)',
    done: 'native addon built',
    needs: ['packages'],
    check: checkRust,
    inputs: (root) => ['Cargo.toml', 'Cargo.lock', ...filesBelow(root, 'crates', isRustSource)],
    outputs: (root) => [
      ...GENERATED,
      ...filesBelow(root, ADDON_FOLDER, (file) => file.endsWith('.node')),
    ],
    run: (root) =>
      runTool(
        root,
        'napi',
        words(`build --platform --release
      --manifest-path ${ADDON_FOLDER}/Cargo.toml --output-dir ${ADDON_FOLDER}
      --js binding.cjs --dts binding.d.cts`),
      ),
  }),

  'crate-tests': stamped('crate-tests', {
    doing: 'building the tests of the crates',
    done: 'tests of the crates built',
    check: checkRust,
    inputs: (root) => ['Cargo.toml', 'Cargo.lock', ...filesBelow(root, 'crates', isRust)],
    outputs: () => ['target/CACHEDIR.TAG'],
    run: (root) => runTool(root, 'cargo', ['test', '--workspace', '--no-run']),
  }),

  // What the benches run of Rust: it shares the dependencies that the addon is built of, and nothing
  // of the core's own sources, so that a change there makes it no staler.
  'bench-crates': stamped('bench-crates', {
    doing: 'building the programs of the benches',
    done: 'programs of the benches built',
    check: checkRust,
    inputs: (root) => [
      ...['Cargo.toml', 'Cargo.lock', 'crates/core/Cargo.toml'],
      ...filesBelow(root, 'crates/core/examples'),
    ],
    outputs: () => [`target/release/examples/plain_tinylfu${PROGRAM_EXTENSION}`],
    run: (root) =>
      runTool(
        root,
        'cargo',
        words(`build --release --target-dir target --package granary-core
      --example plain_tinylfu`),
      ),
  }),

  dist: compiled('dist', {
    doing: 'compiling src to dist',
    done: 'dist compiled',
    needs: ['addon'],
    project: 'tsconfig.build.json',
    rootDir: 'src',
    sources: ['src'],
    inputs: [`${ADDON_FOLDER}/binding.d.cts`],
    outDir: 'dist',
    after(root) {
      const command = path.join(root, 'dist/cli/main.js');
      if (existsSync(command)) chmodSync(command, 0o755);
    },
  }),

  programs: compiled('programs', {
    doing: 'compiling bench, demo and examples',
    done: 'bench, demo and examples compiled',
    needs: ['dist'],
    project: 'tsconfig.programs.json',
    rootDir: '.',
    sources: ['bench', 'conformance', 'demo', 'examples', 'src'],
    outDir: '.setup/programs',
  }),
};

export const ALIASES = { build: ['addon', 'dist'] };
