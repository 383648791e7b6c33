import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import ts from 'typescript';
import { describe, expect, it } from 'vitest';

import { ROOT, runProgram } from '../support/run-program.ts';
import { sourceImports } from '../support/source-imports.ts';

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(ROOT, file), 'utf8')) as Record<string, unknown>;
}

describe('package.json', () => {
  it('names the package, its kind, its Node and its licence [PROJECT-PACKAGE]', () => {
    const manifest = readJson('package.json');
    expect(manifest).toMatchObject({
      name: 'mcp-granary',
      type: 'module',
      license: 'MIT',
      engines: { node: '>=20.17' },
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './mcp': { types: './dist/mcp/index.d.ts', default: './dist/mcp/index.js' },
        './governor': {
          types: './dist/governor/index.d.ts',
          default: './dist/governor/index.js',
        },
        './redis': { types: './dist/redis/index.d.ts', default: './dist/redis/index.js' },
        './keyv': { types: './dist/keyv/index.d.ts', default: './dist/keyv/index.js' },
        './bentocache': {
          types: './dist/bentocache/index.d.ts',
          default: './dist/bentocache/index.js',
        },
      },
    });
    expect(readFileSync(path.join(ROOT, 'LICENSE'), 'utf8')).toContain('MIT License');
  });
});

describe('tsconfig', () => {
  it.each(['tsconfig.json', 'tsconfig.build.json', 'tsconfig.programs.json'])(
    'is strict in %s [PROJECT-STRICT]',
    (file) => {
      const config = ts.getParsedCommandLineOfConfigFile(path.join(ROOT, file), undefined, {
        ...ts.sys,
        onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
          throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
        },
      });
      expect(config?.options).toMatchObject({
        strict: true,
        noUncheckedIndexedAccess: true,
        exactOptionalPropertyTypes: true,
        erasableSyntaxOnly: true,
        verbatimModuleSyntax: true,
      });
    },
  );
});

describe('package-lock.json', () => {
  it('holds no addresses of a registry [PROJECT-LOCK]', () => {
    const lock = readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8');
    expect(lock).not.toMatch(/"resolved"/);
    expect(readFileSync(path.join(ROOT, '.npmrc'), 'utf8')).toContain(
      'omit-lockfile-registry-resolved=true',
    );
  });
});

describe('layers of src', () => {
  /** From the top down; folders of one layer may import each other in one direction. */
  const LAYERS = [
    ['cli'],
    ['proxy'],
    ['mcp', 'files'],
    ['redis', 'keyv', 'bentocache'],
    ['adapters'],
    ['manager'],
    ['tiers', 'governor'],
    ['cache', 'registry', 'events'],
    ['native'],
    [''],
  ];
  const imports = sourceImports();
  const folderOf = (file: string) => (file.includes('/') ? (file.split('/')[0] ?? '') : '');
  const rankOf = (file: string) => LAYERS.findIndex((layer) => layer.includes(folderOf(file)));
  // src/index.ts is the list of public names, above what it lists.
  const inner = imports.filter(({ from, isPackage }) => !isPackage && from !== 'index.ts');

  it('are all known [PROJECT-LAYERS]', () => {
    expect(imports.filter(({ from }) => rankOf(from) === -1)).toEqual([]);
    expect(inner.length).toBeGreaterThan(10);
  });

  it('import downwards only [PROJECT-LAYERS]', () => {
    const local = inner.filter(({ to }) => !to.startsWith('../'));
    expect(local.filter(({ from, to }) => rankOf(from) > rankOf(to) || to === 'index.ts')).toEqual(
      [],
    );
    const pairs = new Set(local.map(({ from, to }) => `${folderOf(from)} ${folderOf(to)}`));
    const mutual = local.filter(
      ({ from, to }) =>
        folderOf(from) !== folderOf(to) && pairs.has(`${folderOf(to)} ${folderOf(from)}`),
    );
    expect(mutual).toEqual([]);
  });

  it('leave src only for the generated loader, from native [PROJECT-LAYERS]', () => {
    const outside = inner.filter(({ to }) => to.startsWith('../'));
    expect(outside.filter(({ from }) => folderOf(from) !== 'native')).toEqual([]);
    expect(outside.filter(({ to }) => !to.startsWith('../crates/binding/binding.'))).toEqual([]);
  });

  it('know the MCP SDK in mcp alone [PROJECT-LAYERS]', () => {
    const sdk = imports.filter(({ to }) => to.startsWith('@modelcontextprotocol/'));
    expect(sdk.filter(({ from }) => folderOf(from) !== 'mcp')).toEqual([]);
    const fromIndex = imports
      .filter(({ from }) => from === 'index.ts')
      .map(({ to }) => folderOf(to));
    for (const folder of ['mcp', 'governor', 'redis', 'keyv', 'bentocache', 'proxy', 'cli']) {
      expect(fromIndex).not.toContain(folder);
    }
  });
});

describe('optional peers', () => {
  it('are each imported by its own entry alone [PROJECT-LAYERS]', () => {
    const { peerDependencies, peerDependenciesMeta } = readJson('package.json');
    const homes: Readonly<Record<string, string>> = {
      '@modelcontextprotocol/client': 'mcp/',
      '@modelcontextprotocol/sdk': 'mcp/',
      '@modelcontextprotocol/server': 'mcp/',
      bentocache: 'bentocache/',
      keyv: 'keyv/',
      redis: 'redis/',
    };
    expect(Object.keys(peerDependencies as object)).toEqual(Object.keys(homes));
    expect(peerDependenciesMeta).toEqual(
      Object.fromEntries(Object.keys(homes).map((peer) => [peer, { optional: true }])),
    );
    for (const [peer, home] of Object.entries(homes)) {
      const foreign = sourceImports().filter(
        ({ from, to }) => (to === peer || to.startsWith(`${peer}/`)) && !from.startsWith(home),
      );
      expect(foreign).toEqual([]);
    }
  });
});

describe('crates/core', () => {
  it('depends on no N-API, directly or not [PROJECT-CORE-PURE]', () => {
    const tree = execFileSync(
      'cargo',
      ['tree', '--package', 'granary-core', '--edges', 'normal,build', '--prefix', 'none'],
      { cwd: ROOT, encoding: 'utf8' },
    );
    expect(tree).toMatch(/^granary-core v/);
    expect(tree).not.toMatch(/^(napi|neon|node-)/m);
  });
});

describe('.ci/run', () => {
  async function runWith(npm: string) {
    const bin = mkdtempSync(path.join(tmpdir(), 'granary-ci-'));
    try {
      writeFileSync(path.join(bin, 'npm'), `#!/bin/sh\necho "$*"\n${npm}\n`, { mode: 0o755 });
      return await runProgram(path.join(ROOT, '.ci/run'), [], {
        PATH: `${bin}:${process.env['PATH']}`,
      });
    } finally {
      rmSync(bin, { recursive: true, force: true });
    }
  }

  it('runs check, test and test:deep [CI-RUN]', async () => {
    const run = await runWith('');
    expect(run).toMatchObject({ code: 0, stdout: 'run check\ntest\nrun test:deep\n' });
  });

  it('ends with the first that fails [CI-RUN]', async () => {
    const run = await runWith('test "$1" != test');
    expect(run).toMatchObject({ code: 1, stdout: 'run check\ntest\n' });
  });
});
