// Version 2 of the SDK, where each HTTP request has a server of its own: what is cached outlives them.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { ResourceCache } from 'mcp-granary';
import { cacheServer, linkEvents } from 'mcp-granary/mcp';

let forecasts = 0;
const cache = new ResourceCache({ ttlMs: 60_000 });
const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'weather', version: '1.0.0' });
  server.server.registerCapabilities({ resources: { subscribe: true } });
  server.registerResource('berlin', 'weather://berlin', {}, async ({ href }) => ({
    contents: [{ uri: href, text: await Promise.resolve(`forecast ${++forecasts}`) }],
  }));
  cacheServer(server, { cache, public: ['weather://{city}'] });
  return server;
});
linkEvents(handler, { cache });

const answer = toNodeHandler(handler);
const http = createServer((request, response) => void answer(request as never, response));
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
const url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);

async function connect(): Promise<Client> {
  const mode = { pin: '2026-07-28' } as const;
  const client = new Client({ name: 'reader', version: '1.0.0' }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(url));
  return client;
}

const [one, two] = [await connect(), await connect()];
const read = async (client: Client): Promise<unknown> =>
  (await client.readResource({ uri: 'weather://berlin' })).contents[0];
console.log(await read(one)); // { uri: 'weather://berlin', text: 'forecast 1' }
console.log(await read(two)); // { uri: 'weather://berlin', text: 'forecast 1' }

// Dropped here, then told to who listens, whose own cache drops it too.
const heard = new Promise<void>((resolve) => {
  one.setNotificationHandler('notifications/resources/updated', () => resolve());
});
await one.listen({ resourceSubscriptions: ['weather://berlin'] });
handler.notify.resourceUpdated('weather://berlin');
await heard;
console.log(await read(one)); // { uri: 'weather://berlin', text: 'forecast 2' }

for (const client of [one, two]) await client.close();
await handler.close();
http.closeAllConnections();
http.close();
