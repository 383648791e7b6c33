/**
 * A server of SDK 2, over stdio, or with `http` as its first argument over Streamable HTTP, whose port
 * it tells on stderr. What it answers names how often it was asked, and which process answered.
 */
import { createServer } from 'node:http';
import { Readable } from 'node:stream';

import { createMcpHandler, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const reads = new Map();
const tokens = [];
let handler;

function documents(authorization) {
  const server = new McpServer(
    { name: 'documents', version: '1.0.0' },
    { capabilities: { resources: { subscribe: true, listChanged: true }, logging: {} } },
  );
  // Of revisions before 2026-07-28.
  server.server.setRequestHandler('resources/subscribe', async () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', async () => ({}));
  const template = new ResourceTemplate('docs://{id}', { list: undefined });
  const read = async ({ href }) => {
    const times = (reads.get(href) ?? 0) + 1;
    reads.set(href, times);
    const text = JSON.stringify({ times, pid: process.pid, authorization });
    return { contents: [{ uri: href, text }] };
  };
  const hint = (ttlMs, scope) => ({ cacheHint: { ttlMs, cacheScope: scope } });
  server.registerResource('minute', 'docs://minute', hint(60_000, 'private'), read);
  server.registerResource('shared', 'docs://shared', hint(60_000, 'public'), read);
  server.registerResource('brief', 'docs://brief', hint(0, 'private'), read);
  server.registerResource('any', template, hint(30_000, 'private'), read);
  server.registerTool('touch', { inputSchema: z.object({ uri: z.string() }) }, async ({ uri }) => {
    if (handler === undefined) await server.server.sendResourceUpdated({ uri });
    else handler.notify.resourceUpdated(uri);
    return { content: [{ type: 'text', text: 'touched' }] };
  });
  const written = z.object({ id: z.string(), fails: z.boolean().optional() });
  server.registerTool('write', { inputSchema: written }, async ({ fails }) => ({
    content: [{ type: 'text', text: 'written' }],
    isError: fails === true,
  }));
  server.registerTool('tokens', {}, async () => ({
    content: [{ type: 'text', text: JSON.stringify(tokens) }],
  }));
  server.registerTool('times', { inputSchema: z.object({ uri: z.string() }) }, async ({ uri }) => ({
    content: [{ type: 'text', text: String(reads.get(uri) ?? 0) }],
  }));
  server.registerTool('large', { inputSchema: z.object({ bytes: z.number() }) }, ({ bytes }) => ({
    content: [{ type: 'text', text: 'x'.repeat(bytes) }],
  }));
  const reported = z.object({ times: z.number(), bytes: z.number() });
  server.registerTool('report', { inputSchema: reported }, async ({ times, bytes }, context) => {
    const { _meta: meta } = context.mcpReq;
    for (let progress = 1; progress <= times; progress++) {
      const params = { progressToken: meta?.progressToken, progress, message: 'x'.repeat(bytes) };
      await context.mcpReq.notify({ method: 'notifications/progress', params });
    }
    return { content: [{ type: 'text', text: 'reported' }] };
  });
  server.registerTool('end', {}, async () => process.exit(3));
  server.registerTool('wait', {}, async (context) => {
    await new Promise((resolve) => {
      context.mcpReq.signal.addEventListener('abort', resolve, { once: true });
    });
    console.error('the wait was cancelled');
    return { content: [] };
  });
  return server;
}

if (process.argv[2] === 'http') {
  handler = createMcpHandler(({ requestInfo }) =>
    documents(requestInfo?.headers.get('authorization') ?? undefined),
  );
  const http = createServer(async (incoming, outgoing) => {
    tokens.push(incoming.headers.authorization ?? null);
    const leaving = new AbortController();
    outgoing.once('close', () => leaving.abort());
    const hasBody = incoming.method === 'POST';
    const request = new Request(`http://127.0.0.1${incoming.url}`, {
      method: incoming.method,
      headers: Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
      signal: leaving.signal,
      ...(hasBody && { body: Readable.toWeb(incoming), duplex: 'half' }),
    });
    const response = await handler.fetch(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) outgoing.end();
    else
      Readable.fromWeb(response.body)
        .on('error', () => {})
        .pipe(outgoing);
  });
  const port = Number(process.argv[3] ?? 0);
  http.listen(port, '127.0.0.1', () => console.error(`port=${http.address().port}`));
} else {
  serveStdio(() => documents(undefined));
}
