import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { LRUCache } from 'lru-cache';
import { cacheServer } from 'mcp-granary/mcp';
import { ResourceCache } from 'mcp-granary';
import { z } from 'zod';

import { KINDS, textOf, TOOLS, WORKLOADS, type ContenderName, type Offer } from './workloads.ts';

type Read = { contents: { uri: string; mimeType: string; text: string }[] };

/** The origin: all documents in memory. */
const documents = new Map(
  WORKLOADS.flatMap(({ params }) =>
    params.flatMap((each) => ('uri' in each ? [String(each.uri)] : [])),
  ).map((uri) => [uri, textOf(uri)]),
);
const TTL_MS = 3_600_000;

function load(uri: string): Read {
  const text = documents.get(uri);
  if (text === undefined) throw new Error(`no document ${uri}`);
  return { contents: [{ uri, mimeType: 'text/plain', text }] };
}

const lru = new LRUCache<string, Read>({ max: 100, ttl: TTL_MS });

function loadThroughLru(uri: string): Read {
  const kept = lru.get(uri);
  if (kept !== undefined) return kept;
  const read = load(uri);
  lru.set(uri, read);
  return read;
}

/** Shared by all servers of the process, as where one is made for each request. */
export const cacheOptions = { cache: new ResourceCache(), ttlMs: TTL_MS };

/** @returns a server that is not connected yet; cached where the contender caches answers */
export function makeServer(contender: ContenderName, offer: Offer): McpServer {
  const server = newServer(contender, offer);
  if (contender === 'granary' || contender === 'granary-bytes') cacheServer(server, cacheOptions);
  return server;
}

/** The same, not cached. */
export function newServer(contender: ContenderName, offer: Offer): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  if (offer === 'tools') {
    for (let at = 0; at < TOOLS; at++) registerTool(server, at);
    return server;
  }
  const read = contender === 'sdk+lru-cache' ? loadThroughLru : load;
  for (const kind of KINDS) {
    const template = new ResourceTemplate(`${kind}://documents/{id}`, { list: undefined });
    server.registerResource(kind, template, {}, async ({ href }) => read(href));
  }
  return server;
}

const INPUT = {
  query: z.string().min(1).describe('what is looked for'),
  limit: z.number().int().min(1).max(100).default(10),
  format: z.enum(['text', 'json', 'markdown']).optional(),
  tags: z.array(z.string()).describe('all of them must be there'),
  since: z.string().optional(),
};

function registerTool(server: McpServer, at: number): void {
  const description = `Searches collection ${at} of ${TOOLS}.`;
  server.registerTool(`search-${at}`, { description, inputSchema: INPUT }, async () => ({
    content: [],
  }));
}
