/** One of the threads: an MCP server as in the other acts, and a client of the SDK that reads from it. */
import { hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { ResourceManager } from 'mcp-granary';
import { serveResources } from 'mcp-granary/mcp';

import { DOCUMENT_TEMPLATE } from '../documents.ts';
import { randomFrom, RequestMix, shuffled } from '../request-mix.ts';
import { Origin } from './origin.ts';
import {
  NOTE_TEMPLATE,
  NOTE_URI,
  type ThreadAnswer,
  type ThreadRequest,
  type ThreadSettings,
} from './thread-settings.ts';

const settings = workerData as ThreadSettings;
const {
  root,
  notes,
  storage,
  maxEntries,
  maxBytes,
  nearEntries,
  documents,
  copies,
  reads,
  exponent,
} = settings;
const origin = new Origin(root, 0);
const noteOrigin = new Origin(notes, 0);

const manager = new ResourceManager(
  storage === 'native'
    ? { storage, name: 'documents', maxEntries, maxBytes, nearEntries }
    : { maxEntries, maxBytes },
);
const text = { mimeType: 'text/plain', public: true };
manager.register(
  DOCUMENT_TEMPLATE,
  async (_uri, { path = '' }) => (await origin.read(path)).repeat(copies),
  text,
);
manager.register(NOTE_TEMPLATE, (_uri, { path = '' }) => noteOrigin.read(path), text);

const server = new McpServer({ name: 'documents', version: '1.0.0' });
await serveResources(server, manager);
const client = new Client({ name: 'granary-demo', version: '1.0.0' });
const [near, far] = InMemoryTransport.createLinkedPair();
await server.connect(far);
await client.connect(near);

async function read(uri: string): Promise<string> {
  const [content] = (await client.readResource({ uri })).contents;
  return content !== undefined && 'text' in content ? content.text : '';
}

/** @returns how many answers were not the document */
async function readAll(seed: number): Promise<number> {
  let wrong = 0;
  for (const { uri, digest } of shuffled(documents, randomFrom(seed))) {
    if (hash('sha1', await read(uri)) !== digest) wrong++;
  }
  return wrong;
}

/** As `readAll`, by length only: a digest would take longer than the read that is timed. */
async function readSkewed(seed: number): Promise<number> {
  let wrong = 0;
  for (const { uri, length } of new RequestMix(documents, exponent, seed).take(reads)) {
    if ((await read(uri)).length !== length) wrong++;
  }
  return wrong;
}

async function answerTo(request: ThreadRequest): Promise<ThreadAnswer> {
  switch (request.ask) {
    case 'read-all':
      return readAll(request.seed);
    case 'read-skewed':
      return readSkewed(request.seed);
    case 'read-note':
      return read(NOTE_URI);
    case 'drop-note':
      return Number(manager.invalidate(NOTE_URI));
    case 'collect-garbage':
      globalThis.gc?.();
      return 0;
    case 'origin-loads':
      return origin.loads;
  }
}

parentPort?.on('message', (request: ThreadRequest) => {
  void answerTo(request).then((answer) => parentPort?.postMessage(answer));
});
