import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ROOT, runProgram } from '../support/run-program.ts';

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
};

/** An empty folder outside the project, with the packed tarball installed in it and nothing else. */
let consumer: string;
let packedFiles: string[];

beforeAll(async () => {
  consumer = mkdtempSync(path.join(tmpdir(), 'granary-consumer-'));
  const pack = await runProgram('npm', [
    ...['pack', '--ignore-scripts', '--json', '--pack-destination', consumer],
  ]);
  const [packed] = JSON.parse(pack.stdout) as [{ filename: string; files: { path: string }[] }];
  packedFiles = packed.files.map((file) => file.path);
  write('package.json', '{ "private": true }');
  await install(path.join(consumer, packed.filename));
}, 120_000);

afterAll(() => rmSync(consumer, { recursive: true, force: true }));

function write(file: string, content: string): void {
  mkdirSync(path.dirname(path.join(consumer, file)), { recursive: true });
  writeFileSync(path.join(consumer, file), content);
}

async function install(...packages: string[]): Promise<void> {
  const flags = ['--prefer-offline', '--no-audit', '--no-fund'];
  const run = await runProgram('npm', ['install', ...flags, ...packages], {}, consumer);
  expect(run.code, run.stderr).toBe(0);
}

function runNode(code: string, ...args: string[]) {
  return runProgram(process.execPath, [...args, '--eval', code], {}, consumer);
}

/** Uses the addon too, whether or not the policy does: a tarball without it must not pass. */
const USE = `
  const cache = new granary.ResourceCache({ policy: 'tinylfu', maxEntries: 1000 });
  for (let i = 0; i < 2000; i++) cache.set('file:///' + i, 'text');
  cache.sync();
  console.log(cache.size > 0 && cache.size <= 1000, cache.get('file:///1999'));
  cache.close();
`;

describe('the packed tarball in an empty folder', () => {
  it('is imported [PACK-IMPORT]', async () => {
    const run = await runNode(
      `import * as granary from 'mcp-granary'; ${USE}`,
      '--input-type=module',
    );
    expect(run).toMatchObject({ code: 0, stdout: 'true text\n', stderr: '' });
  });

  it('is required, where this Node can require ES modules [PACK-REQUIRE]', async () => {
    const run = await runNode(`const granary = require('mcp-granary'); ${USE}`);
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const able = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
    expect(run).toMatchObject(able ? { code: 0, stdout: 'true text\n' } : { code: 1 });
  });

  it('loads its MCP entry without the SDK [PACK-OPTIONAL-PEER]', async () => {
    const sdk = await runNode(`import '@modelcontextprotocol/sdk/types.js'`, '--input-type=module');
    expect(sdk.stderr).toContain('ERR_MODULE_NOT_FOUND');
    const run = await runNode(
      `import { serveResources } from 'mcp-granary/mcp'; console.log(typeof serveResources)`,
      '--input-type=module',
    );
    expect(run).toMatchObject({ code: 0, stdout: 'function\n', stderr: '' });
  });

  it('has a store for clients that works without their package [PACK-OPTIONAL-PEER]', async () => {
    const missing = await runNode(`import '@modelcontextprotocol/client'`, '--input-type=module');
    expect(missing.stderr).toContain('ERR_MODULE_NOT_FOUND');
    const run = await runNode(
      `import { GranaryResponseCacheStore } from 'mcp-granary/mcp';
       const store = new GranaryResponseCacheStore();
       store.set({ method: 'tools/list' }, { value: '{}' });
       console.log(store.get({ method: 'tools/list' }).value);`,
      '--input-type=module',
    );
    expect(run).toMatchObject({ code: 0, stdout: '{}\n', stderr: '' });
  });

  it.each([
    ['keyv', 'GranaryKeyvStore', 'new GranaryKeyvStore().set("a", "b")'],
    ['bentocache', 'granaryDriver', 'granaryDriver().factory().set("a", "b")'],
  ])(
    'loads its %s entry, and works, without the peer [PACK-OPTIONAL-PEER]',
    async (peer, name, use) => {
      const missing = await runNode(`import '${peer}'`, '--input-type=module');
      expect(missing.stderr).toContain('ERR_MODULE_NOT_FOUND');
      const run = await runNode(
        `import { ${name} } from 'mcp-granary/${peer}'; console.log(await ${use})`,
        '--input-type=module',
      );
      expect(run).toMatchObject({ code: 0, stdout: 'true\n', stderr: '' });
    },
  );

  it('brings the granary command [PACK-BIN]', async () => {
    const run = await runProgram(
      path.join(consumer, 'node_modules/.bin/granary'),
      ['--help'],
      {},
      consumer,
    );
    expect(run.stdout).toMatch(/^Usage: granary .+serve DIR/s);
    expect(run.code).toBe(0);
  });

  it('holds the addon, its loader and dist, and no sources or tests [PACK-CONTENTS]', () => {
    expect(packedFiles).toEqual(
      expect.arrayContaining([
        'dist/index.js',
        'dist/index.d.ts',
        'dist/mcp/index.js',
        'dist/governor/index.js',
        'dist/keyv/index.js',
        'dist/bentocache/index.js',
        'dist/cli/main.js',
        'crates/binding/binding.cjs',
        'proxy.schema.json',
        'LICENSE',
        'README.md',
      ]),
    );
    expect(packedFiles.filter((file) => file.endsWith('.node')).length).toBeGreaterThan(0);
    const published = [
      /^dist\/.+\.(js|js\.map|d\.ts)$/,
      /^crates\/binding\/(binding\.cjs|binding\.d\.cts|granary\.[\w-]+\.node)$/,
      /^(package\.json|proxy\.schema\.json|LICENSE|README\.md|CHANGELOG\.md)$/,
    ];
    const foreign = packedFiles.filter((file) => !published.some((form) => form.test(file)));
    expect(foreign).toEqual([]);
    expect(packedFiles.filter((file) => /test|fixture|bench/.test(file))).toEqual([]);
  });

  it('has types that compile under skipLibCheck false [PACK-TYPES]', async () => {
    await install(`@types/node@${manifest.devDependencies['@types/node']}`);
    const end = await compile(
      `import { GranaryError, ResourceCache, ResourceManager, UriRegistry } from 'mcp-granary';
       using cache = new ResourceCache<string>({ maxBytes: 1 });
       export const value: string | undefined = cache.get('file:///a');
       // @ts-expect-error the values of this cache are strings
       cache.set('file:///a', 1);
       export const used = [GranaryError, ResourceManager, UriRegistry];`,
    );
    expect(end).toMatchObject({ code: 0, stdout: '' });
  }, 120_000);

  it('has types of its MCP entry that compile beside the SDK [PACK-TYPES]', async () => {
    const sdk = '@modelcontextprotocol/sdk';
    await install(`${sdk}@${manifest.devDependencies[sdk]}`);
    const end = await compile(
      `import { ResourceManager } from 'mcp-granary';
       import { serveResources } from 'mcp-granary/mcp';
       import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
       serveResources(new McpServer({ name: 'a', version: '1' }), new ResourceManager());`,
      // The SDK's own types name HeadersInit, which is the DOM's.
      ['dom'],
    );
    expect(end).toMatchObject({ code: 0, stdout: '' });
  }, 120_000);

  it('has types of its store for clients that compile beside their package [PACK-TYPES]', async () => {
    const peer = '@modelcontextprotocol/client';
    await install(`${peer}@${manifest.devDependencies[peer]}`);
    const end = await compile(
      `import { GranaryResponseCacheStore } from 'mcp-granary/mcp';
       import { Client, type ResponseCacheStore } from '@modelcontextprotocol/client';
       const store: ResponseCacheStore & GranaryResponseCacheStore = new GranaryResponseCacheStore();
       const client = new Client({ name: 'a', version: '1' }, { responseCacheStore: store });
       const { contents } = await store.coalesce(client).readResource({ uri: 'docs://1' });
       export const uri: string | undefined = contents[0]?.uri;
       // @ts-expect-error a read needs a URI
       await store.coalesce(client).readResource({});`,
      ['dom'],
    );
    expect(end).toMatchObject({ code: 0, stdout: '' });
  }, 120_000);

  it('has types of its adapters that compile beside Keyv, and without BentoCache [PACK-TYPES]', async () => {
    await install(`keyv@${manifest.devDependencies['keyv']}`);
    const end = await compile(
      `import { granaryDriver } from 'mcp-granary/bentocache';
       import { GranaryKeyvStore } from 'mcp-granary/keyv';
       import { Keyv, type KeyvStoreAdapter } from 'keyv';
       const store: KeyvStoreAdapter = new GranaryKeyvStore({ maxEntries: 1 });
       export const keyv = new Keyv(store);
       export const text: string | undefined = granaryDriver().factory().get('a');
       // @ts-expect-error a second level answers by promises
       export const never: string | undefined = granaryDriver({ layer: 'l2' }).factory().get('a');`,
      ['dom'],
    );
    expect(end).toMatchObject({ code: 0, stdout: '' });
  }, 120_000);
});

function compile(source: string, moreLibs: string[] = []) {
  write('consumer.mts', source);
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable', ...moreLibs],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  };
  write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['consumer.mts'] }));
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  return runProgram(process.execPath, [tsc, '-p', consumer], {}, consumer);
}
