import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { McpServer as McpServer2 } from '@modelcontextprotocol/server';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EnhancedResourceManager } from '../../src/governor/index.ts';
import { cacheServer, governTools, type GovernToolsOptions } from '../../src/mcp/index.ts';
import { deferred } from '../support/deferred.ts';
import { newLowLevelServer, newServer, Peer } from '../support/mcp-peers.ts';
import { Site, STDIO } from '../support/sdk-wires.ts';

const MIB = 1_048_576;
const module = new URL('govern-tools.fixture.mjs', import.meta.url);
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

function newGovernor(): EnhancedResourceManager {
  const governor = new EnhancedResourceManager({ sampleIntervalMs: 20, process: { graceMs: 50 } });
  open.push(governor);
  return governor;
}

async function connected(server: McpServer) {
  const peer = new Peer();
  const [here, there] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(there), peer.client.connect(here)]);
  open.push(server, peer.client);
  return peer.client;
}

function says(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}

describe('governTools on version 2 of the SDK', () => {
  const setting = STDIO.find(({ revision }) => revision === '2026-07-28')!;

  async function connectedTo(register: (server: McpServer2) => void) {
    const wire = await new Site(setting, () => {
      const server = new McpServer2({ name: 'governed', version: '1.0.0' });
      register(server);
      return server;
    }).connect();
    return async (name: string, args: object = {}, meta: Record<string, unknown> = {}) => ({
      ...(await wire.ask('tools/call', { name, arguments: args }, meta)),
      told: wire.told,
    });
  }

  it('runs tools registered before and after, and what they are updated to [GOVERN-TOOLS] [SDK-GENERATIONS]', async () => {
    const governor = newGovernor();
    const call = await connectedTo((server) => {
      const input = { inputSchema: z.object({ n: z.number() }) };
      server.registerTool('before', input, ({ n }) => says(`before ${n}`));
      governTools(server, governor, { prefix: 'served/' });
      server.registerTool('after', {}, () => says('after'));
      const tool = server.registerTool('updated', {}, () => says('first'));
      tool.update({ callback: () => says('second') });
    });
    expect((await call('before', { n: 1 })).result).toMatchObject(says('before 1'));
    expect((await call('after')).result).toMatchObject(says('after'));
    expect((await call('updated')).result).toMatchObject(says('second'));
    expect((await call('before', { n: 'x' })).result).toMatchObject({ isError: true });
    for (const name of ['before', 'after', 'updated']) {
      expect(governor.tracker.executionCount(`served/${name}`)).toBe(1);
    }
  });

  it('lets go of them when it is closed [GOVERN-TOOLS]', async () => {
    const governor = newGovernor();
    const call = await connectedTo((server) => {
      server.registerTool('tool', {}, () => says('ran'));
      governTools(server, governor).close();
      server.registerTool('later', {}, () => says('later'));
    });
    expect((await call('tool')).result).toMatchObject(says('ran'));
    expect((await call('later')).result).toMatchObject(says('later'));
    expect(governor.tracker.executionCount('tool')).toBe(0);
    expect(governor.hasTool('later')).toBe(false);
  });

  it('ends and refuses by limits, and aborts the signal of the tool [GOVERN-TOOLS-REFUSAL] [GOVERN-TOOLS-CANCEL]', async () => {
    const governor = newGovernor();
    const aborted = deferred<unknown>();
    const call = await connectedTo((server) => {
      governTools(server, governor, { tools: { waits: { timeoutMs: 20 } } });
      server.registerTool('waits', {}, ({ mcpReq: { signal } }) => {
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted.resolve(signal.reason);
            reject(signal.reason as Error);
          });
        });
      });
    });
    const { result } = await call('waits');
    expect(result).toMatchObject({ isError: true });
    expect(await aborted.promise).toBeDefined();
  });

  it('runs a module with what the SDK has checked, and tells of its progress [GOVERN-TOOLS-MODULE]', async () => {
    const governor = newGovernor();
    const call = await connectedTo((server) => {
      governTools(server, governor, {
        tools: { far: { isolation: 'process', module, export: 'shout' } },
      });
      server.registerTool('far', { inputSchema: z.object({ text: z.string() }) }, () =>
        says('never'),
      );
    });
    const { result, told } = await call('far', { text: 'hey' }, { progressToken: 'p' });
    expect(result?.['content']).toMatchObject([
      { text: expect.stringMatching(/^HEY from \d+$/) as unknown },
    ]);
    expect(told).toContainEqual(
      expect.objectContaining({
        method: 'notifications/progress',
        params: expect.objectContaining({ progressToken: 'p' }) as unknown,
      }),
    );
  });
});

describe('governTools', () => {
  it('runs tools registered before and after through the governor [GOVERN-TOOLS]', async () => {
    const server = newServer();
    const governor = newGovernor();
    const input = { inputSchema: { n: z.number() } };
    server.registerTool('before', input, async ({ n }) => says(`before ${n}`));
    governTools(server, governor, { prefix: 'served/' });
    server.registerTool('after', input, ({ n }) => says(`after ${n}`));
    server.tool('old', () => says('old'));
    const client = await connected(server);
    const call = (name: string, args = {}) => client.callTool({ name, arguments: args });
    expect(await call('before', { n: 1 })).toEqual(says('before 1'));
    expect(await call('after', { n: 2 })).toEqual(says('after 2'));
    expect(await call('old')).toEqual(says('old'));
    expect(await call('before', { n: 'x' })).toMatchObject({ isError: true });
    for (const name of ['before', 'after', 'old']) {
      expect(governor.tracker.executionCount(`served/${name}`)).toBe(1);
    }
  });

  it('governs what a tool is updated to [GOVERN-TOOLS]', async () => {
    const server = newServer();
    const governor = newGovernor();
    const tool = server.registerTool('tool', {}, () => says('first'));
    const governing = governTools(server, governor);
    tool.update({ callback: () => says('second') });
    const client = await connected(server);
    expect(await client.callTool({ name: 'tool' })).toEqual(says('second'));
    expect(governor.tracker.executionCount('tool')).toBe(1);
    governing.close();
    expect(await client.callTool({ name: 'tool' })).toEqual(says('second'));
    server.registerTool('later', {}, () => says('later'));
    expect(await client.callTool({ name: 'later' })).toEqual(says('later'));
    expect(governor.tracker.executionCount('tool')).toBe(1);
    expect(governor.hasTool('later')).toBe(false);
  });

  it('aborts the signal of a tool whose client does not wait any more [GOVERN-TOOLS-CANCEL]', async () => {
    const server = newServer();
    const aborted = deferred<unknown>();
    const begun = deferred<void>();
    server.registerTool('waits', {}, ({ signal }) => {
      begun.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.resolve(signal.reason);
          reject(signal.reason as Error);
        });
      });
    });
    governTools(server, newGovernor());
    const client = await connected(server);
    const cancelling = new AbortController();
    const call = client.callTool({ name: 'waits' }, undefined, { signal: cancelling.signal });
    const outcome = call.catch((error: unknown) => String(error));
    await begun.promise;
    cancelling.abort('not needed any more');
    expect(await outcome).toContain('not needed any more');
    expect(String(await aborted.promise)).toContain('not needed any more');
  });

  it('answers what is refused or ended by an error that a model can act on [GOVERN-TOOLS-REFUSAL]', async () => {
    const server = newServer();
    const governor = newGovernor();
    server.registerTool('grow', { inputSchema: {} }, () => says('not this one'));
    const limits = { maxMemoryBytes: 48 * MIB };
    const grow = { isolation: 'process', module, export: 'grow' } as const;
    governTools(server, governor, {
      tools: { grow: { ...grow, baseLimits: limits, maxLimits: limits } },
    });
    const client = await connected(server);
    const says48 =
      /^Resource limits exceeded: tool "grow" uses [\d.]+ MiB of memory, its limit is 48.0 MiB of memory; try again in 1 s$/;
    for (const why of ['ended', 'refused']) {
      expect(await client.callTool({ name: 'grow', arguments: {} }), why).toMatchObject({
        isError: true,
        content: [{ type: 'text', text: expect.stringMatching(says48) as string }],
        _meta: {
          'mcp-granary/limit': {
            toolId: 'grow',
            resource: 'memoryBytes',
            limit: 48 * MIB,
            retryAfterMs: 1_000,
          },
        },
      });
    }
    expect(governor.tracker.executions('grow')).toMatchObject([{ outcome: 'ended' }]);
    expect(governor.count('refused')).toBe(1);
  });

  it('runs a module in a process, checks its arguments, and passes progress [GOVERN-TOOLS-MODULE]', async () => {
    const server = newServer();
    const schema = { inputSchema: { text: z.string() } };
    server.registerTool('shout', schema, () => says('not this one'));
    const shout = { isolation: 'process', module, export: 'shout' } as const;
    governTools(server, newGovernor(), { tools: { shout } });
    const client = await connected(server);
    const progress: unknown[] = [];
    const result = await client.callTool({ name: 'shout', arguments: { text: 'hey' } }, undefined, {
      onprogress: (told) => progress.push(told),
    });
    expect(result).toMatchObject({
      content: [{ text: expect.stringMatching(/^HEY from \d+$/) as string }],
    });
    expect(result).not.toMatchObject(says(`HEY from ${process.pid}`));
    expect(progress).toEqual([{ progress: 1 }, { progress: 2, total: 2, message: 'nearly' }]);
    expect(await client.callTool({ name: 'shout', arguments: { text: 5 } })).toMatchObject({
      isError: true,
    });
  });

  it('stands beside cacheServer, in either order [GOVERN-TOOLS]', async () => {
    for (const governsFirst of [true, false]) {
      const server = newServer();
      const governor = newGovernor();
      if (governsFirst) governTools(server, governor);
      const caching = cacheServer(server);
      if (!governsFirst) governTools(server, governor);
      server.registerTool('tool', {}, () => says('here'));
      const client = await connected(server);
      expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['tool']);
      expect(await client.callTool({ name: 'tool' })).toEqual(says('here'));
      expect(governor.tracker.executionCount('tool')).toBe(1);
      caching.close();
    }
  });

  it.each<[string, (governor: EnhancedResourceManager) => unknown, RegExp]>([
    ['server', (governor) => governTools({} as never, governor), /server must be an McpServer/],
    [
      'Server',
      (governor) => governTools(newLowLevelServer() as never, governor),
      /server must be an McpServer: a Server does not tell of its tools/,
    ],
    ['governor', () => governTools(newServer(), {} as never), /governor must be an Enhanced/],
    [
      'isolation without a module',
      (governor) => governTools(newServer(), governor, { tools: { x: { isolation: 'worker' } } }),
      /tools.x.module must be a module where isolation is 'worker', got undefined/,
    ],
    [
      'limit',
      (governor) => {
        const options: GovernToolsOptions = { tools: { x: { baseLimits: { maxFileHandles: 0 } } } };
        return governTools(newServer(), governor, options);
      },
      /baseLimits.maxFileHandles must be a number above 0/,
    ],
  ])('refuses a bad %s [GOVERN-TOOLS-OPTIONS]', (_what, call, message) => {
    expect(() => call(newGovernor())).toThrow(message);
  });
});
