import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import type { commandFixture, RunningCommand } from './granary-command.ts';
import { DOCUMENTS } from './proxied-client.ts';
import { ROOT } from './run-program.ts';

type CommandFixture = ReturnType<typeof commandFixture>;

/** A server that hostile input is sent to, and a text of 200 kB in it. */
export interface HostileTarget {
  readonly command: RunningCommand;
  readonly uri: string;
  readonly text: string;
}

/** What is served by each way in. */
export interface HostileTargets {
  readonly name: string;
  readonly start: (fixture: CommandFixture) => Promise<HostileTarget>;
}

const TEXT = 'x'.repeat(200_000);
const CACHED = path.join(ROOT, '__test__/mcp/cached-server.fixture.mjs');
const CACHED_HTTP = path.join(ROOT, '.setup/programs/conformance/fixture/main.js');

function folderOf(fixture: CommandFixture): { folder: string; uri: string } {
  const folder = fixture.folder({ 'large.txt': TEXT });
  return { folder, uri: pathToFileURL(path.join(folder, 'large.txt')).href };
}

const cachedUri = `size://${TEXT.length}`;

/** Over stdin and stdout; initialized. */
export const STDIO_TARGETS: readonly HostileTargets[] = [
  {
    name: 'granary serve',
    async start(fixture) {
      const { folder, uri } = folderOf(fixture);
      return initialized(fixture.run('serve', folder), uri);
    },
  },
  {
    name: 'a cached server',
    start: (fixture) => initialized(fixture.runAt(CACHED), cachedUri),
  },
  {
    name: 'granary proxy',
    start: (fixture) =>
      initialized(fixture.run('proxy', '--', process.execPath, CACHED), cachedUri),
  },
];

async function initialized(command: RunningCommand, uri: string): Promise<HostileTarget> {
  await command.initialize();
  return { command, uri, text: TEXT };
}

/** A server that listens. */
export interface HttpTarget {
  readonly command: RunningCommand;
  readonly url: URL;
  readonly port: number;
  readonly uri: string;
}

/** Over Streamable HTTP, with sessions. */
export const HTTP_TARGETS: readonly {
  readonly name: string;
  readonly start: (fixture: CommandFixture) => Promise<HttpTarget>;
}[] = [
  {
    name: 'granary serve',
    async start(fixture) {
      const { folder, uri } = folderOf(fixture);
      const command = fixture.run('serve', folder, '--http', '0');
      const [, url = ''] = await command.logged(/url="([^"]+)"/);
      return listening(command, url, uri);
    },
  },
  {
    name: 'granary proxy',
    async start(fixture) {
      const own = ['--http', '0', '--max-sessions', '1000'];
      const command = fixture.run('proxy', ...own, '--', process.execPath, CACHED);
      const [, url = ''] = await command.logged(/url="([^"]+)"/);
      return listening(command, url, cachedUri);
    },
  },
];

/** `granary proxy --url` in front of the fixture of the conformance suite, a session there for each here. */
export async function proxiedUrl(fixture: CommandFixture): Promise<HttpTarget> {
  const { url, uri } = await cachedHttp(fixture);
  const own = ['--http', '0', '--max-sessions', '1000'];
  const command = fixture.run('proxy', ...own, '--url', url.href);
  const [, offered = ''] = await command.logged(/over HTTP url="([^"]+)"/);
  return listening(command, offered, uri);
}

/** `granary proxy` in front of the server of SDK 2, a process for each session. */
export async function proxiedDocuments(
  fixture: CommandFixture,
  ...args: readonly string[]
): Promise<HttpTarget> {
  const command = fixture.run('proxy', '--http', '0', ...args, '--', ...DOCUMENTS);
  const [, url = ''] = await command.logged(/url="([^"]+)"/);
  return listening(command, url, 'docs://7');
}

/** The fixture of the conformance suite, whose servers of SDK 1 are cached. */
export async function cachedHttp(fixture: CommandFixture): Promise<HttpTarget> {
  const command = fixture.runAt(CACHED_HTTP, 'v1', 'granary');
  for (;;) {
    const url = /http:\S+/.exec(command.stdout)?.[0];
    if (url !== undefined) return listening(command, url, 'test://static-text');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function listening(command: RunningCommand, url: string, uri: string): HttpTarget {
  return { command, url: new URL(url), port: Number(new URL(url).port), uri };
}

/** Resident bytes of a process now, and the most that it ever had; Linux only. */
export function residentBytes({ child }: RunningCommand): { now: number; most: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return { now: bytes('VmRSS') * 1_024, most: bytes('VmHWM') * 1_024 };
}

/** Processes that a process has started and that run; Linux only. */
export function children({ child }: RunningCommand): number {
  const listed = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return listed.split(' ').filter((pid) => pid !== '').length;
}

/** Open descriptors of a process; Linux only. */
export function descriptors({ child }: RunningCommand): number {
  return readdirSync(`/proc/${child.pid}/fd`).length;
}

export const IS_LINUX = process.platform === 'linux';
