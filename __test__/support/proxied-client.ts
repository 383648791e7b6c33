import { createRequire } from 'node:module';
import path from 'node:path';
import { PassThrough } from 'node:stream';

import {
  Client as ModernClient,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OlderHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { onTestFinished } from 'vitest';

import { GRANARY } from './granary-command.ts';
import { ROOT } from './run-program.ts';

const require = createRequire(import.meta.url);

/** Commands of servers that nobody here wrote, and of the one in fixtures. */
export const EVERYTHING = [
  process.execPath,
  require.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
];
export const FILESYSTEM = [
  process.execPath,
  require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js'),
];
export const DOCUMENTS = [
  process.execPath,
  path.join(ROOT, '__test__/proxy/documents.fixture.mjs'),
];

/** What a proxy has written on stderr. */
class ProxyLog {
  text = '';

  follow(stream: NodeJS.ReadableStream | null): void {
    stream?.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
    stream?.pipe(new PassThrough().resume());
  }

  /** Process ids of the upstreams that were started so far. */
  get pids(): readonly number[] {
    return Array.from(this.text.matchAll(/has started pid=(\d+)/g), ([, pid]) => Number(pid));
  }
}

interface Connected<C> {
  readonly client: C;
  readonly log: ProxyLog;
  readonly pid: number | null;
}

/** A client of SDK 1 of a proxy over stdio. */
export async function connectOlder(
  client: Client,
  ...args: readonly string[]
): Promise<Connected<Client>> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [GRANARY, 'proxy', ...args],
    stderr: 'pipe',
  });
  const log = new ProxyLog();
  log.follow(transport.stderr as NodeJS.ReadableStream | null);
  onTestFinished(() => client.close());
  await client.connect(transport);
  return { client, log, pid: transport.pid };
}

/** A client of SDK 2 of a proxy over stdio, on the newest revision that both ends have. */
export async function connectModern(...args: readonly string[]): Promise<Connected<ModernClient>> {
  const transport = new ModernStdio({
    command: process.execPath,
    args: [GRANARY, 'proxy', ...args],
    stderr: 'pipe',
  });
  const log = new ProxyLog();
  log.follow(transport.stderr as NodeJS.ReadableStream | null);
  const client = newModernClient();
  onTestFinished(() => client.close());
  await client.connect(transport);
  return { client, log, pid: transport.pid };
}

export async function connectOlderHttp(url: string, token?: string): Promise<Client> {
  const client = newClient();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  onTestFinished(() => client.close());
  await client.connect(new OlderHttp(new URL(url), { requestInit: { headers } }));
  return client;
}

export async function connectModernHttp(url: string, token?: string): Promise<ModernClient> {
  const client = newModernClient();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  onTestFinished(() => client.close());
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
  );
  return client;
}

export function newClient(): Client {
  return new Client({ name: 'reader', version: '1.0.0' });
}

function newModernClient(): ModernClient {
  return new ModernClient(
    { name: 'reader', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
}
