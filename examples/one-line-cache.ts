// A server as its author wrote it, and one line that has it answer from a cache.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { cacheServer } from 'mcp-granary/mcp';

let forecasts = 0;
const server = new McpServer({ name: 'weather', version: '1.0.0' });
server.registerResource('berlin', 'weather://berlin', {}, async ({ href }) => ({
  contents: [{ uri: href, text: await Promise.resolve(`forecast ${++forecasts}`) }],
}));

const caching = cacheServer(server, { ttlMs: 60_000 });

const client = new Client({ name: 'reader', version: '1.0.0' });
const [near, far] = InMemoryTransport.createLinkedPair();
await server.connect(far);
await client.connect(near);
const read = async (): Promise<unknown> =>
  (await client.readResource({ uri: 'weather://berlin' })).contents[0];

// Three at once: one call of the handler.
await Promise.all([read(), read(), read()]);
console.log(await read()); // { uri: 'weather://berlin', text: 'forecast 1' }

// What the server tells its clients drops the answer.
await server.server.sendResourceUpdated({ uri: 'weather://berlin' });
console.log(await read()); // { uri: 'weather://berlin', text: 'forecast 2' }

const { hits, loads } = caching.stats();
console.log({ hits, loads }); // { hits: 1, loads: 2 }
await client.close();
caching.close();
