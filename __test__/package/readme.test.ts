import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ROOT, runProgram } from '../support/run-program.ts';

const FOLDER = path.join(ROOT, '.setup/readme');
const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
const snippets = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ''], index) => ({
  name: `snippet-${index + 1}`,
  code,
}));

// Below the project, so that `mcp-granary` is the package itself, as built in dist.
beforeAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const { name, code } of snippets) writeFileSync(path.join(FOLDER, `${name}.ts`), code);
  const config = {
    extends: '../../tsconfig.json',
    compilerOptions: { noEmit: false, rootDir: '.', outDir: 'out', noUnusedLocals: false },
    include: ['*.ts'],
  };
  writeFileSync(path.join(FOLDER, 'tsconfig.json'), JSON.stringify(config));
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const run = await runProgram(process.execPath, [tsc, '-p', FOLDER]);
  if (run.code !== 0) throw new Error(`the snippets do not compile:\n${run.stdout}`);
});

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe('README', () => {
  it.each([
    'ResourceCache',
    'ResourceManager',
    'serveResources',
    'cacheServer',
    'new CachingTransport(',
    'CachingTransport.http(',
    'CachingTransport.stateless(',
    'CachingTransport.handler(',
    'createMcpHandler',
    'GranaryResponseCacheStore',
    "storage: 'native', name:",
    'GranaryKeyvStore',
    'granaryDriver',
    'RedisTier',
  ])('shows %s by an example [README-SNIPPETS]', (name) => {
    expect(snippets.filter(({ code }) => code.includes(name))).not.toEqual([]);
  });

  it.each(snippets)('has a $name that runs [README-SNIPPETS]', async ({ name }) => {
    const run = await runProgram(process.execPath, [path.join(FOLDER, 'out', `${name}.js`)]);
    expect(run.code, run.stderr).toBe(0);
  });

  it('names the two commands', () => {
    expect(readme).toContain('npm run demo');
    expect(readme).toContain('npm test');
  });
});
