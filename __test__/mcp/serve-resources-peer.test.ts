import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ROOT, runProgram } from '../support/run-program.ts';

/** A program that serves, on whatever looks like a server of the SDK, and prints why it could not. */
const PROGRAM = `
import { ResourceManager } from 'mcp-granary';
import { serveResources } from 'mcp-granary/mcp';
const manager = new ResourceManager();
manager.register('a://{x}', () => 'read without the SDK', { public: true });
console.log((await manager.read('a://1')).contents[0].text);
try {
  await serveResources({ setRequestHandler() {} }, manager);
} catch ({ code, message, data }) {
  console.log(JSON.stringify({ code, message, data }));
}
manager.close();
`;

describe('without the SDK', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'granary-peer-'));
    const copy = path.join(folder, 'node_modules/mcp-granary');
    const addon = path.join('crates/binding');
    await mkdir(path.join(copy, addon), { recursive: true });
    const built = (await readdir(path.join(ROOT, addon)))
      .filter((file) => /\.(node|cjs)$/.test(file))
      .map((file) => path.join(addon, file));
    for (const item of ['package.json', 'dist', ...built]) {
      await cp(path.join(ROOT, item), path.join(copy, item), { recursive: true });
    }
    await cp(
      path.join(ROOT, 'node_modules/sorted-btree'),
      path.join(folder, 'node_modules/sorted-btree'),
      { recursive: true },
    );
    await writeFile(path.join(folder, 'program.mjs'), PROGRAM);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('all but serving works, and serving names what is missing and how to get it [MCP-PEER]', async () => {
    const { code, stdout, stderr } = await runProgram(
      process.execPath,
      ['program.mjs'],
      { NODE_PATH: '' },
      folder,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [text, failure = ''] = stdout.split('\n');
    expect(text).toBe('read without the SDK');
    expect(JSON.parse(failure)).toEqual({
      code: 'ERR_GRANARY_MISSING_PEER',
      message:
        '@modelcontextprotocol/sdk (version 1) is needed to serve resources and is not installed: ' +
        'npm install @modelcontextprotocol/sdk@1',
      data: { package: '@modelcontextprotocol/sdk' },
    });
  });
});
