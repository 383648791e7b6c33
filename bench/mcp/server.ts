/**
 * One contender behind one transport, in a process of its own: `TRANSPORT CONTENDER OFFER`. Forked
 * by main.ts, which asks over the channel what CPU time it has used.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CachingTransport } from 'mcp-granary/mcp';

import { cacheOptions, makeServer, newServer } from './served.ts';
import type { ContenderName, Offer, TransportName } from './workloads.ts';

const [, , transportName, contenderName, offerName] = process.argv;
const contender = contenderName as ContenderName;
const offer = offerName as Offer;
const isBytes = contender === 'granary-bytes';

type Handle = (
  request: IncomingMessage & { auth?: AuthInfo },
  response: ServerResponse,
) => Promise<void>;

async function serveStdio(): Promise<void> {
  // The SDK waits for `drain` once for every message that it could not write at once.
  process.stdout.setMaxListeners(0);
  const transport = isBytes
    ? new CachingTransport(StdioServerTransport)
    : new StdioServerTransport();
  await makeServer(contender, offer).connect(transport);
  process.send?.('ready');
}

async function listen(handle: Handle): Promise<void> {
  const http = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  });
  // The client's sockets rest while others are measured.
  http.keepAliveTimeout = 0;
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  process.send?.({ port: (http.address() as AddressInfo).port });
}

async function serveStateful(): Promise<void> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const open = async (): Promise<StreamableHTTPServerTransport> => {
    const options = {
      enableJsonResponse: true,
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id: string) => void sessions.set(id, transport),
    };
    const transport = isBytes
      ? CachingTransport.http(StreamableHTTPServerTransport, options)
      : new StreamableHTTPServerTransport(options);
    await makeServer(contender, offer).connect(transport);
    return transport;
  };
  await listen(async (request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id']));
    await (known ?? (await open())).handleRequest(request, response);
  });
}

/** What a verified token would say. */
function authorize(request: IncomingMessage & { auth?: AuthInfo }): void {
  const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
  request.auth = { token, clientId: 'bench', scopes: [] };
}

async function serveStateless(): Promise<void> {
  const handler = isBytes
    ? CachingTransport.stateless(StreamableHTTPServerTransport, () => newServer(contender, offer), {
        ...cacheOptions,
        transport: { enableJsonResponse: true },
      })
    : undefined;
  await listen(async (request, response) => {
    authorize(request);
    if (handler !== undefined) return handler.handleRequest(request, response);
    const server = makeServer(contender, offer);
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.once('close', () => void server.close());
    await server.connect(transport);
    return transport.handleRequest(request, response);
  });
}

process.on('message', () => process.send?.(process.cpuUsage()));
process.once('disconnect', () => process.exit());
switch (transportName as TransportName) {
  case 'stdio':
    await serveStdio();
    break;
  case 'http-stateful':
    await serveStateful();
    break;
  case 'http-stateless':
    await serveStateless();
    break;
}
