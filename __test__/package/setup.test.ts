import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ROOT, runProgram } from '../support/run-program.ts';

const MANIFEST = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/**
 * A project of its own with the set-up script of this one: the tools that its steps call are
 * scripts that write down that they ran, so a test sees which steps ran without a minute of work.
 */
let project: string;

beforeEach(() => {
  project = mkdtempSync(path.join(tmpdir(), 'granary-setup-'));
  cpSync(path.join(ROOT, 'scripts'), path.join(project, 'scripts'), { recursive: true });
  for (const file of ['package.json', 'package-lock.json', 'Cargo.toml', 'tsconfig.json']) {
    cpSync(path.join(ROOT, file), path.join(project, file));
  }
  write('src/index.ts', 'export {};\n');
  write('crates/core/src/lib.rs', '');
  tool(
    'napi',
    'mkdir -p crates/binding; for f in binding.cjs binding.d.cts granary.node; do : > crates/binding/$f; done',
  );
  tool('tsc', 'mkdir -p dist/cli; : > dist/index.js; : > dist/gone.js');
  const installed = JSON.parse(readFileSync(path.join(project, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>;
  };
  write('node_modules/.package-lock.json', JSON.stringify(installed));
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

function write(file: string, content: string): void {
  mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
  writeFileSync(path.join(project, file), content);
}

/** A tool that adds its name to ran.txt, then does what `script` says. */
function tool(name: string, script: string): void {
  write(`node_modules/.bin/${name}`, `#!/bin/sh\necho ${name} >> ran.txt\n${script}\n`);
  chmodSync(path.join(project, 'node_modules/.bin', name), 0o755);
}

/** The tools that ran since this was asked last. */
function ran(): string[] {
  const file = path.join(project, 'ran.txt');
  if (!existsSync(file)) return [];
  const names = readFileSync(file, 'utf8').trim().split('\n');
  rmSync(file);
  return names;
}

function setUp(args: string[], env: Record<string, string> = {}, nodeArgs: string[] = []) {
  const script = path.join(project, 'scripts/setup.mjs');
  return runProgram(process.execPath, [...nodeArgs, script, ...args], env, project);
}

/** A PATH on which there is nothing but the programs given, as scripts. */
function pathWith(programs: Record<string, string>): { PATH: string } {
  const bin = mkdtempSync(path.join(project, 'bin-'));
  symlinkSync('/bin/sh', path.join(bin, 'sh'));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return { PATH: bin };
}

const RUST = { rustc: 'echo "rustc 1.95.0 (abc 2026-01-01)"', cargo: 'echo "cargo 1.95.0"' };

describe('set-up', () => {
  it('runs what is stale, says so on stderr, and is silent when nothing is [SETUP-PROGRESS]', async () => {
    const first = await setUp(['build']);
    expect(first).toMatchObject({ code: 0, stdout: '' });
    expect(ran()).toEqual(['napi', 'tsc']);
    expect(first.stderr).toMatch(/^set-up: building the native addon .+…$/m);
    expect(first.stderr).toMatch(/^set-up: native addon built in \d+\.\d s$/m);
    expect(first.stderr).toMatch(/^set-up: dist compiled in \d+\.\d s$/m);
    expect(await setUp(['build'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(ran()).toEqual([]);
  });

  it.each([
    ['a Rust source changes', () => write('crates/core/src/lib.rs', '// new'), ['napi']],
    ['a Rust test changes', () => write('crates/core/tests/a.rs', '// new'), []],
    ['a TypeScript source appears', () => write('src/new.ts', 'export {};'), ['tsc']],
    [
      'the addon is gone',
      () => rmSync(path.join(project, 'crates/binding/granary.node')),
      ['napi'],
    ],
    [
      'the loader is edited by hand',
      () => write('crates/binding/binding.cjs', '// mine'),
      ['napi'],
    ],
    ['dist is gone', () => rmSync(path.join(project, 'dist'), { recursive: true }), ['tsc']],
    ['a source is only touched', () => write('src/index.ts', 'export {};\n'), []],
    ['a stamp is cut short', () => write('.setup/dist.json', '{"inp'), ['tsc']],
  ])('runs only the steps concerned when %s [SETUP-STALE-ONLY]', async (_, change, tools) => {
    await setUp(['build']);
    ran();
    change();
    expect(await setUp(['build'])).toMatchObject({ code: 0 });
    expect(ran()).toEqual(tools);
  });

  it('installs packages when node_modules is not what the lock says [SETUP-STALE-ONLY]', async () => {
    const npm = pathWith({ npm: `echo "npm $*" >> ran.txt` });
    await setUp(['packages'], npm);
    expect(ran()).toEqual([]);
    write('node_modules/.package-lock.json', '{ "packages": {} }');
    await setUp(['packages'], npm);
    expect(ran()).toEqual([expect.stringMatching(/^npm install --no-save --include=dev /)]);
  });

  it('leaves nothing in dist of a source that is gone [SETUP-STALE-ONLY]', async () => {
    await setUp(['build']);
    expect(existsSync(path.join(project, 'dist/index.js'))).toBe(true);
    expect(existsSync(path.join(project, 'dist/gone.js'))).toBe(false);
  });

  it('runs a step that failed again, and no command after it [SETUP-EXIT-CODE]', async () => {
    tool('tsc', 'exit 2');
    const failing = await setUp(['build', '--', 'node', '-e', 'console.log("ran")']);
    expect(failing).toMatchObject({ code: 1, stdout: '' });
    expect(failing.stderr).toMatch(/^set-up: tsc -p tsconfig\.build\.json failed \(code 2\)\.$/m);
    expect(ran()).toEqual(['napi', 'tsc']);
    await setUp(['build']);
    expect(ran()).toEqual(['tsc']);
  });

  it('hands arguments, exit code and signals through [SETUP-EXIT-CODE]', async () => {
    const code = 'console.log(process.argv.slice(1).join()); process.exitCode = 7';
    const run = await setUp(['--', 'node', '-e', code, 'a b', '--', 'c']);
    expect(run).toMatchObject({ code: 7, stdout: 'a b,--,c\n', stderr: '' });
    const ended = await setUp([
      '--',
      'node',
      '-e',
      'process.kill(process.ppid, "SIGTERM"); setTimeout(() => {}, 1e5)',
    ]);
    expect(ended).toMatchObject({ code: null, signal: 'SIGTERM' });
    const missing = await setUp(['--', 'no-such-program']);
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no-such-program does not start') as string,
    });
  });

  it('does the work once when several start together [SETUP-CONCURRENT]', async () => {
    tool(
      'napi',
      'sleep 0.3; mkdir -p crates/binding; for f in binding.cjs binding.d.cts granary.node; do : > crates/binding/$f; done',
    );
    const runs = await Promise.all([1, 2, 3, 4].map(() => setUp(['build'])));
    expect(runs.map((run) => run.code)).toEqual([0, 0, 0, 0]);
    expect(ran()).toEqual(['napi', 'tsc']);
    expect(existsSync(path.join(project, '.setup/lock'))).toBe(false);
  });

  it('takes over the lock of a set-up that was killed [SETUP-CONCURRENT]', async () => {
    const gone = await runProgram(process.execPath, ['-p', 'process.pid']);
    write('.setup/lock', gone.stdout.trim());
    const runs = await Promise.all([1, 2, 3].map(() => setUp(['build'])));
    expect(runs.map((run) => run.code)).toEqual([0, 0, 0]);
    expect(ran()).toEqual(['napi', 'tsc']);
  });

  it('takes over locks that were left half-done [SETUP-CONCURRENT]', async () => {
    const gone = await runProgram(process.execPath, ['-p', 'process.pid']);
    const minuteAgo = Date.now() / 1_000 - 60;
    for (const [lock, takeover] of [
      ['', undefined],
      [gone.stdout.trim(), gone.stdout.trim()],
    ] as const) {
      write('.setup/lock', lock);
      utimesSync(path.join(project, '.setup/lock'), minuteAgo, minuteAgo);
      if (takeover !== undefined) {
        write('.setup/lock-takeover', takeover);
        utimesSync(path.join(project, '.setup/lock-takeover'), minuteAgo, minuteAgo);
      }
      write('.setup/addon.json', '{}');
      expect((await setUp(['build'])).code).toBe(0);
      expect(existsSync(path.join(project, '.setup/lock-takeover'))).toBe(false);
    }
  });

  it('names the steps there are when asked for another', async () => {
    const run = await setUp(['biuld']);
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('no step is called "biuld"; there are build, packages,');
  });
});

describe('what this machine lacks', () => {
  it.each(['18.20.1', '20.16.0', '12.22.12'])(
    'Node %s is too old [SETUP-NODE]',
    async (version) => {
      const fake = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
      const run = await setUp(['build'], {}, ['--import', `data:text/javascript,${fake}`]);
      expect(run.code).toBe(1);
      expect(run.stderr).toContain(`Node ${version} is too old, this package needs Node 20.17`);
      expect(run.stderr).toContain('https://nodejs.org/en/download');
      expect(ran()).toEqual([]);
    },
  );

  it.each(Object.keys(RUST))('Rust is missing: no %s [SETUP-RUST]', async (missing) => {
    const run = await setUp(
      ['build'],
      pathWith(Object.fromEntries(Object.entries(RUST).filter(([name]) => name !== missing))),
    );
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(`Rust is missing: ${missing} is not on the PATH`);
    expect(run.stderr).toContain('Get Rust 1.95 or newer from https://rustup.rs');
    expect(ran()).toEqual([]);
  });

  it('Rust is too old [SETUP-RUST]', async () => {
    const run = await setUp(['build'], pathWith({ ...RUST, rustc: 'echo "rustc 1.94.1 (abc)"' }));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('Rust is too old (rustc 1.94.1 (abc))');
    expect(run.stderr).toContain('rustup update stable');
  });

  it('the C linker is missing [SETUP-LINKER]', async () => {
    const run = await setUp(['build'], pathWith(RUST));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('a C linker is missing: cc is not on the PATH');
    expect(run.stderr).toMatch(/apt-get install build-essential|xcode-select --install/);
    expect(ran()).toEqual([]);
  });

  it('Redis is missing, and set-up may not install it', async () => {
    const run = await setUp(['redis', '--', 'node', '-e', ''], pathWith({}));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('Redis is missing: redis-server is not on the PATH');
    expect(run.stderr).toContain('sudo apt-get install redis-server');
  });

  it.runIf(process.getuid?.() === 0)('Redis is missing, and set-up installs it once', async () => {
    const bin = pathWith({
      'apt-get': `
        echo "apt-get $*" >> ran.txt
        case "$*" in *install*) echo '#!/bin/sh' > "$PATH_OF_IT/redis-server"; esac
        /bin/chmod -f 755 "$PATH_OF_IT/redis-server"; exit 0`,
    });
    const env = { ...bin, PATH_OF_IT: bin.PATH };
    expect(await setUp(['redis'], env)).toMatchObject({ code: 0, stdout: '' });
    expect(ran()).toEqual([
      'apt-get --version',
      'apt-get --quiet=2 --yes update',
      'apt-get --quiet=2 --yes install --no-install-recommends redis-server',
    ]);
    expect(await setUp(['redis'], env)).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(path.join(project, 'ran.txt'))).toBe(false);
  });

  it('nothing of it is asked for while the addon is fresh', async () => {
    await setUp(['build']);
    expect(await setUp(['build'], pathWith({}))).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('npm scripts', () => {
  const scripts = Object.entries(MANIFEST.scripts);

  it.each(scripts)('%s goes through set-up [SETUP-EVERY-SCRIPT]', (_, script) => {
    for (const part of script.split('&&'))
      expect(part.trim()).toMatch(/^node scripts\/setup\.mjs /);
  });

  it('include all that the project promises', () => {
    expect(Object.keys(MANIFEST.scripts)).toEqual(
      expect.arrayContaining([
        ...['demo', 'test', 'test:deep', 'check', 'build'],
        ...['bench', 'bench:hot', 'bench:hit-ratio', 'bench:gc', 'bench:workers'],
        ...['bench:registry', 'bench:memory', 'bench:tiers', 'bench:tables'],
      ]),
    );
  });
});
