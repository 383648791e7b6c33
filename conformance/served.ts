import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const FIXTURE = fileURLToPath(new URL('fixture/main.js', import.meta.url));
const GRANARY = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const URL_PATTERN = /http:\/\/127\.0\.0\.1:\d+\/mcp/g;
/** What has not ended of itself by then is killed. */
const END_MS = 5_000;

/** A server in a process of its own. */
export class Served implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #behind: Served | undefined;

  private constructor(url: string, child: ChildProcess, behind?: Served) {
    this.url = url;
    this.#child = child;
    this.#behind = behind;
  }

  /** The fixture, by itself or with granary. */
  static async fixture(sdk: 'v1' | 'v2', mode: 'bare' | 'granary'): Promise<Served> {
    const child = spawn(process.execPath, [FIXTURE, sdk, mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return new Served(await toldUrl(child, child.stdout), child);
  }

  /** `granary proxy` in front of the fixture by itself. */
  static async proxied(sdk: 'v1' | 'v2', options: readonly string[]): Promise<Served> {
    const behind = await Served.fixture(sdk, 'bare');
    const args = ['proxy', '--url', behind.url, '--http', '0', '--no-inspect', ...options];
    const child = spawn(process.execPath, [GRANARY, ...args], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    try {
      return new Served(await toldUrl(child, child.stderr, behind.url), child, behind);
    } catch (error) {
      await behind[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
    await this.#behind?.[Symbol.asyncDispose]();
  }
}

/** The first address in what a child writes that is not `other`; the rest is read and dropped. */
async function toldUrl(child: ChildProcess, output: Readable, other?: string): Promise<string> {
  const written: string[] = [];
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`it ended with ${code} before it listened`)));
      createInterface(output).on('line', (line) => {
        written.push(line);
        const url = line.match(URL_PATTERN)?.find((found) => found !== other);
        if (url !== undefined) resolve(url);
      });
    });
  } catch (cause) {
    await end(child);
    throw new Error(`a server did not start:\n${written.join('\n')}`, { cause });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const last = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await ended;
  clearTimeout(last);
}
