import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { McpServer } from '@modelcontextprotocol/server';
import { expect, it } from 'vitest';

import { ResourceManager } from '../../src/manager/resource-manager.ts';
import { cacheServer } from '../../src/mcp/cache-server.ts';
import { serveResources } from '../../src/mcp/serve-resources.ts';

const MUTATES = { write: ['note://one'] };

it.each(['cacheServer', 'serveResources'])(
  'has a tool of a server of version 2 drop what it changes (%s) [MUTATE-EVICTS, MUTATE-FAILURE]',
  async (by) => {
    let text = 'first';
    let reads = 0;
    let isError = false;
    const server = new McpServer({ name: 'notes', version: '1.0.0' });
    server.registerTool('write', {}, () => {
      if (!isError) text = 'second';
      return { content: [], isError };
    });
    const read = (): string => {
      reads++;
      return text;
    };
    using manager = new ResourceManager();
    if (by === 'serveResources') {
      manager.register('note://one', read, { public: true });
      await serveResources(server, manager, { mutates: MUTATES });
    } else {
      server.registerResource('one', 'note://one', {}, ({ href }) => ({
        contents: [{ uri: href, text: read() }],
      }));
      cacheServer(server, { mutates: MUTATES });
    }
    const client = new Client({ name: 'test', version: '1.0.0' });
    const [near, far] = InMemoryTransport.createLinkedPair();
    await Promise.all([server.connect(far), client.connect(near)]);
    const textOf = async (): Promise<unknown> =>
      (await client.readResource({ uri: 'note://one' })).contents[0];
    expect(await textOf()).toMatchObject({ text: 'first' });
    isError = true;
    await client.callTool({ name: 'write' });
    expect(await textOf()).toMatchObject({ text: 'first' });
    expect(reads).toBe(1);
    isError = false;
    await client.callTool({ name: 'write' });
    expect(await textOf()).toMatchObject({ text: 'second' });
    expect(reads).toBe(2);
    await client.close();
  },
);
