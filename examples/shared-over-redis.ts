// Two MCP servers, two processes, one Redis ($REDIS_URL): what one has loaded, both have, and what one drops, the
// other drops too, and tells its clients. Start it without arguments: it is the client, and starts the servers.
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { ResourceManager } from 'mcp-granary';
import { serveResources } from 'mcp-granary/mcp';
import { RedisTier } from 'mcp-granary/redis';
import { z } from 'zod';

const url = process.env['REDIS_URL'] ?? 'redis://localhost:6379';

async function serve(name: string): Promise<void> {
  const tier = new RedisTier({ url, prefix: 'shop:' });
  const manager = new ResourceManager({ tier });
  let loads = 0;
  manager.register('price://{item}', (_uri, { item }) => `${item}, load ${++loads} of ${name}`, {
    public: true,
  });
  const server = new McpServer({ name, version: '1.0.0' });
  await serveResources(server, manager);
  server.registerTool('change', { inputSchema: { uri: z.string() } }, async ({ uri }) => {
    manager.invalidate(uri);
    await manager.flush(); // from here on no process serves the old price for more than 50 ms
    return { content: [] };
  });
  await server.connect(new StdioServerTransport());
  process.stdin.once('end', () => {
    manager.close();
    void Promise.all([server.close(), tier.close()]);
  });
}

async function connect(name: string): Promise<{ client: Client; price(): Promise<unknown> }> {
  const client = new Client({ name: 'shop', version: '1.0.0' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [fileURLToPath(import.meta.url), name],
      env: { REDIS_URL: url },
    }),
  );
  const price = async (): Promise<unknown> => {
    const { contents } = await client.readResource({ uri: 'price://tea' });
    const [content] = contents;
    return content !== undefined && 'text' in content ? content.text : undefined;
  };
  return { client, price };
}

async function main(): Promise<void> {
  const [one, two] = [await connect('one'), await connect('two')];
  await one.client.callTool({ name: 'change', arguments: { uri: 'price://tea' } }); // of an earlier run
  console.log(await one.price()); // tea, load 1 of one
  console.log(await two.price()); // tea, load 1 of one
  await two.client.subscribeResource({ uri: 'price://tea' });
  const told = new Promise((resolve) => {
    two.client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) =>
      resolve(params.uri),
    );
  });
  await one.client.callTool({ name: 'change', arguments: { uri: 'price://tea' } });
  console.log(await told); // price://tea
  console.log(await two.price()); // tea, load 1 of two
  console.log(await one.price()); // tea, load 1 of two
  await one.client.close();
  await two.client.close();
}

const [name] = process.argv.slice(2);
await (name === undefined ? main() : serve(name));
