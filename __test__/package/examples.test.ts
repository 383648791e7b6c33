import { readdirSync } from 'node:fs';
import path from 'node:path';

import { Client as Client2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioClientTransport2 } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { describe, expect, it } from 'vitest';

import { useRedis } from '../support/redis-server.ts';
import { ROOT, runProgram } from '../support/run-program.ts';

/** Compiled by the set-up; each imports the package by its name, as a stranger would. */
const COMPILED = path.join(ROOT, '.setup/programs/examples');

/** What each example that ends by itself prints. */
const OUTPUTS: Readonly<Record<string, readonly string[]>> = {
  'resource-cache': ['the user of user://42', '1', 'undefined'],
  'resource-manager': [
    '{"id":"42","name":"User 42"}',
    'The mail of ada',
    'user://42/profile was dropped',
  ],
  'one-line-cache': [
    "{ uri: 'weather://berlin', text: 'forecast 1' }",
    "{ uri: 'weather://berlin', text: 'forecast 2' }",
    '{ hits: 1, loads: 2 }',
  ],
  'per-request-server': [
    "{ uri: 'weather://berlin', text: 'forecast 1' }",
    "{ uri: 'weather://berlin', text: 'forecast 1' }",
    "{ uri: 'weather://berlin', text: 'forecast 2' }",
  ],
  'warm-restart': ["1 { name: 'Ada' }", '1', 'ERR_GRANARY_BAD_DUMP'],
  'own-tier': ['user://42, load 1', 'user://42, load 1', 'user://42, load 2'],
  'governed-tools': [
    'greedy failed: Resource limits exceeded: tool "greedy" uses N MiB of memory, its limit is 64.0 MiB of memory; try again in 1 s',
    'endless failed: Resource limits exceeded: tool "endless" uses N s of CPU time, its limit is 0.30 s of CPU time; try again in 1 s',
    'leaking: done',
    'true',
    'endless was asked to end: cpuTimeMs',
    'greedy was asked to end: memoryBytes',
    'leaking left 2 open, 2 closed',
  ],
  'shared-by-workers': ['1', 'true', '{"item":"tea","loadedBy":0}', '{"item":"tea","loadedBy":0}'],
};

describe('examples', () => {
  const redis = useRedis();

  it('are all run here [EXAMPLES-RUN]', () => {
    const examples = readdirSync(path.join(ROOT, 'examples')).filter((file) =>
      file.endsWith('.ts'),
    );
    expect(examples.toSorted()).toEqual(
      [...Object.keys(OUTPUTS), 'serve-both-eras', 'serve-resources', 'shared-over-redis']
        .map((name) => `${name}.ts`)
        .toSorted(),
    );
  });

  it.each(Object.entries(OUTPUTS))(
    '%s prints what its comments say [EXAMPLES-RUN]',
    async (name, lines) => {
      const { code, stdout, stderr } = await runProgram(process.execPath, [
        path.join(COMPILED, `${name}.js`),
      ]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.trimEnd().split('\n')).toEqual(lines);
    },
  );

  it('shared-over-redis has two servers share what they load, and drop it for each other [EXAMPLES-RUN] [TIER-MANAGER] [TIER-COHERENT]', async () => {
    const program = path.join(COMPILED, 'shared-over-redis.js');
    const run = await runProgram(process.execPath, [program], { REDIS_URL: redis.url });
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.trimEnd().split('\n')).toEqual([
      'tea, load 1 of one',
      'tea, load 1 of one',
      'price://tea',
      'tea, load 1 of two',
      'tea, load 1 of two',
    ]);
  });

  it.each(['2025-11-25', '2026-07-28'] as const)(
    'serve-both-eras serves a client of %s over stdio, and tells it of changes [EXAMPLES-RUN] [SDK-GENERATIONS] [EVENTS-BOTH-ERAS]',
    async (revision) => {
      const isStateless = revision === '2026-07-28';
      const mode = isStateless ? { pin: revision } : 'legacy';
      const client = new Client2(
        { name: 'test', version: '1.0.0' },
        { versionNegotiation: { mode } },
      );
      const told = new Promise<string>((resolve) => {
        client.setNotificationHandler('notifications/resources/updated', ({ params }) =>
          resolve(params.uri),
        );
      });
      const program = path.join(COMPILED, 'serve-both-eras.js');
      await client.connect(
        new StdioClientTransport2({ command: process.execPath, args: [program], stderr: 'pipe' }),
      );
      try {
        expect(client.getNegotiatedProtocolVersion()).toBe(revision);
        const uri = 'note://today';
        const read = () => client.readResource({ uri }, { cacheMode: 'bypass' });
        expect((await client.listResources()).resources.map((one) => one.uri)).toContain(uri);
        const first = await read();
        expect(first.contents).toEqual([{ uri, text: 'Water the plants' }]);
        if (isStateless) {
          expect(first).toMatchObject({ cacheScope: 'public' });
          expect(first['ttlMs']).toBeGreaterThan(30_000);
          await client.listen({ resourceSubscriptions: [uri] });
        } else {
          expect(Object.keys(first)).toEqual(['contents']);
          await client.subscribeResource({ uri });
        }
        await client.callTool({ name: 'write' });
        expect(await told).toBe(uri);
        expect((await read()).contents).toEqual([{ uri, text: 'Done' }]);
      } finally {
        await client.close();
      }
    },
  );

  it('serve-resources serves a client of the SDK over stdio [EXAMPLES-RUN] [MCP-READ]', async () => {
    const client = new Client({ name: 'test', version: '1.0.0' });
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [path.join(COMPILED, 'serve-resources.js')],
      stderr: 'pipe',
    });
    await client.connect(transport);
    try {
      expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual([
        'note://today',
        'note://tomorrow',
      ]);
      expect((await client.readResource({ uri: 'note://today' })).contents).toEqual([
        { uri: 'note://today', text: 'Water the plants' },
      ]);
      await expect(client.readResource({ uri: 'note://never' })).rejects.toMatchObject({
        code: -32_002,
      });
      const { completion } = await client.complete({
        ref: { type: 'ref/resource', uri: 'note://{id}' },
        argument: { name: 'id', value: 'tom' },
      });
      expect(completion.values).toEqual(['tomorrow']);
    } finally {
      await client.close();
    }
  });
});
