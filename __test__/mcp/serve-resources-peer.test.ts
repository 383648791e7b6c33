import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ROOT, runProgram } from '../support/run-program.ts';

/** Serves on whatever looks like a server of either SDK, and prints why it could not. */
const SERVES = `
import { ResourceManager } from 'mcp-granary';
import { serveResources } from 'mcp-granary/mcp';
const manager = new ResourceManager();
manager.register('a://{x}', () => 'read without the SDK', { public: true });
console.log((await manager.read('a://1')).contents[0].text);
const ofVersion1 = { setRequestHandler() {} };
const ofVersion2 = { setRequestHandler() {}, getNegotiatedProtocolVersion() {} };
for (const server of [ofVersion1, { server: ofVersion2 }]) {
  try {
    await serveResources(server, manager);
  } catch ({ code, message, data }) {
    console.log(JSON.stringify({ code, message, data }));
  }
}
manager.close();
`;

/** Serves on the one SDK that there is. */
const SERVES_ON = {
  '@modelcontextprotocol/sdk': `
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
`,
  '@modelcontextprotocol/server': `
import { InMemoryTransport, McpServer } from '@modelcontextprotocol/server';
`,
} as const;

const READS = `
import { ResourceManager } from 'mcp-granary';
import { EnhancedResourceManager } from 'mcp-granary/governor';
import { cacheServer, governTools, serveResources } from 'mcp-granary/mcp';
const manager = new ResourceManager();
manager.register('a://{x}', () => 'read', { public: true });
const server = new McpServer({ name: 'served', version: '1.0.0' });
const governor = new EnhancedResourceManager();
governTools(server, governor);
cacheServer(server);
await serveResources(server, manager);
const [near, far] = InMemoryTransport.createLinkedPair();
const answers = [];
near.onmessage = ({ result }) => answers.push(result);
await server.connect(far);
const send = (id, method, params) => near.send({ jsonrpc: '2.0', ...(id && { id }), method, params });
await send(1, 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'wire', version: '1.0.0' },
});
await send(0, 'notifications/initialized', {});
await send(2, 'resources/read', { uri: 'a://1' });
while (answers.length < 2) await new Promise(setImmediate);
console.log(answers[1].contents[0].text);
await server.close();
await governor.close();
manager.close();
`;

describe('the SDKs', () => {
  let folder: string;
  const modules = (): string => path.join(folder, 'node_modules');

  async function link(...names: readonly string[]): Promise<void> {
    await rm(path.join(modules(), '@modelcontextprotocol'), { recursive: true, force: true });
    await mkdir(path.join(modules(), '@modelcontextprotocol'), { recursive: true });
    for (const name of names) {
      await symlink(path.join(ROOT, 'node_modules', name), path.join(modules(), name));
    }
  }

  async function run(program: string): Promise<string[]> {
    await writeFile(path.join(folder, 'program.mjs'), program);
    const { code, stdout, stderr } = await runProgram(
      process.execPath,
      ['program.mjs'],
      { NODE_PATH: '' },
      folder,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.trim().split('\n');
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'granary-peer-'));
    const copy = path.join(modules(), 'mcp-granary');
    const addon = path.join('crates/binding');
    await mkdir(path.join(copy, addon), { recursive: true });
    const built = (await readdir(path.join(ROOT, addon)))
      .filter((file) => /\.(node|cjs)$/.test(file))
      .map((file) => path.join(addon, file));
    for (const item of ['package.json', 'dist', ...built]) {
      await cp(path.join(ROOT, item), path.join(copy, item), { recursive: true });
    }
    // What the package depends on by itself.
    for (const name of ['sorted-btree', 'p-queue', 'cockatiel']) {
      await symlink(path.join(ROOT, 'node_modules', name), path.join(modules(), name));
    }
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('are missed where they are needed, by name and how to get them [MCP-PEER] [SDK-PEERS]', async () => {
    await link();
    const [text, ...failures] = await run(SERVES);
    expect(text).toBe('read without the SDK');
    const missing = (name: string, version: number): object => ({
      code: 'ERR_GRANARY_MISSING_PEER',
      message:
        `${name} (version ${version}) is needed to serve resources and is not installed: ` +
        `npm install ${name}@${version}`,
      data: { package: name },
    });
    expect(failures.map((failure) => JSON.parse(failure) as unknown)).toEqual([
      missing('@modelcontextprotocol/sdk', 1),
      missing('@modelcontextprotocol/server', 2),
    ]);
  });

  it.each(['@modelcontextprotocol/sdk', '@modelcontextprotocol/server'] as const)(
    'need not both be there: %s does alone [SDK-PEERS]',
    async (name) => {
      await link(name);
      expect(await run(SERVES_ON[name] + READS)).toEqual(['read']);
      const [, ...failures] = await run(SERVES);
      const named = failures.map((failure) => (JSON.parse(failure) as { data?: object }).data);
      const other = Object.keys(SERVES_ON).find((one) => one !== name);
      expect(named).toContainEqual({ package: other });
    },
  );
});
